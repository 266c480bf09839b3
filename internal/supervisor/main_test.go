package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"go.uber.org/goleak"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/rpc"
)

// modeKey makes the test binary play a child instead of testing.
const modeKey = "SUPERVISOR_TEST_CHILD"

func TestMain(m *testing.M) {
	if mode := os.Getenv(modeKey); mode != "" {
		play(mode)
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// play is the life of a child.
func play(mode string) {
	switch mode {
	case "exit":
		os.Exit(3)
	case "flags":
		fmt.Fprintln(os.Stderr, `{"@level":"error","@message":"unknown flag --colour"}`)
		os.Exit(rpc.ExitConfig)
	case "hang":
		time.Sleep(time.Hour)
	case "burn":
		for range 2 {
			go burn()
		}
		time.Sleep(time.Hour)
	case "grow":
		var all [][]byte
		for {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			all = append(all, b)
			time.Sleep(time.Millisecond)
			if len(all) > 2000 {
				os.Exit(9) // nobody stopped us
			}
		}
	case "print":
		fmt.Println("to stdout")
		fmt.Fprintln(os.Stderr, "to stderr")
		fmt.Println("VAR is", os.Getenv("VAR"), "HOME is", os.Getenv("HOME"))
	case "flood":
		for range 20_000 {
			fmt.Println(strings.Repeat("x", 100))
		}
		fmt.Println(strings.Repeat("y", 1<<20))
	case "grandchild":
		cmd := exec.Command(os.Args[0])
		cmd.Env = []string{modeKey + "=hang"}
		if err := cmd.Start(); err != nil {
			panic(err)
		}
		fmt.Println("grandchild", cmd.Process.Pid)
		if os.Getenv("STAY") != "" {
			time.Sleep(time.Hour)
		}
	case "agent":
		p, err := start(Command{Path: os.Args[0], Env: []string{modeKey + "=forever"}}, nil)
		if err != nil {
			panic(err)
		}
		fmt.Println(p.pid)
		time.Sleep(time.Hour)
	case "forever":
		fmt.Println("up")
		time.Sleep(time.Hour)
	default:
		serve(mode)
	}
}

// burn uses a core.
func burn() {
	for n := 0; n >= 0; n ^= 1 {
	}
}

// serve plays a child of plugins/rpc.
func serve(mode string) {
	c := &actor{mode: mode, quit: make(chan struct{}), ended: make(chan struct{})}
	book := &ledger.Book{}
	c.book = book
	go goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig:  rpc.Handshake(),
		VersionedPlugins: (&rpc.Plugin{Collector: c, Book: book}).Set(),
		GRPCServer:       goplugin.DefaultGRPCServer,
	})
	<-c.ended
	time.Sleep(20 * time.Millisecond) // for the answer of Stop
	os.Exit(c.code)
}

type actor struct {
	mode  string
	code  int
	quit  chan struct{}
	once  sync.Once
	ended chan struct{}
	book  *ledger.Book

	mu sync.Mutex
	n  rpc.Counters
}

func (a *actor) Describe() rpc.Description { return rpc.Description{Name: "actor", Version: "9.8.7"} }

func (a *actor) Configure(_ context.Context, cfg rpc.Config) (rpc.Configured, error) {
	if a.mode == "refuse" {
		return rpc.Configured{}, errors.New("[[inputs.x]]:3: colour: unknown key")
	}
	return rpc.Configured{Plugins: []string{"p"}, Warnings: []string{"mind the gap"}}, nil
}

func (a *actor) Health() rpc.Health {
	return rpc.Health{Plugins: []plugins.State{
		{Name: "good", Phase: plugins.PhaseRunning}, {Name: "bad", Phase: plugins.PhaseFailed, Error: "no BTF"},
	}}
}

func (a *actor) Stop(ctx context.Context) []string {
	if a.mode == "stubborn" {
		select {}
	}
	a.once.Do(func() { close(a.quit) })
	select {
	case <-a.ended:
	case <-ctx.Done():
	}
	return nil
}

func (a *actor) Collect(ctx context.Context, out *rpc.Outlet) error {
	defer close(a.ended)
	out.SetCounters(func() rpc.Counters {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.n
	})
	switch a.mode {
	case "leave":
		a.code = rpc.ExitLimit
		a.put(ctx, out)
		return out.Report(ctx, "cpu_limit exceeded: 3 cores used, 2 allowed")
	case "panic":
		a.put(ctx, out)
		go func() { panic("lost my marbles") }()
		<-ctx.Done()
	case "rude":
		_, _ = fmt.Fprintln(os.NewFile(2, "stderr"), `{"@message":5,"@level":{}}`)
		_, _ = fmt.Fprintln(os.NewFile(2, "stderr"), `{"@message":"polite","@level":"warn","n":1}`)
		<-a.quit
	case "wait":
		<-a.quit
		a.put(ctx, out) // flushed
	case "stream":
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for a.put(ctx, out) == nil {
					select {
					case <-a.quit:
						return
					default:
					}
				}
			})
		}
		all.Wait()
	case "burner":
		go burn()
		<-a.quit
	}
	return nil
}

// put makes and sends a block of 10 points.
func (a *actor) put(ctx context.Context, out *rpc.Outlet) error {
	a.book.Step(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.n.Captured += 10
		a.n.Pending += 10
	})
	return out.Put(ctx, &point.Block{Category: point.Network, Points: 10, RawBytes: 5, Payload: []byte("block"), Accepted: func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.n.Emitted += 10
		a.n.Pending -= 10
	}})
}

// alive reports whether a process exists and is no zombie.
func alive(pid int) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// zombies counts children of this process that were not waited for.
func zombies(t *testing.T) int {
	t.Helper()
	var info syscall.WaitStatus
	n := 0
	for {
		pid, err := syscall.Wait4(-1, &info, syscall.WNOHANG, nil)
		if err != nil || pid <= 0 {
			return n
		}
		n++
	}
}
