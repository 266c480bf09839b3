package netlog

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/netlog/capture"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/pcap"
)

// Watch makes points of what passes one interface of the own network
// namespace, until ctx ends. It needs CAP_NET_RAW. What it keeps
// (cfg.Keep), read by [Replay] with the same cfg, gives the same logs.
func Watch(ctx context.Context, name string, cfg PassConfig, out point.Sink) (_ []ledger.Account, err error) {
	device, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("capture from %s: %w", name, err)
	}
	link := packet.LinkEthernet
	if len(device.HardwareAddr) != 6 {
		link = packet.LinkRaw
	}
	if cfg.On, err = describe(device); err != nil {
		return nil, fmt.Errorf("capture from %s: %w", name, err)
	}
	blockSize, blocks := geometry(cfg.Table.RingSize)
	ring, err := capture.Open(capture.Config{
		Index: device.Index, Link: link, BlockSize: blockSize, Blocks: blocks,
		SnapLen: cfg.Table.SnapLength, Wait: pollTime, Loopback: device.Flags&net.FlagLoopback != 0,
	})
	if err != nil {
		return nil, fmt.Errorf("capture from %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	described := []pcap.Interface{{Name: name, Link: link, SnapLen: cfg.Table.SnapLength}}
	r, err := newPass(cfg, ring, func() []pcap.Interface { return described }, out)
	if err != nil {
		return nil, err
	}
	var ended time.Time
	return r.run(context.WithoutCancel(ctx), func(n int) (int64, bool) {
		now := time.Now()
		if ctx.Err() != nil && ended.IsZero() {
			ended = now
		}
		return now.Add(-lag).UnixNano(), !ended.IsZero() && (n == 0 || now.Sub(ended) > drainTime)
	})
}

// describe is an interface of the own namespace.
func describe(device *net.Interface) (Interface, error) {
	on := Interface{Name: device.Name}
	copy(on.MAC[:], device.HardwareAddr)
	var own, host unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &own); err != nil {
		return on, fmt.Errorf("find the network namespace: %w", err)
	}
	on.Netns, on.NetnsDev = own.Ino, own.Dev
	on.Host = unix.Stat("/proc/1/ns/net", &host) != nil || host.Ino == own.Ino
	link, err := netlink.LinkByIndex(device.Index)
	if err != nil {
		return on, err
	}
	on.Virtual = link.Type() != "device" || device.Flags&net.FlagLoopback != 0
	addrs, err := device.Addrs()
	if err != nil {
		return on, err
	}
	var mine []netip.Addr
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(n.IP); ok {
				mine = append(mine, addr.Unmap())
			}
		}
	}
	on.Owns = func(a netip.Addr) bool { return slices.Contains(mine, a) }
	return on, nil
}
