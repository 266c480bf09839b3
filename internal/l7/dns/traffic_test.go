package dns

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// seen is one message as tshark and as Parse describe it.
type seen struct {
	frame     int
	id        uint16
	response  bool
	opcode    uint8
	truncated bool
	rcode     int
	name      string
	kind      uint16
	answers   []Answer
	latency   time.Duration // of answers that have a query; else -1
}

// TestAgainstTshark decodes testdata/traffic.pcap, made by record.sh with dig,
// dnsmasq, unbound and others, and compares each message and each time with
// what tshark reads in it.
func TestAgainstTshark(t *testing.T) {
	want, again := tsharkRows(t)
	got, table := decode(t)
	if len(got) != len(want) || len(want) < 80 {
		t.Errorf("%d messages, tshark sees %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if g, w := fmt.Sprintf("%+v", got[i]), fmt.Sprintf("%+v", want[i]); g != w {
			t.Errorf("message %d\n got %s\nwant %s", i, g, w)
		}
	}

	queries, answered := 0, 0
	for _, m := range want {
		switch {
		case !m.response:
			queries++
		case m.latency >= 0:
			answered++
		}
	}
	s := table.Stats()
	wantStats := Stats{
		Queries: int64(queries - again), Answered: int64(answered), TimedOut: int64(queries - again - answered),
		Repeated: int64(again), Unmatched: int64(len(want) - queries - answered),
	}
	if s != wantStats {
		t.Errorf("stats\n got %+v\nwant %+v", s, wantStats)
	}
	if again == 0 || s.TimedOut == 0 || s.Unmatched == 0 {
		t.Errorf("the recording has no query sent again, none without answer, or no answer without query: %+v", s)
	}
}

// tsharkRows reads traffic.tsv. again is the number of queries that tshark
// takes for retransmissions.
func tsharkRows(t *testing.T) (rows []seen, again int) {
	t.Helper()
	text, err := os.ReadFile("testdata/traffic.tsv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	columns := strings.Split(lines[0], "\t")
	for _, line := range lines[1:] {
		cells := strings.Split(line, "\t")
		lists := map[string][]string{}
		for i, column := range columns {
			if i < len(cells) && cells[i] != "" {
				lists[column] = strings.Split(cells[i], ",")
			}
		}
		number := func(column string, i int) int {
			if i >= len(lists[column]) {
				return 0
			}
			n, err := strconv.ParseInt(lists[column][i], 0, 64)
			if err != nil {
				t.Fatal(err)
			}
			return int(n)
		}
		for i := range lists["dns.id"] {
			m := seen{
				frame: number("frame.number", 0), id: uint16(number("dns.id", i)), response: number("dns.flags.response", i) == 1,
				opcode: uint8(number("dns.flags.opcode", i)), truncated: number("dns.flags.truncated", i) == 1,
				name: spelled(lists["dns.qry.name"][i]), kind: uint16(number("dns.qry.type", i)), latency: -1,
			}
			if m.response {
				m.rcode = number("dns.flags.rcode", i) + number("dns.resp.ext_rcode", i)<<4
				v4, v6 := lists["dns.a"], lists["dns.aaaa"]
				for j := range number("dns.count.answers", i) {
					a := Answer{
						Name: spelled(lists["dns.resp.name"][j]), Type: uint16(number("dns.resp.type", j)),
						TTL: time.Duration(number("dns.resp.ttl", j)) * time.Second,
					}
					switch a.Type {
					case TypeA:
						a.Addr, v4 = netip.MustParseAddr(v4[0]), v4[1:]
					case TypeAAAA:
						a.Addr, v6 = netip.MustParseAddr(v6[0]), v6[1:]
					}
					m.answers = append(m.answers, a)
				}
			}
			if at := lists["dns.time"]; len(at) > 0 {
				if m.latency, err = time.ParseDuration(at[0] + "s"); err != nil {
					t.Fatal(err)
				}
			}
			rows = append(rows, m)
			if !m.response && number("dns.retransmission", i) == 1 {
				again++
			}
		}
	}
	return rows, again
}

// spelled is tshark's spelling of a name in ours.
func spelled(name string) string {
	if name == "<Root>" {
		return "."
	}
	return strings.ToLower(name)
}

// decode reads the recording with the code under test.
func decode(t *testing.T) (messages []seen, table *Table) {
	t.Helper()
	table = NewTable(Config{})
	streams := map[[2]netip.AddrPort]*Stream{}
	bases := map[[2]netip.AddrPort]uint32{}
	var m Message
	last := int64(0)
	for _, p := range packets(t, "testdata/traffic.pcap") {
		last = p.time
		message := func(b []byte) {
			if err := Parse(b, &m); err != nil || m.Cut {
				t.Fatalf("frame %d: parse: %v, cut: %v", p.frame, err, m.Cut)
			}
			s := seen{p.frame, m.ID, m.Response, m.Opcode, m.Truncated, m.RCode, m.Name, m.Type, slices.Clone(m.Answers), -1}
			if m.Response {
				table.Answer(p.time, Key{Client: p.to, Server: p.from, TCP: p.tcp}, &m, func(x *Transaction) {
					s.latency = x.Latency
					if x.Name != m.Name || x.Type != m.Type || x.RCode != m.RCode || x.ID != m.ID {
						t.Errorf("frame %d: transaction %+v does not fit the answer", p.frame, x)
					}
				})
			} else {
				table.Query(p.time, Key{Client: p.from, Server: p.to, TCP: p.tcp}, &m)
			}
			messages = append(messages, s)
		}
		if !p.tcp {
			message(p.payload)
			continue
		}
		way := [2]netip.AddrPort{p.from, p.to}
		if p.syn {
			streams[way], bases[way] = new(Stream), p.seq+1
		}
		if s := streams[way]; s != nil {
			s.Feed(uint64(p.seq-bases[way]), len(p.payload), p.payload, message)
			if st := s.Stats(); st.Skipped != 0 || st.Gaps != 0 || st.Cut != 0 {
				t.Fatalf("frame %d: stream %+v", p.frame, st)
			}
		}
	}
	table.Expire(last+int64(DefaultTimeout), func(x *Transaction) {
		if x.RCode != TimedOut || x.Latency != 0 {
			t.Errorf("timeout as %+v", x)
		}
	})
	slices.SortStableFunc(messages, func(a, b seen) int { return cmp.Compare(a.frame, b.frame) })
	return messages, table
}

// packet is UDP or TCP in a recording.
type packet struct {
	frame    int
	time     int64
	from, to netip.AddrPort
	tcp, syn bool
	seq      uint32
	payload  []byte
}

// packets reads a recording of Ethernet frames, with nanoseconds, whole and
// without fragments, options of IPv6 or VLANs.
func packets(t testing.TB, path string) (all []packet) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if binary.LittleEndian.Uint32(b) != 0xa1b23c4d || binary.LittleEndian.Uint32(b[20:]) != 1 {
		t.Fatalf("%s is not a recording of Ethernet with nanoseconds", path)
	}
	b = b[24:]
	for frame := 1; len(b) > 0; frame++ {
		p := packet{frame: frame, time: int64(binary.LittleEndian.Uint32(b))*1e9 + int64(binary.LittleEndian.Uint32(b[4:]))}
		n := binary.LittleEndian.Uint32(b[8:])
		ip := b[16+14 : 16+n]
		b = b[16+n:]
		var proto byte
		var from, to netip.Addr
		switch ip[0] >> 4 {
		case 4:
			proto, from, to = ip[9], netip.AddrFrom4([4]byte(ip[12:16])), netip.AddrFrom4([4]byte(ip[16:20]))
			ip = ip[int(ip[0]&0xf)*4 : binary.BigEndian.Uint16(ip[2:])]
		case 6:
			proto, from, to = ip[6], netip.AddrFrom16([16]byte(ip[8:24])), netip.AddrFrom16([16]byte(ip[24:40]))
			ip = ip[40 : 40+binary.BigEndian.Uint16(ip[4:])]
		default:
			continue
		}
		p.from, p.to = netip.AddrPortFrom(from, binary.BigEndian.Uint16(ip)), netip.AddrPortFrom(to, binary.BigEndian.Uint16(ip[2:]))
		switch proto {
		case 17:
			p.payload = ip[8:]
		case 6:
			p.tcp, p.syn, p.seq, p.payload = true, ip[13]&2 != 0, binary.BigEndian.Uint32(ip[4:]), ip[ip[12]>>4*4:]
		default:
			continue
		}
		all = append(all, p)
	}
	return all
}
