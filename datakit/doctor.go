package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/inputs/all"
	"datakit.dev/agent/inputs/ebpf"
	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/dataway"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/plugins"
)

func newDoctorCommand(p *program) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Find out what works, what does not, and why",
		Long: `Look at the kernel and the capabilities that the collectors need, at every
place in the kernel where they are attached and on which rung it stands, at
the configuration, the queue, the disk, the backends and their clocks, and at
what the running agent reports. Works without a running agent too, on what
can be seen then.

Rungs, the most stable first: 1 procfs, netlink, iterators; 2 tracepoints;
3 program types with a stable contract; 4 fentry, fexit; 5 kprobes.

Exit codes: 0 no problem (there may be warnings), 1 at least one problem,
2 wrong usage.`,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := p.layout()
			if err != nil {
				return err
			}
			found := p.newDoctor(l).examine(c.Context())
			if asJSON {
				err = found.writeJSON(p.out)
			} else {
				err = found.write(p.out, isTerminal(p.out))
			}
			if err == nil && !found.Healthy {
				err = fmt.Errorf("found %s", plural(found.Problems, "problem"))
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: healthy, and the findings by section")
	return c
}

// doctor examines an installation. What it asks of the machine goes through
// functions, so that tests can be any machine.
type doctor struct {
	layout    layout
	factories []inputs.Factory
	settings  func(layout, []inputs.Factory) (*settings, error)
	now       func() time.Time
	host      hostfs.Root
	pid       int
	environ   []string

	state    func(ctx context.Context) (httpapi.State, error)
	external func(ctx context.Context, path string, enabled []string) ([]plugins.State, error)
	uname    func() (release, machine string, err error)
	space    func(dir string) (diskSpace, error)
	probe    func(ctx context.Context, b config.Backend) (dataway.Probe, error)
}

// newDoctor returns a doctor of this machine.
func (p *program) newDoctor(l layout) *doctor {
	return &doctor{
		layout: l, factories: all.Factories(), settings: p.readSettings, now: time.Now, host: hostfs.Root{}, pid: unix.Getpid(), environ: p.environ(),
		state: func(ctx context.Context) (httpapi.State, error) {
			client := httpapi.NewClient(l.socket())
			defer client.Close()
			return client.State(ctx)
		},
		external: askExternal, uname: uname, space: spaceOf,
		probe: func(ctx context.Context, b config.Backend) (dataway.Probe, error) { return probeBackend(ctx, l, b) },
	}
}

// patience bounds each thing that may hang: the agent, a backend, a program.
const patience = 10 * time.Second

// examine looks at everything. One failure hides nothing else.
func (d *doctor) examine(ctx context.Context) *diagnosis {
	found := &diagnosis{Healthy: true}
	asking, cancel := context.WithTimeout(ctx, patience)
	state, err := d.state(asking)
	cancel()
	running := err == nil
	found.add(d.agent(state, err))

	s, err := d.settings(d.layout, d.factories)
	asking, cancel = context.WithTimeout(ctx, patience)
	found.add(d.configuration(asking, s, err))
	cancel()
	if err != nil {
		s = nil // what follows does without
	}
	collector, wanted := s.ebpf()
	found.add(d.kernel(wanted))
	var enabled []string
	if wanted {
		enabled = collector.EnabledPlugins
	}
	found.add(d.capabilities(state, collector.Name, enabled))
	found.add(d.collectors(ctx, state, collector, wanted))
	if running {
		found.add(d.inputs(state))
		found.add(d.queueOf(state.Queue))
	} else {
		found.add(d.queueOffline(s))
	}
	found.add(d.disk(s, state.Queue))
	if s != nil {
		found.add(d.backends(ctx, s, state))
	}
	if running {
		found.add(d.ledger(state))
		found.add(d.lastErrors(state))
	}
	return found
}

// ebpf returns the configuration of the eBPF collector, or its defaults, and
// whether it is configured.
func (s *settings) ebpf() (cfg *ebpf.Config, configured bool) {
	if s != nil {
		for _, in := range s.inputs {
			if cfg, ok := in.cfg.(*ebpf.Config); ok {
				return cfg, true
			}
		}
	}
	return ebpf.Factory().Config().(*ebpf.Config), false
}

// agent tells whether there is one.
func (d *doctor) agent(state httpapi.State, err error) section {
	s := section{Title: "Agent"}
	switch {
	case err == nil:
		s.ok("version %s runs as pid %d for %s, home %s", state.Version, state.PID, since(d.now(), state.Started), state.Home)
	case errors.Is(err, httpapi.ErrNotRunning):
		s.warn("is not running (home %s); what follows is what can be seen without it", d.layout.home)
	default:
		s.problem("does not answer: %v", err)
	}
	return s
}

// since is how long ago t was, for people.
func since(now, t time.Time) string { return now.Sub(t).Round(time.Second).String() }
