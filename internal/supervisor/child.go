package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"

	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/rpc"
)

// child runs a program that speaks plugins/rpc.
func (se *session) child(ctx context.Context) outcome {
	return se.with(ctx, func(client *rpc.Client) end { return se.collect(ctx, client) })
}

// with starts a program that speaks plugins/rpc, configures it, lets work use
// it and ends it.
func (se *session) with(ctx context.Context, work func(*rpc.Client) end) outcome {
	dir, err := os.MkdirTemp(socketDir(se.cfg.Plugin.RunDir), socketPrefix)
	if err != nil {
		return outcome{crashed, fmt.Errorf("make socket folder: %w", err)}
	}
	defer func() { _ = os.RemoveAll(dir) }()

	handle := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: rpc.Handshake(), VersionedPlugins: (&rpc.Plugin{}).Set(),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC}, AutoMTLS: true,
		SkipHostEnv: true, StartTimeout: se.cfg.StartTimeout,
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: dir},
		RunnerFunc:       se.runner,
		// We log what matters; go-plugin's own words are about its insides.
		Logger:     hclog.NewNullLogger(),
		SyncStdout: se.relay, SyncStderr: se.relay,
	})
	stopWaiting := context.AfterFunc(ctx, se.kill) // a child that hangs before it answers
	client, err := connect(handle)
	if !stopWaiting() && err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = se.configure(ctx, client)
	}
	if err != nil {
		return se.conclude(ctx, handle, end{err: err})
	}
	return se.conclude(ctx, handle, work(client))
}

// end is what is known of the end of a child before its process is gone.
type end struct {
	err      error  // it could not be started or configured
	orderly  bool   // it ended its stream by itself
	leaving  string // why, if it said so
	exceeded error  // the limit for which the supervisor killed it
}

func connect(handle *goplugin.Client) (*rpc.Client, error) {
	protocol, err := handle.Client()
	if err != nil {
		return nil, err
	}
	raw, err := protocol.Dispense(rpc.Name)
	if err != nil {
		return nil, err
	}
	return raw.(*rpc.Client), nil
}

// configure introduces both sides.
func (se *session) configure(ctx context.Context, client *rpc.Client) error {
	ctx, cancel := context.WithTimeout(ctx, se.cfg.StartTimeout)
	defer cancel()
	about, err := client.Describe(ctx, se.cfg.Plugin.Version)
	if err != nil {
		return fmt.Errorf("describe: %w", err)
	}
	done, err := client.Configure(ctx, se.cfg.Plugin.Config)
	if err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	for _, w := range done.Warnings {
		se.cfg.Log.Warn(w)
	}
	se.update(func(st *Status) { st.Version = about.Version })
	se.cfg.Log.Info("external is configured", "program", about.Name, "version", about.Version, "plugins", done.Plugins)
	return nil
}

// collect receives until the child ends or ctx does, and then stops it.
func (se *session) collect(ctx context.Context, client *rpc.Client) (e end) {
	se.phase(PhaseRunning)
	// The stream outlives ctx: what the child flushes has to arrive.
	streaming, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	streamEnded := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		defer close(streamEnded)
		var err error
		e.leaving, err = client.Collect(streaming, se.cfg.Plugin.Blocks, se.cfg.Plugin.Book, se.tally)
		e.orderly = err == nil
		if err != nil && !errors.Is(err, rpc.ErrShutdown) && streaming.Err() == nil {
			se.cfg.Log.Error("stream of the external broke", "error", err)
		}
	})
	watching, cancel := context.WithCancel(streaming)
	all.Go(func() { e.exceeded = se.guard(watching, se.process) })
	all.Go(func() { se.poll(watching, client) })

	select {
	case <-streamEnded:
	case <-se.process.done:
	case <-ctx.Done():
		se.phase(PhaseStopping)
		se.stop(client, streamEnded)
	}
	cancel()
	// A stream that hangs on a dead process, or a process that hangs on a
	// dead stream, ends here.
	timer := time.AfterFunc(time.Second, cut)
	<-streamEnded
	timer.Stop()
	all.Wait()
	se.cfg.Plugin.Book.Step(se.tally.Settle)
	return e
}

// stop asks the child to flush and end.
func (se *session) stop(client *rpc.Client, streamEnded <-chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), se.cfg.StopTimeout)
	defer cancel()
	unfinished, err := client.Stop(ctx, se.cfg.StopTimeout-se.cfg.StopTimeout/8)
	if len(unfinished) > 0 {
		se.cfg.Log.Warn("external did not stop in time", "unfinished", unfinished)
	}
	if err == nil {
		select {
		case <-streamEnded:
		case <-ctx.Done():
		}
		return
	}
	if !errors.Is(err, rpc.ErrShutdown) { // it may just have been quicker than its answer
		se.cfg.Log.Warn("external does not react and is killed", "error", err)
		se.kill()
	}
}

// poll looks at the child's health until ctx ends, and makes the failure of
// a plugin the last error of the input.
func (se *session) poll(ctx context.Context, client *rpc.Client) {
	first := time.NewTimer(min(time.Second, se.cfg.Poll))
	defer first.Stop()
	ticks := time.NewTicker(se.cfg.Poll)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-first.C:
		case <-ticks.C:
		}
		asking, cancel := context.WithTimeout(ctx, se.cfg.Poll)
		health, err := client.Health(asking)
		cancel()
		if err != nil {
			continue // the stream tells when the child is gone
		}
		se.update(func(st *Status) { st.Health = health })
		se.cfg.Errors(failures(health.Plugins))
	}
}

func failures(states []plugins.State) error {
	var errs []error
	for _, s := range states {
		if s.Phase == plugins.PhaseFailed {
			errs = append(errs, fmt.Errorf("plugin %s: %s", s.Name, s.Error))
		}
	}
	return errors.Join(errs...)
}

// How long a child may take to exit: after the end of its stream, and after
// it could not be configured.
const (
	exitGrace   = 3 * time.Second
	failedGrace = 500 * time.Millisecond
)

// conclude waits for the end of the process and says what it was.
func (se *session) conclude(ctx context.Context, handle *goplugin.Client, e end) outcome {
	p := se.process
	if p == nil { // it could not even be started
		handle.Kill()
		return outcome{crashed, e.err}
	}
	switch {
	case e.orderly: // it waits for our farewell, which is Kill
	case e.err != nil && !errors.Is(e.err, rpc.ErrShutdown):
		p.waitOrKill(failedGrace) // it may be about to exit and say why
	default:
		p.waitOrKill(exitGrace) // it may be writing its last words
	}
	late := time.AfterFunc(exitGrace, p.kill)
	handle.Kill() // ends go-plugin's goroutines, and the process if it is still there
	<-p.done
	late.Stop()
	lastWords := se.finish(p)
	switch {
	case ctx.Err() != nil:
		return outcome{ending: stopped}
	case errors.Is(e.err, rpc.ErrConfig):
		return outcome{misconfigured, e.err}
	}
	out := se.judge(p, e.exceeded, e.leaving, lastWords)
	if e.err != nil && out.ending == crashed && p.killed.Load() && killedBy(p.state, syscall.SIGKILL) {
		out.err = e.err // why we killed it says more than that it was killed
	}
	return out
}

// runner lets go-plugin start the child our way.
func (se *session) runner(_ hclog.Logger, cmd *exec.Cmd, _ string) (runner.Runner, error) {
	c := se.cfg.Command
	// cmd carries what go-plugin adds to the environment. Ours comes last:
	// what the configuration adds wins over what it inherits.
	c.Env = append(append([]string{}, cmd.Env...), c.Env...)
	c.Env = append(c.Env, rpc.HostKey+"="+strconv.Itoa(os.Getpid()))
	return &childRunner{session: se, command: c}, nil
}
