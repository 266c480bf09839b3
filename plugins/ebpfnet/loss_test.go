package ebpfnet

import (
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/vishvananda/netlink"
)

// lose drops one in a hundred packets on their way to the far host: by nft
// where it is installed, else two of them by netem.
func (w *world) lose(t *testing.T) {
	t.Helper()
	if nft, err := exec.LookPath("nft"); err == nil {
		cmd := exec.Command(nft, "-f", "-")
		cmd.Stdin = strings.NewReader(`table inet loss {
			chain in { type filter hook prerouting priority -300; iifname "far" numgen random mod 100 < 1 drop; }
		}`)
		w.far.In(t, func() error {
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Logf("nft: %s", out)
			}
			return err
		})
		return
	}
	handle := w.near.Handle(t)
	link, err := handle.LinkByName("near")
	must(t, err)
	netem := netlink.NewNetem(netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Parent: netlink.HANDLE_ROOT, Handle: netlink.MakeHandle(1, 0)},
		netlink.NetemQdiscAttrs{Loss: 2}) // guests transfer less
	if err := handle.QdiscAdd(netem); err != nil {
		t.Skipf("needs nft or sch_netem to lose packets: %v", err)
	}
}

// TestLoss transfers much over a path that loses one packet in a hundred,
// and holds the report against TCP_INFO of the same moment, which is what
// `ss -ti` prints.
func TestLoss(t *testing.T) {
	size := 256 << 20
	if emulated() || testing.Short() {
		size = 96 << 20 // 1,500 frames of 64 KiB: that none is lost has a chance of 3 in 10 million
	}
	w, client, server, listener, addr := pair(t)
	w.lose(t)
	watch := observe(t, w, nil)
	c, port := client.dial(addr), portOf(t, addr)
	s := server.accept(listener)
	var both sync.WaitGroup
	both.Go(func() { client.try(order{Do: "write", ID: c, N: size}) })
	both.Go(func() { server.try(order{Do: "read", ID: s, N: size}) })
	both.Wait()
	// An answer, so that the last byte is acknowledged and nothing is sent
	// again any more.
	server.write(s, 1)
	client.read(c, 1)

	info := client.info(c)
	watch.report()
	got := watch.sum(outgoing, port)
	if got.written != int64(size) || watch.sum(incoming, port).read != int64(size) {
		t.Errorf("written %d, read %d, want %d", got.written, watch.sum(incoming, port).read, size)
	}
	if again := client.info(c); again != info {
		t.Fatalf("the connection is not at rest: %+v, then %+v", info, again)
	}
	want := tcpInfo{RTT: uint32(got.rtt), RTTVar: uint32(got.vr), Retransmits: uint32(got.retransmits)}
	if info != want {
		t.Errorf("reported %+v, the kernel says %+v", want, info)
	}
	if info.Retransmits == 0 {
		t.Error("nothing was lost: the test shows nothing")
	}
	t.Logf("%d MiB, %+v", size>>20, info)
}
