package netlog

import (
	"os"

	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/netlog/capture"
	"datakit.dev/agent/netlog/nic"
)

// changed starts and stops captures as interfaces come and go. It is called
// by the watcher only.
func (p *Plugin) changed(e nic.Event) {
	k := nicKey{e.NIC.Space.Inode, e.NIC.Index}
	switch e.What {
	case nic.Appeared:
		p.start(k, e.NIC)
	case nic.Changed:
		p.mu.Lock()
		l := p.lives[k]
		p.mu.Unlock()
		if l != nil && l.tap.on.Name == e.NIC.Name && l.tap.on.MAC == e.NIC.MAC {
			l.setAddrs(e.NIC.Addrs)
			return
		}
		p.stop(k)
		p.start(k, e.NIC)
	case nic.Gone:
		delete(p.turned, k)
		p.stop(k)
		for k, n := range p.turned { // there may be room now
			p.start(k, n)
			break
		}
	}
}

// start captures from an interface. One that cannot be captured does not
// disturb the others.
func (p *Plugin) start(k nicKey, n *nic.NIC) {
	p.mu.Lock()
	full := len(p.lives) >= p.table.MaxInterfaces
	p.mu.Unlock()
	delete(p.turned, k)
	if full {
		p.turned[k] = n
		p.env.Log.Warn("interface is not captured: max_interfaces are", "interface", n.String(), "max_interfaces", p.table.MaxInterfaces)
		return
	}
	size := p.table.ContainerRingSize
	if n.Space.Host {
		size = p.table.RingSize
	}
	on := Interface{
		Name: n.Name, MAC: n.MAC, Netns: n.Space.Inode, NetnsDev: p.netnsDev,
		Host: n.Space.Host, Virtual: n.Kind != "" || n.Loopback, Listens: n.Space.Listening,
	}
	kernel := p.kernelFilter(n.Link, &on)
	blockSize, blocks := geometry(size)
	var ring *capture.Ring
	err := n.Space.In(func() (err error) {
		ring, err = capture.Open(capture.Config{
			Index: n.Index, Link: n.Link, BlockSize: blockSize, Blocks: blocks,
			SnapLen: p.table.SnapLength, Wait: pollTime, Loopback: n.Loopback,
			Filter: kernel.Capture(),
		})
		return err
	})
	if err != nil {
		_ = kernel.Close()
		p.env.Log.Warn("interface is not captured", "interface", n.String(), "error", err)
		return
	}
	l := newLive(ring, on, &p.taps, p.out, p.env.Now)
	l.kernel = kernel
	l.setAddrs(n.Addrs)
	p.mu.Lock()
	p.lives[k] = l
	p.mu.Unlock()
	p.env.Log.Info("capturing", "interface", n.String(), "blacklist", kernel.Kind())
	go func() { // ends after stop, which waits for it
		if err := l.run(); err != nil {
			p.env.Log.Warn("capture ended", "interface", n.String(), "error", err)
		}
	}()
}

// stop ends the capture of an interface and keeps its counters.
func (p *Plugin) stop(k nicKey) {
	p.mu.Lock()
	l := p.lives[k]
	p.mu.Unlock()
	if l == nil {
		return
	}
	l.stop()
	<-l.done
	p.mu.Lock()
	defer p.mu.Unlock()
	t := *l.totals.Load()
	t.source = l.source.Stats()
	t.waiting = t.source.Waiting()
	t.kernel = droppedInKernel(l.kernel, &t.source)
	_ = l.source.Close()
	_ = l.kernel.Close()
	p.retired.add(&t)
	delete(p.lives, k)
}

// geometry divides the memory of a ring into blocks.
func geometry(size config.Size) (block, blocks int) {
	block = capture.DefaultBlockSize
	for int64(block)*8 > int64(size) && block > os.Getpagesize()*16 {
		block /= 2
	}
	return block, max(int(int64(size)/int64(block)), 2)
}
