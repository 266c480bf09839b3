package hostprocesses

import (
	"bytes"
	"fmt"

	"datakit.dev/agent/internal/procfs"
)

// stat is what is used of /proc/<pid>/stat, see proc_pid_stat(5).
type stat struct {
	Name                      string // of the thread group's leader, at most 15 bytes
	State                     byte
	Kernel                    bool // a thread of the kernel
	MinFaults, ChildMinFaults uint64
	MajFaults, ChildMajFaults uint64
	Ticks                     uint64 // CPU time in user and kernel mode, 1/100 s
	Threads                   uint64
	Start                     uint64 // 1/100 s after boot
	VSize                     uint64 // bytes
	RSS                       uint64 // pages
}

// userHZ is the unit of times in /proc: 1/100 s on all platforms Go runs on.
const userHZ = 100

// kernelThread is PF_KTHREAD, see include/linux/sched.h.
const kernelThread = 0x00200000

// Fields of the file behind the name, counted from the state (field 3).
const (
	fieldFlags     = 9 - 3
	fieldMinFaults = 10 - 3
	fieldUTime     = 14 - 3
	fieldThreads   = 20 - 3
	fieldStart     = 22 - 3
	fieldRSS       = 24 - 3
)

// parseStat reads the content of /proc/<pid>/stat. The name stands in
// parentheses and may itself hold parentheses, spaces and line ends, so it
// reaches to the last closing one.
func parseStat(data []byte) (s stat, err error) {
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if open < 0 || end < open {
		return s, fmt.Errorf("read process stat: no name in parentheses")
	}
	s.Name = string(data[open+1 : end])
	rest := data[end+1:]
	for i := 0; i <= fieldRSS; i++ {
		var word []byte
		word, rest = procfs.Word(rest)
		if i == 0 && len(word) == 1 {
			s.State = word[0]
			continue
		}
		n, ok := procfs.Uint(word)
		switch {
		case i == 0 || !ok && i >= fieldFlags && i <= fieldUTime+1, !ok && (i == fieldThreads || i >= fieldStart):
			return stat{}, fmt.Errorf("read process stat: field %d is %q", i+3, word)
		case i == fieldFlags:
			s.Kernel = n&kernelThread != 0
		case i == fieldMinFaults:
			s.MinFaults = n
		case i == fieldMinFaults+1:
			s.ChildMinFaults = n
		case i == fieldMinFaults+2:
			s.MajFaults = n
		case i == fieldMinFaults+3:
			s.ChildMajFaults = n
		case i == fieldUTime || i == fieldUTime+1:
			s.Ticks += n
		case i == fieldThreads:
			s.Threads = n
		case i == fieldStart:
			s.Start = n
		case i == fieldStart+1:
			s.VSize = n
		case i == fieldRSS:
			s.RSS = n
		}
	}
	return s, nil
}

// status is what is used of /proc/<pid>/status.
type status struct {
	UID                     uint64 // real
	Voluntary, Nonvoluntary uint64 // context switches of the main thread
}

// parseStatus reads the content of /proc/<pid>/status.
func parseStatus(data []byte) (s status, err error) {
	found, err := procfs.ParseNamed(data, procfs.Named{Name: "Uid:", Into: &s.UID},
		procfs.Named{Name: "voluntary_ctxt_switches:", Into: &s.Voluntary}, procfs.Named{Name: "nonvoluntary_ctxt_switches:", Into: &s.Nonvoluntary})
	if err != nil {
		return status{}, fmt.Errorf("read process status: %w", err)
	}
	if found != 3 {
		return status{}, fmt.Errorf("read process status: %d of 3 entries", found)
	}
	return s, nil
}

// ioCounts is what is used of /proc/<pid>/io.
type ioCounts struct {
	SysCR, SysCW          uint64 // system calls that read and write
	ReadBytes, WriteBytes uint64 // from and to devices
}

// parseIO reads the content of /proc/<pid>/io.
func parseIO(data []byte) (c ioCounts, err error) {
	_, err = procfs.ParseNamed(data, procfs.Named{Name: "syscr:", Into: &c.SysCR}, procfs.Named{Name: "syscw:", Into: &c.SysCW},
		procfs.Named{Name: "read_bytes:", Into: &c.ReadBytes}, procfs.Named{Name: "write_bytes:", Into: &c.WriteBytes})
	if err != nil {
		return ioCounts{}, fmt.Errorf("read process io: %w", err)
	}
	return c, nil
}

// maxCmdline bounds what is read of a command line: arguments may be megabytes,
// and any user can start a thousand processes with such. It is what kernels
// before Linux 4.2 showed.
const maxCmdline = 4096

// parseCmdline joins the arguments, which end with a zero byte each.
func parseCmdline(data []byte) string {
	return string(bytes.ReplaceAll(bytes.TrimRight(data, "\x00"), []byte{0}, []byte{' '}))
}
