package all

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"golang.org/x/sys/unix"
)

// TestHangingFileSystem: with a mount that never answers, as that of a dead
// server, every question about it hangs in the kernel. The other mounts and
// inputs go on at their intervals, and both inputs that ask are reported.
func TestHangingFileSystem(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 13 seconds")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount")
	}
	home := filepath.Join(t.TempDir(), "home")
	if out, err := exec.Command("go", "build", "-o", filepath.Join(home, "datakit"), "../../datakit").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	dead := filepath.Join(home, "dead")
	if err := os.Mkdir(dead, 0o755); err != nil {
		t.Fatal(err)
	}
	log := &lockedBuffer{}
	started := make(chan *exec.Cmd)
	finish := make(chan struct{})
	done := make(chan struct{})
	go func() { // whose thread, and with it the mount namespace, ends with it
		defer close(done)
		runtime.LockOSThread()
		release, err := mountDead(dead)
		if err != nil {
			t.Errorf("mount: %v", err)
			close(started)
			return
		}
		defer release()
		cmd := exec.Command(filepath.Join(home, "datakit"), "run", "--home", home)
		cmd.Env = []string{"ENV_ENABLE_INPUTS=cpu,mem,disk,hostobject", "ENV_HTTP_LISTEN=", "ENV_ENABLE_PPROF=no", "ENV_ULIMIT=0",
			"ENV_INPUT_CPU_INTERVAL=1s", "ENV_INPUT_MEM_INTERVAL=1s", "ENV_INPUT_DISK_INTERVAL=1s", "ENV_INPUT_DISK_TIMEOUT=500ms",
			"ENV_INPUT_HOSTOBJECT_INTERVAL=10s", "ENV_INPUT_HOSTOBJECT_CONFIG_PATH=" + dead + "/file"}
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Start(); err != nil {
			t.Error(err)
			close(started)
			return
		}
		started <- cmd
		<-finish
	}()
	cmd, ok := <-started
	if !ok {
		<-done
		return
	}
	const seconds = 12
	time.Sleep(seconds * time.Second)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	close(finish)
	<-done

	got := counted(t, home)
	for _, series := range []string{"cpu", "mem", "disk /"} {
		if n := got[series]; n < seconds-3 {
			t.Errorf("%d points of %s in %d seconds", n, series, seconds)
		}
	}
	if n := got["disk "+dead]; n > 0 {
		t.Errorf("%d points of the dead mount", n)
	}
	for _, want := range []string{`input=disk error="statfs: ` + dead + `: no answer within 500ms"`, `msg="gathering takes longer than the interval" input=hostobject interval=10s`} {
		if n := strings.Count(log.String(), want); n != 1 {
			t.Errorf("%d times in the log: %s", n, want)
		}
	}
	if t.Failed() {
		t.Logf("%v\n%s", got, log.String())
	}
}

// mountDead mounts, in a mount namespace of this thread alone, a file system
// whose server never says a word: FUSE without a program behind it.
func mountDead(at string) (release func(), err error) {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return nil, err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, err
	}
	fuse, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fuse.Fd())
	if err := unix.Mount("dead:/export", at, "fuse", 0, options); err != nil {
		_ = fuse.Close()
		return nil, err
	}
	return func() { _ = fuse.Close() }, nil // which wakes all who wait
}

// counted counts the points in the local store by measurement, those of disks
// by mount point.
func counted(t *testing.T, home string) map[string]int {
	t.Helper()
	all := map[string]int{}
	files, _ := filepath.Glob(filepath.Join(home, "data/store/metric-*.lp.gz"))
	for _, name := range files {
		packed, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(z) // an error is the end of what was written before the kill
		for d := lineprotocol.NewDecoderWithBytes(text); d.Next(); {
			m, err := d.Measurement()
			if err != nil {
				t.Fatal(err)
			}
			series := string(m)
			for {
				key, value, err := d.NextTag()
				if err != nil || key == nil {
					break
				}
				if string(key) == "mount_point" {
					series += " " + string(value)
				}
			}
			all[series]++
		}
	}
	return all
}
