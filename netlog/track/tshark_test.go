package track

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/pcap"
)

var update = flag.Bool("update", false, "write what tshark says of the captures in testdata")

// columns are the fields that tshark is asked for. Those of an Analysis are
// in the order of its bits.
var columns = []string{
	"frame.number", "tcp.stream", "tcp.analysis.ack_rtt", "tcp.analysis.initial_rtt",
	"tcp.analysis.retransmission", "tcp.analysis.fast_retransmission", "tcp.analysis.spurious_retransmission",
	"tcp.analysis.out_of_order", "tcp.analysis.lost_segment", "tcp.analysis.duplicate_ack",
	"tcp.analysis.keep_alive", "tcp.analysis.keep_alive_ack", "tcp.analysis.zero_window",
	"tcp.analysis.zero_window_probe", "tcp.analysis.zero_window_probe_ack", "tcp.analysis.window_update",
}

const firstFinding = 4

// verdict is what tshark says of one packet.
type verdict struct {
	number   int
	stream   string
	rtt      int64 // ns, 0: none
	initial  int64
	analysis Analysis
}

// tshark asks tshark, without reassembly, which changes nothing here.
func tshark(t testing.TB, file string) []byte {
	t.Helper()
	path, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("needs tshark")
	}
	args := []string{"-r", file, "-Y", "tcp", "-o", "tcp.desegment_tcp_streams:FALSE", "-T", "fields", "-E", "occurrence=f"}
	for _, c := range columns {
		args = append(args, "-e", c)
	}
	out, err := exec.Command(path, args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func verdicts(t testing.TB, tsv []byte) []verdict {
	t.Helper()
	var all []verdict
	lines := bufio.NewScanner(bytes.NewReader(tsv))
	for lines.Scan() {
		f := strings.Split(lines.Text(), "\t")
		if len(f) != len(columns) {
			t.Fatalf("tshark says %q", lines.Text())
		}
		v := verdict{number: int(nanos(f[0]) / second), stream: f[1], rtt: nanos(f[2]), initial: nanos(f[3])}
		for i, text := range f[firstFinding:] {
			if text != "" {
				v.analysis |= 1 << i
			}
		}
		all = append(all, v)
	}
	return all
}

// nanos reads seconds with up to nine decimals.
func nanos(text string) int64 {
	if text == "" {
		return 0
	}
	whole, fraction, _ := strings.Cut(text, ".")
	n, _ := strconv.ParseInt(whole+(fraction + "000000000")[:9], 10, 64)
	return n
}

// seen is what the table says of one packet.
type seen struct {
	number  int
	conn    string
	rtt     int64
	initial int64
	a       Analysis
	known   bool   // its sequence numbers were all seen before
	event   string // for messages
}

// replay runs a capture file through a table.
func replay(t testing.TB, file string) []seen {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcap.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	table := New(Config{IdleTimeout: 1 << 60, OverTimeout: 1 << 60})
	var all []seen
	bytes := map[string]*coverage{}
	var rec pcap.Record
	var d packet.Decoder
	var p packet.Packet
	for n := 1; ; n++ {
		if err := r.Next(&rec); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		p.Time, p.Dir = rec.Time, rec.Dir
		if d.Decode(rec.Data, rec.Wire, rec.Link, &p) != nil {
			continue
		}
		ev, ok := table.Packet(&p)
		if !ok || p.Proto != packet.ProtoTCP {
			continue
		}
		c := ev.Conn
		stream := fmt.Sprint(c.Slot, c.First, ev.Local)
		if bytes[stream] == nil {
			bytes[stream] = &coverage{}
		}
		all = append(all, seen{
			number: n, conn: fmt.Sprint(c.Slot, c.First), known: bytes[stream].add(ev.Pos, ev.Pos+uint64(p.PayloadLen)), rtt: ev.RTT, initial: c.InitialRTT, a: ev.Analysis &^ (SYNRetransmission | PortsReused),
			event: fmt.Sprintf("%v:%d > %v:%d %08b seq %d ack %d len %d win %d", p.Src, p.SrcPort, p.Dst, p.DstPort, p.TCP.Flags, p.TCP.Seq, p.TCP.Ack, p.PayloadLen, p.TCP.Window),
		})
	}
}

// coverage is the ranges of a stream that were seen, in order.
type coverage [][2]uint64

// add reports whether all of a range was seen before.
func (c *coverage) add(from, to uint64) (known bool) {
	i := 0
	for i < len(*c) && (*c)[i][1] < from {
		i++
	}
	j := i
	for ; j < len(*c) && (*c)[j][0] <= to; j++ {
		known = known || (*c)[j][0] <= from && to <= (*c)[j][1]
		from, to = min(from, (*c)[j][0]), max(to, (*c)[j][1])
	}
	*c = slices.Replace(*c, i, j, [2]uint64{from, to})
	return known
}

// compare counts how often the two differ, by kind of difference, and shows
// the first of each. overtaken says that packets of a handshake may have
// overtaken each other.
func compare(t testing.TB, got []seen, want []verdict, overtaken bool) map[string]int {
	t.Helper()
	differences := map[string]int{}
	shown := map[string]string{}
	note := func(kind string, s seen, v verdict) {
		differences[kind]++
		if shown[kind] == "" {
			shown[kind] = fmt.Sprintf("frame %d: %s: here %v, rtt %d, initial %d; tshark %v, rtt %d, initial %d", s.number, s.event, s.a, s.rtt, s.initial, v.analysis, v.rtt, v.initial)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d TCP packets here, %d at tshark", len(got), len(want))
	}
	initial := map[string]int64{}
	streams, conns, samples, repeated := map[string]string{}, map[string]string{}, 0, 0
	for i, s := range got {
		v := want[i]
		if s.number != v.number {
			t.Fatalf("frame %d here, %d at tshark", s.number, v.number)
		}
		if was, ok := streams[v.stream]; ok && was != s.conn {
			note("connection split", s, v)
		}
		if was, ok := conns[s.conn]; ok && was != v.stream {
			note("connections joined", s, v)
		}
		streams[v.stream], conns[s.conn] = s.conn, v.stream
		if v.initial != 0 {
			initial[v.stream] = v.initial
		}
		if differs := initial[v.stream] != s.initial; differs && overtaken {
			// Explained: tshark takes any first ACK for the end of the
			// handshake, and with another round trip time draws another line
			// between late and repeated.
			either := Retransmission | OutOfOrder
			if s.a&either != 0 && v.analysis&either != 0 {
				v.analysis = v.analysis&^either | s.a&either
			}
			v.initial = 0
		}
		if s.a.Has(Retransmission) && v.analysis.Has(OutOfOrder) && s.known {
			repeated++ // explained: tshark 4.0 does not look whether the segment was seen before
			v.analysis = v.analysis&^OutOfOrder | s.a&(Retransmission|FastRetransmission|SpuriousRetransmission)
		}
		if overtaken && s.a.Has(Retransmission) && v.analysis.Has(FastRetransmission) {
			// Explained: an ACK of something unseen makes tshark 4.0 set its
			// count of duplicates to -1, which it reads as more than two.
			v.analysis = v.analysis&^FastRetransmission | s.a&FastRetransmission
		}
		for bit := range 12 {
			b := Analysis(1 << bit)
			if s.a&b == v.analysis&b {
				continue
			}
			if s.a&b != 0 {
				note("only here: "+b.String(), s, v)
			} else {
				note("only tshark: "+b.String(), s, v)
			}
		}
		if s.rtt != 0 {
			samples++
			if s.rtt != v.rtt {
				note("round trip time", s, v)
			}
		}
		if s.initial != 0 && v.initial != 0 && s.initial != v.initial {
			note("initial round trip time", s, v)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(differences)) {
		t.Logf("%4d × %s, first at %s", differences[kind], kind, shown[kind])
	}
	t.Logf("%d packets, %d connections, %d samples of the round trip time, %d repeated sooner than tshark believes", len(got), len(conns), samples, repeated)
	return differences
}

// TestCaptureOfUser compares with tshark on the file that TRACK_PCAP names.
func TestCaptureOfUser(t *testing.T) {
	file := os.Getenv("TRACK_PCAP")
	if file == "" {
		t.Skip("needs TRACK_PCAP, a capture file")
	}
	if d := compare(t, replay(t, file), verdicts(t, tshark(t, file)), false); len(d) > 0 {
		t.Errorf("differences: %v", d)
	}
}

// TestLikeWireshark compares each capture in testdata with what tshark said
// of it.
func TestLikeWireshark(t *testing.T) {
	files, err := filepath.Glob("testdata/*.pcap*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, ".tsv") {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			tsv := file + ".tsv"
			if *update {
				if err := os.WriteFile(tsv, tshark(t, file), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			raw, err := os.ReadFile(tsv)
			if err != nil {
				t.Fatal(err)
			}
			if d := compare(t, replay(t, file), verdicts(t, raw), false); len(d) > 0 {
				t.Errorf("differences: %v", d)
			}
		})
	}
}
