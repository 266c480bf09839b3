package procs

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"datakit.dev/agent/internal/containers"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/process"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB) *Watcher {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: attaches kernel programs")
	}
	w, err := Open()
	must(t, err)
	t.Cleanup(func() {
		must(t, w.Close())
		must(t, w.Close())
	})
	return w
}

// tableWithoutProc knows events alone: its /proc is empty.
func tableWithoutProc(t testing.TB) *process.Table {
	return process.New(process.Config{FS: hostfs.Root{ProcDir: t.TempDir()}, Now: time.Now})
}

// started is the start time of a process' child in ticks, as /proc says.
func started(t testing.TB, pid int) uint64 {
	t.Helper()
	table := process.New(process.Config{Now: time.Now})
	info, ok := table.Lookup(uint32(pid))
	if !ok {
		t.Fatalf("process %d is not in /proc", pid)
	}
	return info.Start
}

// TestShortLived compares what is known of a process after its end with what
// /proc said of it while it lived.
func TestShortLived(t *testing.T) {
	w := open(t)
	cat, err := exec.LookPath("cat")
	must(t, err)
	cmd := exec.Command(cat)
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	pid := cmd.Process.Pid
	_, err = in.Write([]byte("x"))
	must(t, err)
	_, err = out.Read(make([]byte, 1)) // then it is executed, not only named
	must(t, err)
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	must(t, err)
	start := started(t, pid)
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()

	table := tableWithoutProc(t)
	var execs, exits int
	must(t, w.Drain(func(ev *process.Event) {
		if int(ev.PID) == pid && ev.Ended {
			exits++
		} else if int(ev.PID) == pid {
			execs++
		}
		table.Note(ev)
	}))
	got, ok := table.Lookup(uint32(pid))
	want := process.Info{PID: uint32(pid), Name: strings.TrimSpace(string(comm)), Start: start}
	if !ok || got != want || execs != 1 || exits != 1 {
		t.Errorf("got %+v (%v) from %d exec and %d exit events, want %+v", got, ok, execs, exits, want)
	}
	if exe := table.Exe(uint32(pid)); exe != cat {
		t.Errorf("exe %q, want %q", exe, cat)
	}
}

// TestEveryProcess: none of many is missed, and threads are no processes.
func TestEveryProcess(t *testing.T) {
	w := open(t)
	n := 200
	if os.Getenv("VM") != "" {
		n = 50
	}
	pids := map[uint32]int{}
	for range n {
		cmd := exec.Command("/bin/true")
		if _, err := os.Stat("/bin/true"); err != nil {
			cmd = exec.Command("/bin/busybox", "true")
		}
		must(t, cmd.Run())
		pids[uint32(cmd.Process.Pid)] = 0
	}
	must(t, w.Drain(func(ev *process.Event) {
		if _, ours := pids[ev.PID]; ours && ev.Ended {
			pids[ev.PID]++
		}
	}))
	for pid, exits := range pids {
		if exits != 1 {
			t.Errorf("process %d ended %d times", pid, exits)
		}
	}
	counts, err := w.Counts()
	must(t, err)
	if counts.Events < int64(2*n) || counts.Lost != 0 {
		t.Errorf("%+v, want at least %d events, none lost", counts, 2*n)
	}
}

// TestThreads: a thread that ends is no end of its process.
func TestThreads(t *testing.T) {
	w := open(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // the goroutine ends locked: its thread ends with it
	}()
	<-done
	own := uint32(os.Getpid())
	must(t, w.Drain(func(ev *process.Event) {
		if ev.PID == own {
			t.Errorf("this process: %+v", *ev)
		}
	}))
}

// TestCgroup: the cgroup of a process that is gone is known.
func TestCgroup(t *testing.T) {
	w := open(t)
	mount, err := containers.Mount(hostfs.Root{})
	if err != nil {
		t.Skipf("needs cgroup v2: %v", err)
	}
	dir, err := os.MkdirTemp(mount, "procs-test-")
	must(t, err)
	t.Cleanup(func() { must(t, os.Remove(dir)) })
	id, err := containers.CgroupID(dir)
	must(t, err)
	cmd := exec.Command("/bin/sh", "-c", "echo $$ > "+filepath.Join(dir, "cgroup.procs")+" && exec /bin/sh -c true")
	must(t, cmd.Run())
	table := tableWithoutProc(t)
	must(t, w.Drain(func(ev *process.Event) {
		if int(ev.PID) == cmd.Process.Pid && ev.CgroupID == id {
			table.Note(ev)
		}
	}))
	if got := table.CgroupID(uint32(cmd.Process.Pid)); got != id {
		t.Errorf("cgroup %d, want %d", got, id)
	}
}

func TestStatus(t *testing.T) {
	w := open(t)
	status := w.Status()
	if len(status) != 2 {
		t.Fatalf("%+v", status)
	}
	for _, s := range status {
		if !s.OK || s.Rung != 2 {
			t.Errorf("%+v", s)
		}
	}
}

func TestDecode(t *testing.T) {
	var p procsProcess
	p.Pid, p.Start, p.Kind = 7, 42, uint8(procsKindKIND_EXEC)
	put := func(to []int8, s string) {
		for i := range s {
			to[i] = int8(s[i])
		}
	}
	put(p.Comm[:], "0123456789abcdef") // without a zero
	tests := []struct{ name, path, exe string }{
		{"absolute", "/usr/bin/curl", "/usr/bin/curl"},
		{"relative", "./curl", ""},
		{"cut off", "/" + strings.Repeat("x", len(p.Path)-2), ""},
		{"none", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p.Path = [len(p.Path)]int8{}
			put(p.Path[:], tt.path)
			record := unsafe.Slice((*byte)(unsafe.Pointer(&p)), execBytes)
			var ev process.Event
			if !decode(record, &ev) || ev.PID != 7 || ev.Started != 42 || ev.Ended || ev.Exe != tt.exe || ev.Name != "0123456789abcdef" {
				t.Errorf("%+v", ev)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(make([]byte, execBytes))
	f.Add(make([]byte, exitBytes))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, record []byte) {
		var ev process.Event
		if !decode(record, &ev) {
			return
		}
		if ev.PID != binary.NativeEndian.Uint32(record[16:]) || len(ev.Name) > 16 || ev.Exe != "" && ev.Exe[0] != '/' {
			t.Errorf("%+v of %x", ev, record)
		}
	})
}

// BenchmarkProcess is the cost of starting and ending a process, beside
// which that of the programs is small.
func BenchmarkProcess(b *testing.B) {
	w := open(b)
	for b.Loop() {
		must(b, exec.Command("/bin/true").Run())
		must(b, w.Drain(func(*process.Event) {}))
	}
}
