package rpc

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/plugins"
)

func TestDescribeCarriesEveryField(t *testing.T) {
	want := Description{Name: "n", Version: "v", Plugins: []PluginInfo{
		{Name: "p", Help: "h", Table: true, Fallback: "f", Measurements: []string{"m1", "m2"}}, {Name: "q"},
	}}
	p := newPair(t, &child{describe: func() Description { return want }}, 0)
	got, err := p.Describe(t.Context(), "1")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Describe returned %+v, %v; want %+v", got, err, want)
	}
}

func TestConfigureCarriesEveryField(t *testing.T) {
	want := Config{TOML: "a = 1", Source: "[[inputs.x]]", Tags: map[string]string{"host": "h"}, Hostname: "h", APIAddress: "127.0.0.1:9529"}
	answer := Configured{Plugins: []string{"a"}, Warnings: []string{"w"}}
	var got Config
	p := newPair(t, &child{configure: func(c Config) (Configured, error) { got = c; return answer, nil }}, 0)
	done, err := p.Configure(t.Context(), want)
	if err != nil || !reflect.DeepEqual(done, answer) {
		t.Errorf("Configure returned %+v, %v", done, err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the child got %+v, want %+v", got, want)
	}
}

func TestConfigureErrorIsTheUsers(t *testing.T) {
	p := newPair(t, &child{configure: func(Config) (Configured, error) {
		return Configured{}, errors.New(`[[inputs.x]]:3: colour: unknown key`)
	}}, 0)
	_, err := p.Configure(t.Context(), Config{})
	if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "[[inputs.x]]:3: colour: unknown key") {
		t.Errorf("Configure returned %v", err)
	}
}

func TestHealthCarriesEveryField(t *testing.T) {
	entry := []ledger.Entry{{Name: "n", Reason: "r", Count: 7}}
	want := Health{
		Plugins: []plugins.State{{
			Name: "p", Phase: plugins.PhaseFailed, Error: "e", Since: time.Unix(5, 6), Detail: "d",
			Hooks: []plugins.Hook{{Feature: "f", Attach: "a", Rung: 2, OK: true, Reason: "r"}},
		}},
		Accounts: []ledger.Account{{Name: "a", Unit: "events", In: entry, Out: entry, Held: entry}},
		Counters: Counters{Captured: 21, Emitted: 1, Pending: 2, Filtered: 3, Sampled: 4, Dropped: map[string]int64{"full": 11}},
	}
	p := newPair(t, &child{health: func() Health { return want }}, 0)
	got, err := p.Health(t.Context())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Health returned\n%+v, %v; want\n%+v", got, err, want)
	}
}

func TestStopCarriesItsDeadline(t *testing.T) {
	p := newPair(t, &child{stop: func(ctx context.Context) []string {
		deadline, ok := ctx.Deadline()
		if left := time.Until(deadline); !ok || left > 30*time.Second || left < 20*time.Second {
			t.Errorf("the child has %v to stop, want 30 s", left)
		}
		return []string{"slow"}
	}}, 0)
	left, err := p.Stop(t.Context(), 30*time.Second)
	if err != nil || !reflect.DeepEqual(left, []string{"slow"}) {
		t.Errorf("Stop returned %v, %v", left, err)
	}
}
