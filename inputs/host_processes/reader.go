package hostprocesses

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/containers"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/procfs"
)

// process is what is known of one process.
type process struct {
	stat
	pid       int
	age       time.Duration
	started   uint64  // ms since the Unix epoch
	used      float64 // percent of one CPU since the gathering before
	usedKnown bool
	memory    uint64 // bytes of the machine

	container *string // id; nil: not looked up yet

	// Of those that are reported.
	status
	io         ioCounts
	ioKnown    bool // of other users' processes it needs privilege
	files      uint64
	filesKnown bool
	cmdline    string
	cwd        string
	user       string
	ports      []int
}

// reader reads processes.
type reader struct {
	fs   hostfs.Root
	file procfs.Reader
	sys  procfs.Stat
	info procfs.Meminfo
	up   uint64 // 1/100 s since boot
	proc int64  // what /proc is, as statfs(2) has it; 0 is not known yet
}

// machine reads what processes are compared with.
func (r *reader) machine() error {
	for name, parse := range map[string]func([]byte) error{"stat": r.sys.Parse, "meminfo": r.info.Parse, "uptime": r.parseUptime} {
		data, err := r.file.Read(r.fs.Proc(name))
		if err != nil {
			return err
		}
		if err := parse(data); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) parseUptime(data []byte) error {
	word, _ := procfs.Word(data)
	seconds, err := strconv.ParseFloat(string(word), 64)
	if err != nil || !(seconds >= 0 && seconds < 1e12) {
		return fmt.Errorf("read uptime: %q is not a time", word)
	}
	r.up = uint64(seconds * userHZ)
	return nil
}

func (r *reader) path(pid int, name string) string { return r.fs.Proc(strconv.Itoa(pid), name) }

// stat reads the one file that every process costs.
func (r *reader) stat(pid int) (p process, ok bool) {
	data, err := r.file.ReadShort(r.path(pid, "stat"))
	if err != nil {
		return p, false
	}
	if p.stat, err = parseStat(data); err != nil {
		return p, false
	}
	p.pid, p.memory = pid, r.info.Total()
	p.started = r.sys.BootTime*1000 + p.Start*1000/userHZ
	p.age = time.Duration(r.up-min(p.Start, r.up)) * (time.Second / userHZ)
	return p, true
}

// container asks the cgroup of a process.
func (r *reader) container(pid int) string {
	data, err := r.file.Read(r.path(pid, "cgroup"))
	if err != nil {
		return ""
	}
	return containers.FromProc(string(data))
}

// complete reads the rest of a process that is reported; false when there is
// nothing to report, mostly because it ended.
func (in *input) complete(p *process, object bool, ports *listeners) bool {
	if p.Kernel && !object {
		return false // no metric
	}
	data, err := in.file.ReadHead(in.path(p.pid, "cmdline"), maxCmdline)
	if err != nil {
		return false
	}
	p.Name = longName(p.Name, data)
	if p.cmdline = parseCmdline(data); p.cmdline == "" && !object {
		return false // without a name to tell it by
	}
	if data, err = in.file.ReadShort(in.path(p.pid, "status")); err != nil {
		return false
	}
	if p.status, err = parseStatus(data); err != nil {
		return false
	}
	p.user = in.users.name(p.UID)
	if data, err = in.file.ReadShort(in.path(p.pid, "io")); err == nil {
		p.io, err = parseIO(data)
		p.ioKnown = err == nil
	}
	if in.cfg.OpenFiles {
		p.files, p.filesKnown = in.countFiles(in.path(p.pid, "fd"))
	}
	in.containerOf(p)
	if object {
		p.cwd, _ = os.Readlink(in.path(p.pid, "cwd"))
		if ports != nil {
			p.ports = ports.of(p.pid)
		}
	}
	return true
}

// countFiles counts the entries of /proc/<pid>/fd. From Linux 6.2 on that is
// the size of the folder; before it is 0, as for a process without any.
func (r *reader) countFiles(dir string) (uint64, bool) {
	if r.proc == 0 {
		r.proc = filesystem(dir)
	}
	if r.proc == unix.PROC_SUPER_MAGIC {
		var s unix.Stat_t
		if unix.Stat(dir, &s) == nil && s.Size > 0 {
			return uint64(s.Size), true
		}
	}
	f, err := os.Open(dir)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	return uint64(len(names)), err == nil
}

// filesystem returns the type of a file system, as statfs(2) has it; 0 when it
// does not say.
func filesystem(path string) int64 {
	var s unix.Statfs_t
	if unix.Statfs(path, &s) != nil {
		return 0
	}
	return int64(s.Type)
}

// commLength is what the kernel keeps of a name (TASK_COMM_LEN less one).
const commLength = 15

// longName completes a name that the kernel cut, from the command, which is the
// first word of /proc/<pid>/cmdline.
func longName(name string, cmdline []byte) string {
	if len(name) < commLength {
		return name
	}
	command, _, _ := strings.Cut(string(cmdline), "\x00")
	if base := filepath.Base(command); strings.HasPrefix(base, name) {
		return base
	}
	return name
}
