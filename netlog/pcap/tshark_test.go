package pcap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"datakit.dev/agent/netlog/packet"
)

// run runs a tool of Wireshark.
func run(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(args[0]); err != nil {
		t.Skipf("needs %s", args[0])
	}
	cmd := exec.Command(args[0], args[1:]...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// tell is what tshark says of the records of a file, one line each. It calls
// an interface without a name unknown, and some versions write flags as such.
func tell(t *testing.T, path string) string {
	t.Helper()
	out := run(t, "tshark", "-n", "-r", path, "-T", "fields", "-E", "separator=|",
		"-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.cap_len", "-e", "frame.interface_id", "-e", "frame.interface_name",
		"-e", "frame.packet_flags_direction", "-e", "frame.encap_type")
	return strings.ReplaceAll(strings.ReplaceAll(out, "|unknown|", "||"), "|0x0000000", "|")
}

// ours says the same in the same words.
func ours(t *testing.T, path string, ng bool) string {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	records, interfaces, err := read(f)
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	encapsulation := map[packet.LinkType]int{packet.LinkEthernet: 1, packet.LinkRaw: 7, packet.LinkCooked: 25}
	var b strings.Builder
	for _, r := range records {
		id, name, flags := "", "", ""
		if ng {
			id, name = fmt.Sprint(r.Interface), interfaces[r.Interface].Name
			if r.Dir != packet.Unknown {
				flags = fmt.Sprint(directionFlag(r.Dir))
			}
		}
		fmt.Fprintf(&b, "%d.%09d|%d|%d|%s|%s|%s|%d\n", r.Time/1e9, r.Time%1e9, r.Wire, len(r.Data), id, name, flags, encapsulation[r.Link])
	}
	return b.String()
}

// TestReadAsTshark: files of both formats, converted by editcap and joined by
// mergecap, hold for us what they hold for tshark.
func TestReadAsTshark(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, data, 0o644))
		return path
	}
	frame := func(n int) string { return strings.Repeat("\x02", n) }
	m := little
	micro := write("micro.pcap", m.pcap(magicMicro, 65535, 1,
		m.record(1700000000, 123456, 60, frame(60)), m.record(1700000001, 999999, 1514, frame(96)), m.record(1700000002, 0, 64, frame(64))))
	raw := write("raw.pcap", m.pcap(magicMicro, 65535, 101, m.record(1700000001, 5, 60, "E"+frame(59))))
	formats := []struct {
		name, format string
		ng           bool
	}{{"pcap", "pcap", false}, {"nsecpcap", "nsecpcap", false}, {"pcapng", "pcapng", true}}
	files := map[string]bool{}
	for _, f := range formats {
		path := filepath.Join(dir, f.name)
		run(t, "editcap", "-F", f.format, micro, path)
		files[path] = f.ng
		late := path + "-later"
		run(t, "editcap", "-F", f.format, "-t", "0.000000789", path, late)
		files[late] = f.ng
	}
	merged := filepath.Join(dir, "merged")
	run(t, "mergecap", "-F", "pcapng", "-I", "none", "-w", merged, micro, raw, micro)
	files[merged] = true
	files[write("big-endian", big.pcap(magicNano, 65535, 113, big.record(1700000000, 123456789, 70, frame(70))))] = false
	files[write("big-endian-ng", join(big.section(), big.iface(1, 0, big.option(2, []byte("far")), big.option(9, []byte{9})),
		big.packet(0, 1700000000123456789, 64, frame(64), big.option(2, big.u32(2)), big.option(0, nil))))] = true
	for path, ng := range files {
		if want, got := tell(t, path), ours(t, path, ng); got != want || want == "" {
			t.Errorf("%s:\nours:\n%stshark:\n%s", filepath.Base(path), got, want)
		}
	}
}

// TestTsharkReadsOurs: what we write is what Wireshark reads.
func TestTsharkReadsOurs(t *testing.T) {
	file, _, _ := written(t)
	path := filepath.Join(t.TempDir(), "ours.pcapng")
	must(t, os.WriteFile(path, file, 0o644))
	got := tell(t, path)
	want := "1700000000.123456789|1514|3|0|eth0|2|1\n" +
		"1700000000.123456790|4|4|1||1|7\n" +
		"1700000000.123456791|0|0|0|eth0||1\n"
	if got != want {
		t.Errorf("tshark reads\n%swant\n%s", got, want)
	}
	info := run(t, "capinfos", "-M", path)
	for _, line := range []string{
		"File type:           pcapng", "Number of packets:   3", "the writer of the test",
		"Name = eth0", "Capture length = 128", "Time precision = nanoseconds (9)", "Number of stat entries = 1",
	} {
		if !strings.Contains(info, line) {
			t.Errorf("capinfos does not say %q:\n%s", line, info)
		}
	}
}
