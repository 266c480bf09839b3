package all

import (
	"errors"
	"testing"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/inputs/inputtest"
	"datakit.dev/agent/internal/hostfs"
)

// What every input that is polled promises: it has the lists of fields and
// tags, and Rates tells whether its first gathering is less than its second.
func TestContractOfInputs(t *testing.T) {
	for _, f := range Factories() {
		t.Run(f.Name, func(t *testing.T) {
			cfg := f.Config()
			if trial, ok := cfg.(inputs.Trial); ok {
				trial.ForTrial()
			}
			if f.Name == "external" || f.Name == "ebpf" || f.Name == "container" {
				return // run a program of their own
			}
			if _, ok := cfg.(inputs.Selector); !ok {
				t.Error("its config struct does not embed inputs.Lists")
			}
			if i, ok := cfg.(inputs.Interval); !ok || i.GatherInterval() <= 0 {
				t.Error("it has no interval")
			}
			built, err := f.New(cfg, inputtest.Env(hostfs.Root{}, time.Now))
			if err != nil {
				t.Fatal(err)
			}
			in, ok := built.(inputs.Input)
			if !ok {
				t.Fatalf("%T is not polled", built)
			}
			first, second := keysOf(t, in), keysOf(t, in)
			more := 0
			for key := range second {
				if !first[key] {
					more++
				}
			}
			if more > 0 && !f.Rates {
				t.Errorf("the second gathering has %d fields more; Rates has to be set", more)
			}
			if f.Rates && more == 0 && len(first) > 0 {
				t.Error("the first gathering is complete; Rates has no reason")
			}
		})
	}
}

// keysOf lists measurement and key of all fields of one gathering.
func keysOf(t *testing.T, in inputs.Input) map[string]bool {
	t.Helper()
	time.Sleep(20 * time.Millisecond) // rates need time to pass
	s := &inputtest.Sink{}
	if err := in.Gather(t.Context(), s); err != nil && !errors.Is(err, inputs.ErrNoData) {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for _, r := range s.Records {
		for _, f := range r.Fields {
			keys[r.Measurement+" "+f.Key] = true
		}
	}
	return keys
}
