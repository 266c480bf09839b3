package config

import (
	"reflect"
	"strings"
)

// otherVariables are read outside of the structs.
var otherVariables = []string{
	"ENV_DATAKIT_INPUTS", "ENV_CLUSTER_NAME_K8S", "ENV_K8S_CLUSTER_NODE_NAME", "ENV_K8S_NODE_NAME", "ENV_K8S_NODE_IP",
}

// UnknownEnv lists the variables of environ ("NAME=value") that look like
// settings of an input but set no key of cfg.
func UnknownEnv(environ []string, input string, cfg any) []*Error {
	prefix := EnvPrefix(input)
	return unknown(environ, prefix, variables(structOf(cfg), prefix), "sets no key of inputs."+input)
}

// UnknownMainEnv lists the variables ENV_* that set no key of datakit.conf
// and belong to none of the inputs.
func UnknownMainEnv(environ []string, inputs []string) (mistakes []*Error) {
	names := append(variables(structOf(DefaultMain()), "ENV_"), otherVariables...)
	for _, m := range unknown(environ, "ENV_", names, "is not supported and has no effect") {
		if !belongs(m.File, inputs) {
			mistakes = append(mistakes, m)
		}
	}
	return mistakes
}

// belongs reports whether a variable is the business of one of the inputs,
// which may have absolute names too, as ENV_NETLOG_LOG of ebpf.
func belongs(name string, inputs []string) bool {
	for _, input := range inputs {
		if strings.HasPrefix(name, EnvPrefix(input)) {
			return true
		}
	}
	return strings.HasPrefix(name, "ENV_NETLOG_")
}

// variables lists the names that set a key.
func variables(v reflect.Value, prefix string) (names []string) {
	walkEnv(v, "", prefix, func(f envField) { names = append(names, f.names...) })
	return names
}

func unknown(environ []string, prefix string, names []string, msg string) (mistakes []*Error) {
	known := map[string]bool{}
	for _, n := range names {
		known[n] = true
	}
	for _, assignment := range environ {
		name, _, _ := strings.Cut(assignment, "=")
		if strings.HasPrefix(name, prefix) && !known[name] {
			mistakes = append(mistakes, &Error{File: name, Msg: msg + suggest(name, names)})
		}
	}
	return mistakes
}
