package ebpfnet

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"datakit.dev/agent/internal/containers"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/plugins"
)

// TestScopeNetns observes one of the two namespaces, by inode and by path.
func TestScopeNetns(t *testing.T) {
	w, client, server, listener, addr := pair(t)
	for name, scope := range map[string]string{
		"inode": w.far.inode(t),
		"path":  filepath.Join("/proc", strconv.Itoa(server.pid), "ns/net"),
	} {
		t.Run(name, func(t *testing.T) {
			watch := observe(t, w, func(c *plugins.EBPF) { c.ScopeNetns = []string{scope} })
			watch.onlyServer(client, server, listener, addr)
		})
	}
}

// TestScopeCgroups observes a subtree: the server runs in a cgroup below it,
// the client elsewhere.
func TestScopeCgroups(t *testing.T) {
	w, client, server, _, _ := pair(t)
	mount, err := containers.Mount(hostfs.Root{})
	if errors.Is(err, containers.ErrNoCgroup2) {
		t.Skip("needs a mounted cgroup v2")
	}
	must(t, err)
	top, err := os.MkdirTemp(mount, "scope-test-")
	must(t, err)
	t.Cleanup(func() { os.Remove(top) })
	inner := filepath.Join(top, "inner")
	must(t, os.Mkdir(inner, 0o755))
	t.Cleanup(func() {
		server.stop()
		nettest.Eventually(t, "the cgroup is empty", func() bool { return os.Remove(inner) == nil })
	})
	must(t, os.WriteFile(filepath.Join(inner, "cgroup.procs"), []byte(strconv.Itoa(server.pid)), 0))

	// A socket belongs to the cgroup that its process was in when it was made.
	listener, addr := server.listen(w.far.addr(false, 0))
	for name, scope := range map[string]string{
		"absolute path":   top,
		"below the mount": "/" + filepath.Base(top),
		"itself":          inner,
	} {
		t.Run(name, func(t *testing.T) {
			watch := observe(t, w, func(c *plugins.EBPF) { c.ScopeCgroups = []string{scope} })
			watch.onlyServer(client, server, listener, addr)
		})
	}
}

// onlyServer checks that a connection is reported at its server's end alone.
func (w *watch) onlyServer(client, server *app, listener int, addr string) {
	w.t.Helper()
	c, port := client.dial(addr), portOf(w.t, addr)
	s := server.accept(listener)
	client.close(c)
	server.awaitEnd(s)
	server.close(s)
	nettest.Eventually(w.t, "it has ended", func() bool { w.report(); return w.sum(incoming, port).closed == 1 })
	if got := w.sum(outgoing, port); got.established != 0 {
		w.t.Errorf("out of scope and reported: %+v", got)
	}
}

func TestScopeThatIsMissing(t *testing.T) {
	cfg := plugins.DefaultEBPF()
	cfg.ScopeNetns = []string{"/run/netns/no-such-namespace"}
	p, err := newPlugin(plugins.Config{Program: cfg}, quietEnv())
	must(t, err)
	defer p.Close()
	err = p.Load()
	if err == nil || errors.Is(err, plugins.ErrNotSupported) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("want a configuration error that names the path, got %v", err)
	}
}
