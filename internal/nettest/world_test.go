package nettest

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// The hosts see each other, over both families, and nothing else.
func TestWorld(t *testing.T) {
	w := New(t)
	for _, address := range []string{w.Far.V4, w.Far.V6} {
		var l net.Listener
		w.Far.In(t, func() (err error) {
			l, err = net.Listen("tcp", net.JoinHostPort(address, "0"))
			return err
		})
		w.Near.Listens(t, l.Addr().String())
		if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
			c.Close()
			t.Errorf("%s can be reached from this machine", l.Addr())
		}
		l.Close()
	}
	for _, h := range []*Host{w.Near, w.Far} {
		if got := h.Run(t, "cat", "/proc/net/dev"); strings.Count(got, ":") != 2 || !strings.Contains(got, " "+h.Name+":") || !strings.Contains(got, " lo:") {
			t.Errorf("interfaces of %s:\n%s", h.Name, got)
		}
	}
	if w.Near.Netns(t).Inode == w.Far.Netns(t).Inode {
		t.Error("both hosts are one namespace")
	}
}

func TestPrograms(t *testing.T) {
	h := NewHost(t, "unused", "", "")
	h.Sysctl(t, "net/ipv4/ip_local_port_range", "2000 3000")
	h.Sysctl(t, "net/ipv4/of_another_kernel", "1")
	if got := strings.Fields(h.Run(t, "cat", "/proc/sys/net/ipv4/ip_local_port_range")); strings.Join(got, " ") != "2000 3000" {
		t.Errorf("ports are %q", got)
	}
	if out, err := h.Try(t, "sh", "-c", "echo oh; exit 3"); err == nil || err.Error() != "exit status 3" || out != "oh\n" {
		t.Errorf("%q, %v", out, err)
	}
	cmd := exec.Command("cat")
	cmd.Stdin = strings.NewReader("handed over")
	if got := h.Finish(t, cmd); got != "handed over" || cmd.Process.Pid == 0 {
		t.Errorf("got %q of process %d", got, cmd.Process.Pid)
	}
	var pid int
	t.Run("its daemon", func(t *testing.T) { pid = h.Daemon(t, "sleep", "600").Process.Pid })
	if err := exec.Command("kill", "-0", "--", "-"+strconv.Itoa(pid)).Run(); err == nil {
		t.Errorf("daemon %d outlives its test", pid)
	}
}

// Tcpdump has every packet when it is stopped.
func TestTcpdump(t *testing.T) {
	w := New(t)
	file, stop := w.Far.Tcpdump(t, "udp")
	near, far := w.Near.Link(t), w.Far.Link(t)
	const n = 100
	var frames [][]byte
	for i := range n {
		frames = append(frames, UDPFrame(near.HardwareAddr, far.HardwareAddr, uint32(i), 64))
	}
	w.Near.In(t, func() error {
		b, err := NewBlaster(near.Index, frames)
		if err != nil {
			return err
		}
		defer b.Close()
		_, err = b.Send(n)
		return err
	})
	must(t, stop())
	info, err := os.Stat(file)
	must(t, err)
	// pcap(5): a header of 24 bytes, and 16 before each packet.
	if want := int64(24 + n*(16+len(frames[0]))); info.Size() != want {
		t.Errorf("%d bytes were captured, want %d", info.Size(), want)
	}
}
