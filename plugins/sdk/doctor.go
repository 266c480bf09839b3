package sdk

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/plugins"
)

// report is what doctor finds.
type report struct {
	Program      string           `json:"program"`
	Version      string           `json:"version"`
	Kernel       string           `json:"kernel"`
	BTF          bool             `json:"btf"` // the kernel describes its types
	Capabilities []string         `json:"capabilities"`
	Plugins      []plugins.Report `json:"plugins"`
}

// examine loads each plugin, asks for its hooks and takes it down again.
func examine(e *engine) report {
	r := report{Program: e.program.Name, Version: e.program.Version, Kernel: kernelRelease(), BTF: hasBTF(e.fs), Capabilities: capabilities("/proc/self/status")}
	for _, f := range e.factories {
		r.Plugins = append(r.Plugins, e.examine(f))
	}
	return r
}

func (e *engine) examine(f plugins.Factory) (r plugins.Report) {
	r.Name, r.Hooks = f.Name, []plugins.Hook{}
	defer func() {
		if cause := recover(); cause != nil {
			r.OK, r.Error = false, fmt.Sprintf("panic: %v", cause)
		}
	}()
	p, err := e.build(f)
	if err != nil {
		r.Error = err.Error()
		return r
	}
	err = p.Load()
	if h, ok := p.(plugins.Inspector); ok {
		r.Hooks = append(r.Hooks, h.Hooks()...)
	}
	if cerr := p.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		r.Error = err.Error()
	}
	r.OK = err == nil
	return r
}

func (r report) healthy() bool {
	for _, p := range r.Plugins {
		if !p.OK {
			return false
		}
	}
	return true
}

func (r report) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

func (r report) writeText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "%s\t%s\nkernel\t%s\nBTF\t%s\ncapabilities\t%s\n", r.Program, r.Version, r.Kernel, yes(r.BTF, "yes", "no"), or(strings.Join(r.Capabilities, " "), "none"))
	for _, p := range r.Plugins {
		fmt.Fprintf(t, "\n%s\t%s\n", p.Name, yes(p.OK, "ok", "failed: "+p.Error))
		for _, h := range p.Hooks {
			fmt.Fprintf(t, "  %s\t%s\trung %d\t%s\t%s\n", h.Feature, h.Attach, h.Rung, yes(h.OK, "attached", "not attached"), h.Reason)
		}
	}
	return t.Flush()
}

func yes(b bool, then, otherwise string) string {
	if b {
		return then
	}
	return otherwise
}

func kernelRelease() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown: " + err.Error()
	}
	return unix.ByteSliceToString(u.Release[:])
}

func hasBTF(fs hostfs.Root) bool {
	_, err := os.Stat(fs.Sys("kernel/btf/vmlinux"))
	return err == nil
}
