package supervisor

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a running program, the leader of a process group of its own.
type process struct {
	pid            int
	stdout, stderr *os.File      // read ends
	done           chan struct{} // closed when it has been reaped
	state          *os.ProcessState
	killed         atomic.Bool // by us
}

// start starts a program. cgroup, when not nil, is the directory of the
// cgroup v2 it starts in.
//
// One operating system thread belongs to the process until it has ended:
// PR_SET_PDEATHSIG, which makes the kernel kill the program when the agent is
// killed, is tied to the thread that started it (prctl(2)).
func start(c Command, cgroup *os.File) (*process, error) {
	p := &process{done: make(chan struct{})}
	stdout, outWriter, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	stderr, errWriter, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, stdout.Close(), outWriter.Close())
	}
	p.stdout, p.stderr = stdout, stderr
	cmd := &exec.Cmd{
		Path: c.Path, Args: append([]string{c.Path}, c.Args...), Env: c.Env, Dir: c.Dir,
		Stdout: outWriter, Stderr: errWriter,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	}
	if cmd.Env == nil {
		cmd.Env = []string{} // nil would inherit everything
	}
	if cgroup != nil {
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(cgroup.Fd())
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		_, _ = outWriter.Close(), errWriter.Close()
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			p.reap(cmd)
		}
	}()
	if err := <-started; err != nil {
		return nil, errors.Join(err, stdout.Close(), stderr.Close())
	}
	return p, nil
}

// reap waits for the end of the process and kills what is left of its group
// before it collects the zombie: as long as the zombie is there, nobody else
// can have its number.
func (p *process) reap(cmd *exec.Cmd) {
	for unix.Waitid(unix.P_PID, p.pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	_ = unix.Kill(-p.pid, unix.SIGKILL) // ESRCH: nobody left
	_ = cmd.Wait()                      // the state says it all
	p.state = cmd.ProcessState
	close(p.done)
}

// kill kills the whole group. Fine after its end.
func (p *process) kill() {
	select {
	case <-p.done:
	default:
		p.killed.Store(true)
		_ = unix.Kill(-p.pid, unix.SIGKILL)
	}
}

// end asks the group to terminate and kills it when it does not in time.
func (p *process) end(timeout time.Duration) {
	_ = unix.Kill(-p.pid, unix.SIGTERM)
	p.waitOrKill(timeout)
}

func (p *process) waitOrKill(timeout time.Duration) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.kill()
		<-p.done
	}
}
