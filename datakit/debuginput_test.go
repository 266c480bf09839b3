package main

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/point"
)

// gathers is an input made of a function.
type gathers func(ctx context.Context, out point.Sink) error

func (g gathers) Gather(ctx context.Context, out point.Sink) error { return g(ctx, out) }

// follows is a Runner made of a function.
type follows func(ctx context.Context, env inputs.Env) error

// following binds it to its environment.
type following struct {
	run follows
	env inputs.Env
}

func (r following) Run(ctx context.Context, _ point.Sink) error { return r.run(ctx, r.env) }

// debugFactories are inputs that behave in all the ways there are. Their
// configuration has the lists, and says whether it is for a trial.
func debugFactories() []inputs.Factory {
	n := 0
	rates := func(ctx context.Context, out point.Sink) error {
		if n++; n == 1 {
			return inputs.ErrNoData
		}
		return out.Feed(ctx, point.Metric, []point.Point{{
			Measurement: "m", Tags: []point.Tag{{Key: "t", Value: "a b"}}, Time: 1_700_000_000_000_000_000,
			Fields: []point.Field{{Key: "half", Value: point.Float(0.5)}, {Key: "big", Value: point.Float(12345678.9)}, {Key: "n", Value: point.Int(int64(n))}},
		}})
	}
	block := func(ctx context.Context, env inputs.Env) error {
		z, _ := zstd.NewWriter(nil)
		lines := []byte("from,child=yes n=1i 1\nfrom,child=yes n=2i 2\n")
		accepted := 0
		for _, b := range []*point.Block{
			{Category: point.Object, Encoding: point.Zstd, Points: 2, Payload: z.EncodeAll(lines, nil), Accepted: func() { accepted++ }},
			{Category: point.Network, Points: 2, Payload: lines},
		} {
			if err := env.Blocks.Put(ctx, b); err != nil {
				return err
			}
		}
		<-ctx.Done()
		if accepted != 1 {
			return errors.New("block was not accepted")
		}
		return nil
	}
	made := func(name string, rates bool, in func(env inputs.Env) any) inputs.Factory {
		f := fakeFactory(name, true, nil)
		f.Rates = rates
		f.Spec = []point.Measurement{{Name: "m", Category: point.Metric, Fields: []point.FieldSpec{{Key: "half", Unit: "percent", Help: "Of\nall."}}}}
		f.Config = func() any { return &debugConfig{} }
		f.New = func(cfg any, env inputs.Env) (any, error) {
			if name == "child" && !cfg.(*debugConfig).trial {
				return nil, errors.New("this is no trial")
			}
			return in(env), nil
		}
		return f
	}
	return []inputs.Factory{
		made("rates", true, func(inputs.Env) any { return gathers(rates) }),
		made("none", false, func(inputs.Env) any {
			return gathers(func(context.Context, point.Sink) error { return inputs.ErrNoData })
		}),
		made("fails", false, func(inputs.Env) any {
			return gathers(func(context.Context, point.Sink) error { return errors.New("no such file") })
		}),
		made("child", false, func(env inputs.Env) any { return following{block, env} }),
		made("dead", false, func(env inputs.Env) any {
			return following{func(ctx context.Context, env inputs.Env) error {
				env.Errors(errors.New("child died"))
				<-ctx.Done()
				return nil
			}, env}
		}),
		made("silent", false, func(env inputs.Env) any {
			return following{func(ctx context.Context, env inputs.Env) error { <-ctx.Done(); return nil }, env}
		}),
	}
}

type debugConfig struct {
	inputs.Lists
	trial bool
}

// ForTrial implements inputs.Trial.
func (c *debugConfig) ForTrial() { c.trial = true }

func TestDebugInput(t *testing.T) {
	stamp := time.Unix(1_700_000_000, 0).Format("2006-01-02 15:04:05.000")
	for _, tt := range []struct {
		name, input string
		conf        string
		o           debugInputOptions
		says        string // all of it where it ends with a line break, otherwise a part
		err         string
		code        int
	}{
		{
			name: "table", input: "rates",
			says: "m (metric) at " + stamp + "\n  t=\"a b\"  host=h\n    half  0.5       percent   Of all.\n    big   12345679\n    n     2\ndatakit: 1 points in TIME\n",
		},
		{name: "json", input: "rates", o: debugInputOptions{json: true}, says: `{"category":"metric","measurement":"m","tags":{"host":"h","t":"a b"},"fields":{"big":12345678.9,"half":0.5,"n":2},"time":1700000000000000000}`},
		{name: "lines", input: "rates", o: debugInputOptions{lines: true}, says: "m,t=a\\ b,host=h half=0.5,big=1.23456789e+07,n=2i 1700000000000000000\n"},
		{name: "as configured", input: "rates", o: debugInputOptions{lines: true}, conf: "[[inputs.rates]]\nfields_include = ['n']\n", says: "m,t=a\\ b,host=h n=2i 1700000000000000000\n"},
		{name: "defaults", input: "rates", o: debugInputOptions{lines: true, defaults: true}, conf: "[[inputs.rates]]\nfields_include = ['n']\n", says: "half=0.5"},
		{name: "another input is misconfigured", input: "rates", o: debugInputOptions{lines: true}, conf: "[[inputs.none]]\nx = 1\n", says: "half=0.5"},
		{name: "misconfigured", input: "rates", conf: "[[inputs.rates]]\nx = 1\n", err: "x.conf:2: inputs.rates.x: unknown key"},
		{name: "nothing to report", input: "none", says: "datakit: 0 points in TIME\n"},
		{name: "failure", input: "fails", err: "fails (defaults): no such file"},
		{name: "program", input: "child", o: debugInputOptions{lines: true}, says: "from,child=yes n=1i 1\nfrom,child=yes n=2i 2\nfrom,child=yes n=1i 1\nfrom,child=yes n=2i 2\ndatakit: 4 points in TIME\n"},
		{name: "program that dies", input: "dead", err: "dead (defaults): child died"},
		{name: "silent program", input: "silent", err: "silent (defaults): nothing came before --timeout"},
		{name: "unknown", input: "rats", err: `no input is called "rats"; there are rates, none`, code: exitUsage},
		{name: "no time", input: "rates", o: debugInputOptions{timeout: -1}, err: "--wait and --timeout have to be positive", code: exitUsage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, l, out := testProgram(t, nil, map[string]string{"conf.d/datakit.conf": testTags, "conf.d/x.conf": tt.conf})
			tt.o.wait = 20 * time.Millisecond
			if tt.o.timeout == 0 {
				tt.o.timeout = 300 * time.Millisecond
			}
			err := p.debugInput(t.Context(), l, debugFactories(), tt.input, tt.o)
			if exit := new(exitError); errors.As(err, &exit) != (tt.code != 0) || tt.code != 0 && exit.code != tt.code {
				t.Errorf("exit code of %v, want %d", err, tt.code)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			got := timeless(out.String())
			if strings.HasSuffix(tt.says, "TIME\n") && got != tt.says || !strings.Contains(got, tt.says) {
				t.Errorf("got\n%s\nwant\n%s", got, tt.says)
			}
		})
	}
}

// timeless replaces how long it took.
func timeless(text string) string {
	before, after, ok := strings.Cut(text, " points in ")
	if !ok {
		return text
	}
	_, after, _ = strings.Cut(after, "\n")
	return before + " points in TIME\n" + after
}

// Every input that runs in this process prints, in one form that the reference
// decoder reads, what it is for.
func TestDebugEveryInput(t *testing.T) {
	for name, want := range map[string]string{
		"cpu": "cpu", "disk": "disk", "diskio": "diskio", "mem": "mem", "net": "net", "swap": "swap", "system": "system",
		"hostobject": "HOST", "host_processes": "host_processes",
	} {
		t.Run(name, func(t *testing.T) {
			p, _, _ := testProgram(t, map[string]string{"ENV_INPUT_HOST_PROCESSES_MIN_RUN_TIME": "0s"}, nil)
			var out bytes.Buffer
			p.out = &out
			if code := execute(t.Context(), p, []string{"--home", p.home, "debug", "input", name, "--lp", "--wait", "50ms"}); code != 0 {
				t.Fatalf("exit code %d", code)
			}
			points := decode(t, out.Bytes())
			if name == "diskio" && len(points) == 0 {
				t.Skip("this machine has no disk")
			}
			if !slices.ContainsFunc(points, func(p string) bool { return strings.HasPrefix(p, want+" ") }) {
				t.Errorf("got %q", points)
			}
		})
	}
}
