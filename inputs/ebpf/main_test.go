package ebpf

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/sdk"
)

// playKey makes the test binary play datakit-ebpf instead of testing.
const playKey = "DKE_TEST_PLAY"

func TestMain(m *testing.M) {
	if part := os.Getenv(playKey); part != "" {
		if part == "network" {
			ownNetwork()
		}
		os.Exit(sdk.Serve(play(part)))
	}
	goleak.VerifyTestMain(m)
}

// play is a program with the block of datakit-ebpf and one plugin that plays
// a part.
func play(part string) sdk.Program {
	return sdk.Program{
		Name: "datakit-ebpf", Version: "test", Short: "test",
		Config: func() any { return plugins.DefaultEBPF() },
		Settings: func(cfg any) sdk.Settings {
			c := cfg.(*plugins.EBPF)
			return sdk.Settings{Plugins: c.EnabledPlugins, Interval: c.Interval, CPULimit: c.CPULimit, MemLimit: c.MemLimit, NetLimit: c.NetLimit, Tags: c.Tags}
		},
		Plugins: []plugins.Factory{{
			Name: "ebpf-net", Help: "test",
			New: func(plugins.Config, plugins.Env) (plugins.Plugin, error) { return &actor{part: part}, nil },
		}},
	}
}

type actor struct {
	part string
	n    int64
}

func (a *actor) Load() error {
	if a.part == "unsupported" {
		return fmt.Errorf("attach: %w: needs Linux 5.10 with BTF", plugins.ErrNotSupported)
	}
	return nil
}

func (a *actor) Close() error { return nil }

func (a *actor) Run(ctx context.Context, out point.Sink) error {
	switch a.part {
	case "burn": // most of one core
		for ctx.Err() == nil {
			for until := time.Now().Add(40 * time.Millisecond); time.Now().Before(until); {
			}
			time.Sleep(10 * time.Millisecond)
		}
		return nil
	case "grow":
		var all [][]byte
		for ctx.Err() == nil {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			all = append(all, b)
			time.Sleep(80 * time.Millisecond) // slow enough for five looks before the supervisor's bound
		}
		runtime.KeepAlive(all)
		return nil
	case "network":
		return flood(ctx)
	case "stray": // a panic that nobody can catch
		go func() { panic("stray goroutine") }()
	}
	for {
		if err := a.feed(ctx, out); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return a.feed(context.WithoutCancel(ctx), out) // the last interval
		case <-time.After(time.Millisecond):
		}
	}
}

// feed feeds 100 points.
func (a *actor) feed(ctx context.Context, out point.Sink) error {
	var pts []point.Point
	for range 100 {
		a.n++
		pts = append(pts, point.Point{Measurement: "netflow", Time: 1e18 + a.n, Fields: []point.Field{{Key: "n", Value: point.Int(a.n)}}})
	}
	return out.Feed(ctx, point.Network, pts)
}

// ownNetwork starts this program again in a network namespace of its own,
// with two interfaces that are connected to each other.
func ownNetwork() {
	if os.Getenv("INNER") == "" {
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			panic(err)
		}
		panic(syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), "INNER=1")))
	}
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "va"}, PeerName: "vb"}
	if err := netlink.LinkAdd(veth); err != nil {
		panic(err)
	}
	for _, name := range []string{"va", "vb"} {
		link, err := netlink.LinkByName(name)
		if err != nil {
			panic(err)
		}
		if err := netlink.LinkSetUp(link); err != nil {
			panic(err)
		}
	}
}

// flood sends about 6 MB/s through the pair of interfaces.
func flood(ctx context.Context) error {
	link, err := netlink.LinkByName("va")
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	frame := make([]byte, 1500)
	to := &unix.SockaddrLinklayer{Ifindex: link.Attrs().Index}
	for ctx.Err() == nil {
		for range 40 {
			if err := unix.Sendto(fd, frame, 0, to); err != nil && !errors.Is(err, unix.ENOBUFS) {
				return err
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil
}
