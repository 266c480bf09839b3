package runtimes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"datakit.dev/agent/internal/hostfs"
)

// Socket returns the path of an endpoint, "unix:///run/x.sock" or
// "/run/x.sock".
func Socket(endpoint string) (string, error) {
	path, found := strings.CutPrefix(endpoint, "unix://")
	if !found && strings.Contains(endpoint, "://") || !filepath.IsAbs(path) {
		return "", fmt.Errorf("%q is not the path of a socket, like unix:///run/containerd/containerd.sock", endpoint)
	}
	return filepath.Clean(path), nil
}

// sockets returns the sockets there are, each once: as given, and below the
// root of the host. Links are followed, because /var/run usually is one, to
// /run.
func sockets(root hostfs.Root, endpoints []string) (found []string, err error) {
	seen := map[string]bool{}
	for _, e := range endpoints {
		path, err := Socket(e)
		if err != nil {
			return nil, err
		}
		for _, p := range []string{path, root.Resolve(path)} {
			real, err := filepath.EvalSymlinks(p)
			if err != nil || seen[real] {
				continue
			}
			if info, err := os.Stat(real); err == nil && info.Mode()&os.ModeSocket != 0 {
				seen[real] = true
				found = append(found, real)
			}
		}
	}
	return found, nil
}
