package supervisor

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/hashicorp/go-plugin/runner"
)

// childRunner is how go-plugin starts and ends a child: through our process,
// whose output we read ourselves. go-plugin gets the one line it needs, the
// handshake on standard output; it panics on JSON it does not expect and stops
// reading at a long line.
type childRunner struct {
	session   *session
	command   Command
	process   *process
	handshake *io.PipeReader
}

var _ runner.Runner = (*childRunner)(nil)

// Start implements [runner.Runner].
func (r *childRunner) Start(context.Context) error {
	p, err := r.session.launch(r.command)
	if err != nil {
		return err
	}
	r.process = p
	first, w := io.Pipe()
	r.handshake = first
	r.session.copying.Go(func() { r.session.relay.copy(p.stderr) })
	r.session.copying.Go(func() {
		lines := bufio.NewReaderSize(p.stdout, maxLine)
		line, err := lines.ReadSlice('\n')
		if err == nil {
			_, _ = w.Write(line) // fails when nobody waits for it any more
		}
		_ = w.Close()
		r.session.relay.copy(lines)
	})
	return nil
}

// Wait implements [runner.Runner].
func (r *childRunner) Wait(context.Context) error {
	<-r.process.done
	_ = r.handshake.Close()
	if !r.process.state.Success() {
		return fmt.Errorf("%s", r.process.state)
	}
	return nil
}

// Kill implements [runner.Runner].
func (r *childRunner) Kill(context.Context) error {
	r.process.kill()
	return nil
}

// Diagnose implements [runner.Runner].
func (r *childRunner) Diagnose(context.Context) string {
	return "is it a program made with plugins/sdk, and for this machine?"
}

// Stdout implements [runner.Runner].
func (r *childRunner) Stdout() io.ReadCloser { return r.handshake }

// Stderr implements [runner.Runner]; the relay has it.
func (r *childRunner) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name implements [runner.Runner].
func (r *childRunner) Name() string { return r.command.Path }

// ID implements [runner.Runner].
func (r *childRunner) ID() string {
	if r.process == nil {
		return ""
	}
	return strconv.Itoa(r.process.pid)
}

// PluginToHost implements [runner.AddrTranslator]: both share one machine.
func (r *childRunner) PluginToHost(network, addr string) (string, string, error) {
	return network, addr, nil
}

// HostToPlugin implements [runner.AddrTranslator].
func (r *childRunner) HostToPlugin(network, addr string) (string, string, error) {
	return network, addr, nil
}
