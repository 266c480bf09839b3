package sdk

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"golang.org/x/sys/unix"
	"gopkg.in/natefinch/lumberjack.v2"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/limit"
	"datakit.dev/agent/plugins/rpc"
)

// Serve is the main function of an external collector: it parses the command
// line, runs until the agent or a signal ends it, and returns the exit code.
func Serve(p Program) int {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	return serve(ctx, p, process{
		args: os.Args[1:], stdout: os.Stdout, stderr: os.Stderr,
		fs:     hostfs.FromEnv(os.Getenv),
		hosted: os.Getenv(rpc.CookieKey) == rpc.Handshake().MagicCookieValue,
		host:   os.Getenv(rpc.HostKey),
	})
}

// process is what Serve takes from its surroundings.
type process struct {
	args           []string
	stdout, stderr io.Writer
	fs             hostfs.Root
	hosted         bool   // started by an agent
	host           string // pid of that agent; "" when it did not say
}

func serve(ctx context.Context, p Program, proc process) int {
	err := newCommand(ctx, p, proc).Execute()
	var exceeded *limit.Exceeded
	var code exitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &exceeded):
		return rpc.ExitLimit
	}
	// Hosted, the last line of the log is what the agent reports.
	slog.New(logHandler(proc, slog.LevelInfo)).Error(err.Error())
	var config configError
	if errors.As(err, &config) {
		return rpc.ExitConfig
	}
	return rpc.ExitFailure
}

// exitCode is an error that has been reported already.
type exitCode int

// Error implements error.
func (exitCode) Error() string { return "exit" }

// runCommand is "run", under an agent or alone.
func runCommand(ctx context.Context, p Program, proc process, o options, flags []given) error {
	level, err := parseLevel(o.level)
	if err != nil {
		return configError{err}
	}
	handler := logHandler(proc, level)
	if o.log != "" && o.log != "stdout" {
		file := &lumberjack.Logger{Filename: o.log, MaxSize: 32, MaxBackups: 5}
		defer func() { _ = file.Close() }()
		text := slog.NewTextHandler(file, &slog.HandlerOptions{Level: level})
		if handler = slog.Handler(text); proc.hosted {
			handler = slog.NewMultiHandler(logHandler(proc, level), text)
		}
	}
	w := work{program: p, log: slog.New(handler), book: &ledger.Book{}, fs: proc.fs}
	if !proc.hosted {
		return runAlone(ctx, w, o, flags)
	}
	// Flags that cannot be right are an error before the agent asks.
	if err := p.apply(p.config(), flags); err != nil {
		return configError{err}
	}
	if code := serveHost(ctx, newChild(w, flags), proc.host); code != 0 {
		return exitCode(code)
	}
	return nil
}

func logHandler(proc process, level slog.Leveler) slog.Handler {
	if proc.hosted {
		return newPluginLog(proc.stderr, level)
	}
	return slog.NewTextHandler(proc.stderr, &slog.HandlerOptions{Level: level})
}

// How long a hosted program waits for its host: to open the stream, and to
// take notice of its end.
const (
	waitForHost = time.Minute
	farewell    = time.Second
)

// orphaned reports whether our parent is not the agent that started us. That
// agent may well be process 1, of a container.
func orphaned(host string) bool {
	return host != "" && host != strconv.Itoa(os.Getppid())
}

// serveHost serves the agent that started us until it ends us, goes away, or
// ctx ends.
func serveHost(ctx context.Context, c *child, host string) int {
	// Where the file has capabilities the kernel forgets what our parent
	// asked for at exec (prctl(2)), so we ask again.
	_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
	if orphaned(host) {
		c.log.Error("the agent that started us is gone, leaving")
		return rpc.ExitFailure
	}
	served := make(chan struct{})
	go func() { // ends with the process: go-plugin has no way to stop serving
		defer close(served)
		goplugin.Serve(&goplugin.ServeConfig{
			HandshakeConfig:  rpc.Handshake(),
			VersionedPlugins: (&rpc.Plugin{Collector: c, Book: c.book}).Set(),
			GRPCServer:       goplugin.DefaultGRPCServer,
		})
	}()
	select {
	case <-c.collecting:
	case <-c.ended:
	case <-served:
		return 0
	case <-ctx.Done():
		return 0
	case <-time.After(waitForHost):
		c.log.Error("the agent did not open its stream in time, leaving")
		return rpc.ExitFailure
	}
	select {
	case <-c.ended:
	case <-served: // the agent closed the connection: the stream ends too
	case <-ctx.Done(): // somebody wants us to go: flush first
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		c.Stop(stopping)
	}
	select {
	case <-c.ended:
	case <-time.After(farewell):
		return rpc.ExitFailure
	}
	// The answer of Stop, or the end of the stream, is on its way.
	select {
	case <-served:
	case <-time.After(farewell):
	}
	return c.code
}
