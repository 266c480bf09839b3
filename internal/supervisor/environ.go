package supervisor

import (
	"slices"
	"strings"
)

// inherited are the variables, or their prefixes, that the agent's own
// programs get from it: where the host's file systems are mounted, how the Go
// runtime and the system's libraries behave, where Kubernetes is.
var inherited = []string{
	"PATH=", "HOME=", "USER=", "LANG=", "LC_", "TZ=", "TMPDIR=", "HOSTNAME=",
	"HOST_", "DKE_", "KUBERNETES_", "SSL_CERT_",
	"GOMEMLIMIT=", "GOGC=", "GOMAXPROCS=", "GODEBUG=", "GOTRACEBACK=", "GOCOVERDIR=",
}

// defaultPath is for an agent that was started without PATH.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// ownEnviron is what a program that comes with the agent gets of its
// environment. Of several values of one name the last counts (os/exec).
func ownEnviron(agent []string) []string {
	env := []string{defaultPath}
	for _, e := range agent {
		if slices.ContainsFunc(inherited, func(prefix string) bool { return strings.HasPrefix(e, prefix) }) {
			env = append(env, e)
		}
	}
	return env
}

// foreignEnviron is what any other program gets: all but the agent's own
// settings (ENV_*), which hold the tokens of backends.
func foreignEnviron(agent []string) []string {
	return slices.DeleteFunc(slices.Clone(agent), func(e string) bool { return strings.HasPrefix(e, "ENV_") })
}
