package supervisor

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/limit"
	"datakit.dev/agent/plugins/rpc"
)

// External is what the block of an input says about the program that the
// input runs: the keys that all such blocks share.
type External struct {
	Name string   // of the program in logs, events and accounts
	Cmd  string   // a relative path is taken from the install folder
	Args []string // without the program's name
	Envs []string // NAME=value; they win over what is inherited

	CPULimit, MemLimit, NetLimit string // as internal/limit reads them
	LimitAction                  string // ActionRestart or ActionStop
}

// Validate checks the keys. Its errors begin with the key.
func (e External) Validate() error {
	var errs []error
	must := func(ok bool, key, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(key+": "+format, args...))
		}
	}
	must(e.Name != "", "name", "is empty")
	must(e.Cmd != "", "cmd", "is empty")
	for _, v := range e.Envs {
		name, _, ok := strings.Cut(v, "=")
		must(ok && name != "", "envs", "%q is not of the form NAME=value", v)
	}
	must(e.LimitAction == ActionRestart || e.LimitAction == ActionStop,
		"limit_action", "%q is not one of %s, %s", e.LimitAction, ActionRestart, ActionStop)
	_, err := limit.Parse(e.CPULimit, e.MemLimit, e.NetLimit)
	return errors.Join(append(errs, err)...)
}

// Program is the path of the program for an agent whose install folder is
// home.
func (e External) Program(home string) string {
	if filepath.IsAbs(e.Cmd) {
		return e.Cmd
	}
	return filepath.Join(home, e.Cmd)
}

// Config says how the input with env runs a program of somebody else, which
// delivers by itself.
func (e External) Config(env inputs.Env) (Config, error) {
	limits, err := limit.Parse(e.CPULimit, e.MemLimit, e.NetLimit)
	if err != nil {
		return Config{}, err
	}
	return Config{
		Name: e.Name,
		Command: Command{
			Path: e.Program(env.Home), Args: slices.Clone(e.Args), Env: append(foreignEnviron(env.Environ), e.Envs...), Dir: env.Home,
		},
		Limits: limits, LimitAction: e.LimitAction,
		Log: env.Log, Now: env.Now, FS: env.FS, Errors: env.Errors,
	}, nil
}

// Child is Config for a program of plugins/rpc. It is configured with a text
// in TOML; source says where that comes from, and tags are added to all that
// it collects.
func (e External) Child(env inputs.Env, text, source string, tags map[string]string) (Config, error) {
	c, err := e.Config(env)
	c.Plugin = &Plugin{
		Config: rpc.Config{
			TOML: text, Source: source, Tags: tags, Hostname: env.Hostname, APIAddress: env.APIAddr,
		},
		Version: env.Version, Blocks: env.Blocks, Book: env.Book, RunDir: filepath.Join(env.Home, "run"),
	}
	return c, err
}

// Own is Child for a program that comes with the agent: it has the command
// run and is configured with the block of the input, as it was resolved.
func (e External) Own(env inputs.Env, input string, block any) (Config, error) {
	text, err := config.Encode(input, block)
	if err != nil {
		return Config{}, fmt.Errorf("encode the block for the program: %w", err)
	}
	c, err := e.Child(env, text, "[[inputs."+input+"]]", env.Tags)
	if len(e.Args) == 0 || e.Args[0] != "run" { // it may be written or left out
		c.Command.Args = append([]string{"run"}, e.Args...)
	}
	c.Command.Env = append(ownEnviron(env.Environ), e.Envs...)
	return c, err
}
