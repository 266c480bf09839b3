package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"datakit.dev/agent/inputs/ebpf"
	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/plugins"
)

// collectors shows where the plugins of externals are attached. A running
// child is asked through the agent; without one the eBPF external tries for
// itself, which attaches and detaches everything once.
func (d *doctor) collectors(ctx context.Context, state httpapi.State, cfg *ebpf.Config, wanted bool) section {
	s := section{Title: "Collectors"}
	asked := false
	for _, c := range state.Children {
		asked = asked || c.Name == cfg.Name && len(c.Plugins) > 0
		d.child(&s, c)
	}
	if asked {
		return s
	}
	path := cfg.Program(d.layout.home)
	states, err := d.external(ctx, path, cfg.EnabledPlugins)
	switch {
	case errors.Is(err, fs.ErrNotExist) && wanted:
		s.problem("%s does not exist", path)
	case errors.Is(err, fs.ErrNotExist):
		s.note("%s does not exist", path)
	case err != nil && wanted:
		s.problem("%s doctor: %v", path, err)
	case err != nil:
		s.warn("%s doctor: %v", path, err)
	default:
		if !wanted {
			s.note("[[inputs.ebpf]] is not configured; this is what it would stand on")
		}
		for _, p := range states {
			describePlugin(&s, p)
		}
	}
	return s
}

// child describes one external collector.
func (d *doctor) child(s *section, c httpapi.ChildState) {
	if c.PID == 0 {
		s.problem("%s is %s for %s%s", c.Name, c.Phase, since(d.now(), c.Since), because(c.Error))
	} else {
		s.ok("%s runs as pid %d for %s, %s, %.2f cores", c.Name, c.PID, since(d.now(), c.Since), bytesText(c.RSS), c.CPU)
		if c.Restarts > 0 {
			s.part(levelNote, "restarted %s%s", plural(int(c.Restarts), "time"), because(c.Error))
		}
	}
	for _, p := range c.Plugins {
		describePlugin(s, p)
	}
}

func because(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// describePlugin lists a plugin's hooks. A feature is broken when none of its
// hooks is attached; a hook that is refused where another one serves is how
// it is meant to be.
func describePlugin(s *section, p plugins.State) {
	switch p.Phase {
	case plugins.PhaseRunning:
		s.ok("%s is running", p.Name)
	case phaseLoads:
		s.ok("%s loads", p.Name)
	case plugins.PhaseFailed:
		s.problem("%s has failed%s", p.Name, because(p.Error))
	default:
		s.note("%s is %s%s", p.Name, p.Phase, because(p.Error))
	}
	served := func(feature string) bool {
		return slices.ContainsFunc(p.Hooks, func(h plugins.Hook) bool { return h.OK && h.Feature == feature })
	}
	for _, h := range p.Hooks {
		text := fmt.Sprintf("%s: %s, rung %d (%s)", h.Feature, h.Attach, h.Rung, rungName(h.Rung))
		if h.Reason != "" {
			text += "\n  " + strings.ReplaceAll(h.Reason, "\n", "\n  ")
		}
		switch {
		case h.OK:
			s.part(levelOK, "%s", text)
		case served(h.Feature):
			s.part(levelNote, "not attached, another serves: %s", text)
		default:
			s.part(levelProblem, "not attached: %s", text)
		}
	}
}

// rungName says what a rung of [plugins.Hook] is.
func rungName(rung int) string {
	names := [...]string{1: "procfs, netlink, iterator", 2: "tracepoint", 3: "stable program type", 4: "fentry or fexit", 5: "kprobe"}
	if rung < 1 || rung >= len(names) {
		return "unknown"
	}
	return names[rung]
}

// externalReport is the part of what `datakit-ebpf doctor --json` prints that
// concerns plugins.
type externalReport struct {
	Plugins []plugins.Report `json:"plugins"`
}

// phaseLoads is the phase of a plugin that can run, and does not now.
const phaseLoads = "loads"

// askExternal lets an external try its plugins; enabled are the ones to
// try.
func askExternal(ctx context.Context, path string, enabled []string) ([]plugins.State, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*patience) // programs are verified one after the other
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "doctor", "--json", "--enabled", strings.Join(enabled, ","))
	cmd.WaitDelay = time.Second
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var report externalReport
	if json.Unmarshal(out.Bytes(), &report) == nil && len(report.Plugins) > 0 {
		return report.states(), nil // it exits 1 when it found a problem
	}
	if err == nil {
		err = errors.New("prints no report")
	}
	if text := strings.TrimSpace(errOut.String()); text != "" {
		err = fmt.Errorf("%w: %.500s", err, text)
	}
	return nil, err
}

func (r externalReport) states() (all []plugins.State) {
	for _, p := range r.Plugins {
		phase := phaseLoads
		if !p.OK {
			phase = plugins.PhaseFailed
		}
		all = append(all, plugins.State{Name: p.Name, Phase: phase, Error: p.Error, Hooks: p.Hooks})
	}
	return all
}
