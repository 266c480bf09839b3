package hostprocesses

import (
	"bytes"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"

	"datakit.dev/agent/inputs/inputtest"
	"datakit.dev/agent/internal/hostfs"
)

// TestAgainstPrometheus compares the parsers with those of prometheus/procfs.
func TestAgainstPrometheus(t *testing.T) {
	fs, err := procfs.NewFS("testdata/node/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{1, 2, 77, 400} {
		p, err := fs.Proc(pid)
		if err != nil {
			t.Fatal(err)
		}
		want, err := p.Stat()
		if err != nil {
			t.Fatal(err)
		}
		r := reader{fs: hostfs.Root{ProcDir: "testdata/node/proc"}}
		got, ok := r.stat(pid)
		same := stat{
			want.Comm, want.State[0], want.Flags&0x00200000 != 0, uint64(want.MinFlt), uint64(want.CMinFlt), uint64(want.MajFlt), uint64(want.CMajFlt),
			uint64(want.UTime + want.STime), uint64(want.NumThreads), want.Starttime, uint64(want.VSize), uint64(want.RSS),
		}
		if !ok || got.stat != same {
			t.Errorf("%d: got  %+v\nwant %+v", pid, got.stat, same)
		}
		if pid == 400 || pid == 2 {
			continue
		}
		io, err := p.IO()
		if err != nil {
			t.Fatal(err)
		}
		data, err := r.file.Read(r.path(pid, "io"))
		if err != nil {
			t.Fatal(err)
		}
		if c, err := parseIO(data); err != nil || c != (ioCounts{io.SyscR, io.SyscW, io.ReadBytes, io.WriteBytes}) {
			t.Errorf("%d: %+v, %v", pid, c, err)
		}
	}
}

func TestBadText(t *testing.T) {
	good, err := os.ReadFile("testdata/node/proc/1/stat")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty": "", "no name": "1 init S 0", "cut": "1 (init) S 0 0 0", "state": "1 (init) sleeping 0",
		"number": strings.Replace(string(good), " 318 ", " x ", 1), "start": strings.Replace(string(good), " 55 ", " - ", 1),
	} {
		if s, err := parseStat([]byte(text)); err == nil {
			t.Errorf("stat, %s: %+v", name, s)
		}
	}
	for name, text := range map[string]string{"empty": "", "two": "Uid:\t0\nvoluntary_ctxt_switches:\t1\n", "text": "Uid:\tx\n"} {
		if s, err := parseStatus([]byte(text)); err == nil {
			t.Errorf("status, %s: %+v", name, s)
		}
	}
	if c, err := parseIO([]byte("syscr: x\n")); err == nil {
		t.Errorf("io: %+v", c)
	}
}

func TestNames(t *testing.T) {
	for _, tt := range []struct{ comm, cmdline, want string }{
		{"bash", "-bash", "bash"}, {"a-name-that-is-", "/usr/bin/a-name-that-is-cut\x00--x", "a-name-that-is-cut"},
		{"a-name-that-is-", "/opt/my apps/a-name-that-is-cut and has blanks\x00--x", "a-name-that-is-cut and has blanks"},
		{"a-name-that-is-", "/usr/bin/python3\x00script", "a-name-that-is-"}, {"kworker/u8:2-ev", "", "kworker/u8:2-ev"},
	} {
		if got := longName(tt.comm, []byte(tt.cmdline)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.comm, got, tt.want)
		}
	}
	if got := parseCmdline([]byte("a\x00b c\x00\x00")); got != "a b c" {
		t.Errorf("%q", got)
	}
	for state, want := range map[byte]string{'R': "running", 'S': "sleep", 'D': "blocked", 'I': "idle", 'Z': "zombie", 'T': "stop", 't': "stop", 'X': "dead", '?': "unknown"} {
		if got := stateName(state); got != want {
			t.Errorf("%c: %s", state, got)
		}
	}
}

// A million connections are not read for the sake of a few listeners.
func TestListenersComeFirst(t *testing.T) {
	text, err := os.ReadFile("testdata/node/proc/77/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	connection := text[bytes.LastIndexByte(bytes.TrimSpace(text), '\n')+1:]
	from := bytes.NewReader(append(text, bytes.Repeat(connection, 100_000)...))
	size, ports := from.Len(), map[string]int{}
	readListeners(from, ports)
	if !maps.Equal(ports, map[string]int{"5001": 8080, "6000": 22}) || size-from.Len() > 64<<10 {
		t.Errorf("%v from %d of %d bytes", ports, size-from.Len(), size)
	}
}

func TestUsers(t *testing.T) {
	dir := inputtest.Machine(t, "testdata/node")
	fs, path := hostfs.Root{RootDir: dir + "/root"}, dir+"/root/etc/passwd"
	var u users
	if err := u.refresh(fs); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(u.names, map[uint64]string{0: "root", 1000: "alice"}) || u.name(7) != "7" {
		t.Errorf("%v", u.names)
	}
	inputtest.Write(t, path, "bob:x:7:7::/:/bin/sh\n")
	if err := os.Chtimes(path, time.Time{}, u.read); err != nil {
		t.Fatal(err)
	}
	if _ = u.refresh(fs); u.name(0) != "root" {
		t.Error("a file that did not change was read again")
	}
	if err := os.Chtimes(path, time.Time{}, u.read.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if _ = u.refresh(fs); u.name(7) != "bob" || u.name(0) != "0" {
		t.Errorf("after a change: %v", u.names)
	}
	if err := u.refresh(hostfs.Root{RootDir: t.TempDir()}); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"1/stat", "77/stat", "77/status", "77/io", "77/net/tcp", "77/net/tcp6"} {
		data, err := os.ReadFile("testdata/node/proc/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := parseStat(data); err == nil && (s.State == 0 || !strings.Contains(string(data), "("+s.Name+")")) {
			t.Errorf("%+v", s)
		}
		_, _ = parseStatus(data)
		_, _ = parseIO(data)
		_ = parsePasswd(string(data))
		ports := map[string]int{}
		readListeners(bytes.NewReader(data), ports)
		for inode, port := range ports {
			if port < 0 || port > 65535 || inode == "" {
				t.Errorf("%q: %d", inode, port)
			}
		}
	})
}
