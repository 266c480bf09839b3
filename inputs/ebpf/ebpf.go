// Package ebpf runs datakit-ebpf, the external program with the eBPF
// plugins: it checks the block [[inputs.ebpf]], hands it over and keeps the
// program running. Nothing of eBPF is linked into the agent.
package ebpf

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/limit"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/supervisor"
	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/rpc"
)

// Name is the name of the input, as in [[inputs.ebpf]].
const Name = "ebpf"

// Factory describes the input.
func Factory() inputs.Factory {
	return inputs.Factory{
		Name: Name, Catalog: "host", Singleton: true,
		Help:   "Network connections, and later shells, traces and packets, seen from the kernel by the\nprogram datakit-ebpf. Linux 5.10 or newer with BTF; needs root or CAP_BPF, CAP_PERFMON,\nCAP_NET_ADMIN and CAP_SYS_PTRACE.",
		Spec:   []point.Measurement{supervisor.EventSpec()},
		Config: func() any { return defaults() },
		New:    func(cfg any, env inputs.Env) (any, error) { return build(cfg.(*Config), env) },
	}
}

// build makes the supervisor of the program. It is an [inputs.Runner], and
// its method Status tells how the program is.
func build(cfg *Config, env inputs.Env) (*supervisor.Supervisor, error) {
	limits, err := limit.Parse(cfg.CPULimit, cfg.MemLimit, cfg.NetLimit)
	if err != nil {
		return nil, err
	}
	block, err := encode(cfg)
	if err != nil {
		return nil, err
	}
	for _, w := range cfg.waiting() {
		env.Log.Warn(w)
	}
	return supervisor.New(supervisor.Config{
		Name: cfg.Name,
		Command: supervisor.Command{
			Path: program(cfg.Cmd, env.Home), Args: arguments(cfg.Args),
			Env: environment(env.Environ, cfg.Envs), Dir: env.Home,
		},
		Plugin: &supervisor.Plugin{
			Config: rpc.Config{
				TOML: block, Source: "[[inputs.ebpf]]",
				Tags: env.Tags, Hostname: env.Hostname, APIAddress: env.APIAddr,
			},
			Blocks: env.Blocks, Book: env.Book, RunDir: filepath.Join(env.Home, "run"),
		},
		Limits: limits, LimitAction: cfg.LimitAction,
		Log: env.Log, Now: env.Now, FS: env.FS, Errors: env.Errors,
	}), nil
}

// encode writes the resolved block for the program.
func encode(cfg *Config) (string, error) {
	var text strings.Builder
	block := map[string]any{"inputs": map[string]any{Name: (*plugins.EBPF)(cfg)}}
	if err := toml.NewEncoder(&text).Encode(block); err != nil {
		return "", fmt.Errorf("encode the block for the program: %w", err)
	}
	return text.String(), nil
}

// program finds cmd. The default names the usual install folder and means
// the folder of this agent.
func program(cmd, home string) string {
	if cmd == plugins.DefaultEBPF().Cmd {
		cmd = filepath.Join("externals", filepath.Base(cmd))
	}
	if filepath.IsAbs(cmd) {
		return cmd
	}
	return filepath.Join(home, cmd)
}

// arguments are those of "run", which may be written or left out.
func arguments(args []string) []string {
	if len(args) > 0 && args[0] == "run" {
		return slices.Clone(args)
	}
	return append([]string{"run"}, args...)
}

// inherited are the variables, or their prefixes, that the program gets from
// the agent: where the host's file systems are mounted, how the Go runtime
// and the system's libraries behave, where Kubernetes is. The agent's own
// settings (ENV_*) hold the tokens of backends and stay with it.
var inherited = []string{
	"PATH=", "HOME=", "USER=", "LANG=", "LC_", "TZ=", "TMPDIR=", "HOSTNAME=",
	"HOST_", "DKE_", "KUBERNETES_", "SSL_CERT_",
	"GOMEMLIMIT=", "GOGC=", "GOMAXPROCS=", "GODEBUG=", "GOTRACEBACK=", "GOCOVERDIR=",
}

// defaultPath is for an agent that was started without PATH.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment is the explicit environment of the program, with what the
// configuration adds.
func environment(agent, added []string) []string {
	env := []string{defaultPath}
	for _, e := range agent {
		if slices.ContainsFunc(inherited, func(prefix string) bool { return strings.HasPrefix(e, prefix) }) {
			env = append(env, e)
		}
	}
	return append(env, added...)
}
