package payload

import (
	"errors"
	"fmt"
	"io"

	"github.com/cilium/ebpf"

	"datakit.dev/agent/internal/bpf"
)

// Config says what is observed.
type Config struct {
	UDP, HTTP, DNS bool // what for

	Scope       bpf.Scope
	Loopback    bool
	NoIPv6      bool
	Cgroups     bool   // endpoints carry the cgroup of the socket
	MaxFlows    uint32 // UDP flows of an interval; 0: as compiled
	RingBytes   uint32 // a power of two; 0: as compiled
	CgroupMount string // where cgroup v2 is mounted; "" without
}

// Tap is the kernel side: the programs, their maps, and how they are read. It
// belongs to one goroutine, except for Flows, which may be called from
// another one, and for Counts and Stats, which may be called from any.
type Tap struct {
	cfg    Config
	object *bpf.Object
	ladder bpf.Ladder

	ring  *bpf.Ring
	flows *flowMaps
	marks uint32 // since the beginning
	fresh bool   // marks the programs were not told of
}

// Open loads and attaches. It fails when packets cannot be seen at all; whose
// UDP sockets are may stay unknown.
func Open(cfg Config) (*Tap, error) {
	t := &Tap{cfg: cfg}
	if err := t.open(); err != nil {
		return t, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *Tap) open() error {
	specs, err := bpf.Specs(loadSkb, loadSock)
	if err != nil {
		return err
	}
	inner := specs[0].Maps["flows"].InnerMap
	if t.cfg.MaxFlows > 0 {
		inner.MaxEntries = t.cfg.MaxFlows
	}
	t.object, err = bpf.Open(bpf.Options{
		Constants: map[string]any{
			"want_udp": t.cfg.UDP, "want_http": t.cfg.HTTP, "want_dns": t.cfg.DNS,
			"include_loopback": t.cfg.Loopback,
			"ipv6_disabled":    t.cfg.NoIPv6,
			"want_cgroup":      t.cfg.Cgroups,
		},
		MaxEntries: map[string]uint32{"packets": t.cfg.RingBytes},
		Scope:      t.cfg.Scope,
	}, specs...)
	if err != nil {
		return err
	}
	if t.ring, err = bpf.OpenRing(t.object.Map("packets")); err != nil {
		return err
	}
	if t.flows, err = openFlowMaps(t.object.Map("flows"), inner.Copy()); err != nil {
		return err
	}
	t.own()
	if err := t.ladder.Take("payload", t.pair("cgroup_skb", "5.10",
		hook{"ingress", ebpf.AttachCGroupInetIngress}, hook{"egress", ebpf.AttachCGroupInetEgress})); err != nil {
		return err
	}
	t.find()
	t.object.Loaded()
	return nil
}

// find looks once for the owners of UDP sockets that were there before. Those
// made since the hooks were attached are known.
func (t *Tap) find() {
	if !t.cfg.UDP && !t.cfg.DNS {
		return
	}
	_ = t.ladder.Take("udp sockets open at start", bpf.Rung{Number: 1, Attach: "iter/task_file", Since: "5.8",
		Open: func() (io.Closer, error) {
			it, err := t.object.Iterator("udp_file", nil)
			if err != nil {
				return nil, err
			}
			if err := it.Run(); err != nil {
				return nil, errors.Join(err, it.Close())
			}
			return it, nil
		}}) // its status tells
}

type hook struct {
	program string
	at      ebpf.AttachType
}

// own attaches what tells whose a UDP socket is.
func (t *Tap) own() {
	if !t.cfg.UDP && !t.cfg.DNS {
		return
	}
	for _, r := range []bpf.Rung{
		t.pair("cgroup/sock_create", "4.10", hook{"sock_create", ebpf.AttachCGroupInetSockCreate}),
		t.pair("cgroup/connect4, 6", "4.17", hook{"connect4", ebpf.AttachCGroupInet4Connect}, hook{"connect6", ebpf.AttachCGroupInet6Connect}),
		t.pair("cgroup/sendmsg4, 6", "4.18", hook{"sendmsg4", ebpf.AttachCGroupUDP4Sendmsg}, hook{"sendmsg6", ebpf.AttachCGroupUDP6Sendmsg}),
		t.pair("cgroup/recvmsg4, 6", "5.2", hook{"recvmsg4", ebpf.AttachCGroupUDP4Recvmsg}, hook{"recvmsg6", ebpf.AttachCGroupUDP6Recvmsg}),
	} {
		_ = t.ladder.Take("udp owner", r) // its status tells
	}
}

// pair attaches programs that belong together to the root of cgroup v2.
func (t *Tap) pair(attach, since string, hooks ...hook) bpf.Rung {
	return bpf.Rung{Number: 3, Attach: attach, Since: since, Open: func() (io.Closer, error) {
		if t.cfg.CgroupMount == "" {
			return nil, errors.New("cgroup v2 is not mounted")
		}
		var all bpf.Closers
		for _, h := range hooks {
			l, err := t.object.Cgroup(h.program, t.cfg.CgroupMount, h.at)
			if err != nil {
				return nil, errors.Join(err, all.Close())
			}
			all = append(all, l)
		}
		return all, nil
	}}
}

// Status tells where each part stands.
func (t *Tap) Status() []bpf.Status { return t.ladder.Status() }

// Stats are what the kernel counted of each program.
func (t *Tap) Stats() ([]bpf.ProgramStats, error) { return t.object.Stats() }

// Drain passes the packets that wait, up to one ring full, and returns how
// many they were; take must not keep them. Then it tells the programs of the
// marks that were made meanwhile.
func (t *Tap) Drain(take func(*Packet)) (n int, err error) {
	var p Packet
	n, err = t.ring.Drain(func(b []byte) {
		if p.decode(b) {
			take(&p)
		}
	})
	return n, errors.Join(err, t.publish())
}

// Mode says what is handed over of a connection.
type Mode uint8

// The modes. The programs choose by themselves, until they are told.
const (
	Off   = Mode(skbModeMODE_OFF)   // nothing, for good
	Heads = Mode(skbModeMODE_HEADS) // the beginning of each packet
	All   = Mode(skbModeMODE_ALL)   // whole packets
)

// Mark sets the mode of a connection, from the next packet after the end of
// Drain on.
func (t *Tap) Mark(cookie uint64, m Mode) error {
	if err := t.object.Map("marks").Put(cookie, uint8(m)); err != nil {
		return fmt.Errorf("mark connection: %w", err)
	}
	t.marks++
	t.fresh = true
	return nil
}

func (t *Tap) publish() error {
	if !t.fresh {
		return nil
	}
	if err := t.object.Map("marked").Put(uint32(0), t.marks); err != nil {
		return fmt.Errorf("publish marks: %w", err)
	}
	t.fresh = false
	return nil
}

// Waiting returns the bytes that wait in the ring.
func (t *Tap) Waiting() int64 { return int64(t.ring.Available()) }

// Close detaches and frees everything. It is idempotent.
func (t *Tap) Close() error {
	err := t.ladder.Close()
	if t.flows != nil {
		err = errors.Join(err, t.flows.Close())
	}
	if t.ring != nil {
		err = errors.Join(err, t.ring.Close())
	}
	if t.object != nil {
		err = errors.Join(err, t.object.Close())
	}
	return err
}
