package payload

import "testing"

func from(port uint16, at uint64, data string) *Packet {
	p := &Packet{Data: []byte(data)}
	p.Time, p.End.Netns, p.End.RemotePort = at, 1, port
	return p
}

func TestOrphans(t *testing.T) {
	var o Orphans
	early := from(1000, 5, "GET / HTTP/1.1\r\n")
	o.Keep(early)
	early.Data[0] = 'x' // the ring goes on
	later := from(1000, 9, "HTTP/1.1 200 OK\r\n")
	later.End.Cookie, later.End.Pid = 77, 42
	if o.Claim(from(1001, 9, "")) != nil {
		t.Error("another connection got it")
	}
	got := o.Claim(later)
	if got == nil || string(got.Data) != "GET / HTTP/1.1\r\n" || got.End.Cookie != 77 || got.End.Pid != 42 || got.Time != 5 {
		t.Errorf("%+v", got)
	}
	if o.Claim(later) != nil {
		t.Error("claimed twice")
	}
}

func TestOrphansAreBounded(t *testing.T) {
	var o Orphans
	for port := range uint16(maxOrphans + 10) {
		o.Keep(from(port, 5, ""))
	}
	if len(o.waiting) != maxOrphans || o.Dropped != 10 {
		t.Errorf("%d waiting, %d dropped", len(o.waiting), o.Dropped)
	}
	o.Keep(from(60000, uint64(orphanAge)+6, "")) // the others are too old by now
	if len(o.waiting) != 1 || o.Dropped != maxOrphans+10 {
		t.Errorf("%d waiting, %d dropped", len(o.waiting), o.Dropped)
	}
	if o.Claim(from(60000, 3*uint64(orphanAge), "")) != nil {
		t.Error("claimed by a connection much later")
	}
}
