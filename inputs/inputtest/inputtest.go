// Package inputtest is for the tests of inputs: an environment, a sink that
// remembers, and a comparison of what an input emits with what it declares.
package inputtest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
)

// Clock is a time that tests move by hand.
type Clock struct{ now time.Time }

// NewClock starts at a fixed time.
func NewClock() *Clock { return &Clock{time.Unix(1_800_000_000, 0)} }

// Now returns the time.
func (c *Clock) Now() time.Time { return c.now }

// Add moves the time forward.
func (c *Clock) Add(d time.Duration) { c.now = c.now.Add(d) }

// Env is an environment for an input that looks at fs.
func Env(fs hostfs.Root, now func() time.Time) inputs.Env {
	return inputs.Env{
		Log: slog.New(slog.DiscardHandler), FS: fs, Now: now, Hostname: "test-host", Home: "/nonexistent",
		Book: new(ledger.Book), Errors: func(error) {}, Tags: map[string]string{"host": "test-host"},
	}
}

// Fixture is the root of a tree with the folders proc, sys and root.
func Fixture(dir string) hostfs.Root {
	return hostfs.Root{ProcDir: dir + "/proc", SysDir: dir + "/sys", RootDir: dir + "/root"}
}

// Machine is a copy of the tree at dir that the test may change; see Fixture.
func Machine(t testing.TB, dir string) string {
	t.Helper()
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return copied
}

// Write writes a file of such a tree.
func Write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Record is one point that was fed.
type Record struct {
	Category point.Category
	point.Point
}

// Tag returns the value of a tag, "" when there is none.
func (r Record) Tag(key string) string {
	for _, t := range r.Tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

// Field returns a field; the zero Value when there is none.
func (r Record) Field(key string) point.Value {
	for _, f := range r.Fields {
		if f.Key == key {
			return f.Value
		}
	}
	return point.Value{}
}

// Number returns a numeric field as a float, and whether there is one.
func (r Record) Number(key string) (float64, bool) {
	switch v := r.Field(key); v.Kind() {
	case point.KindInt:
		return float64(v.AsInt()), true
	case point.KindFloat:
		return v.AsFloat(), true
	case point.KindUint:
		return float64(v.AsUint()), true
	}
	return 0, false
}

// Sink remembers what it is fed.
type Sink struct{ Records []Record }

// Feed implements [point.Sink].
func (s *Sink) Feed(_ context.Context, c point.Category, pts []point.Point) error {
	for _, p := range pts {
		s.Records = append(s.Records, Record{c, p})
	}
	return nil
}

// Find returns the first point of a measurement that has the tags, given as
// key, value, key, value; the test ends when there is none.
func (s *Sink) Find(t testing.TB, measurement string, tags ...string) Record {
	t.Helper()
	for _, r := range s.Records {
		if r.Measurement == measurement && hasTags(r, tags) {
			return r
		}
	}
	t.Fatalf("no point %s %v among %d", measurement, tags, len(s.Records))
	return Record{}
}

func hasTags(r Record, tags []string) bool {
	for i := 0; i < len(tags); i += 2 {
		if r.Tag(tags[i]) != tags[i+1] {
			return false
		}
	}
	return true
}

// Build makes an input of a factory from its defaults, changed by change.
func Build[C any](t testing.TB, f inputs.Factory, env inputs.Env, change func(*C)) inputs.Input {
	t.Helper()
	cfg := f.Config()
	if change != nil {
		change(cfg.(*C))
	}
	if v, ok := cfg.(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			t.Fatal(err)
		}
	}
	built, err := f.New(cfg, env)
	if err != nil {
		t.Fatal(err)
	}
	return built.(inputs.Input)
}

// Gather gathers once; the test ends when that fails.
func Gather(t testing.TB, in inputs.Input) *Sink {
	t.Helper()
	s := &Sink{}
	if err := in.Gather(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	return s
}

// Conforms checks that the points are what spec declares: no other
// measurement, category, tag, field or type, and all of it that is not
// optional. With all set, what is optional has to be on some point too.
func Conforms(t testing.TB, spec []point.Measurement, records []Record, all bool) {
	t.Helper()
	for _, problem := range Compare(spec, records, all) {
		t.Error(problem)
	}
}

// Compare is Conforms without a test.
func Compare(spec []point.Measurement, records []Record, all bool) (problems []string) {
	report := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	seen := map[string]bool{}
	for _, r := range records {
		i := slices.IndexFunc(spec, func(m point.Measurement) bool { return m.Name == r.Measurement && m.Category == r.Category })
		if i < 0 {
			report("%s of category %s is not declared", r.Measurement, r.Category)
			continue
		}
		m, name := spec[i], r.Measurement+"/"+r.Category.String()
		seen[name] = true
		on := map[string]bool{}
		key := func(kind, key string, declared bool) {
			if on[key] {
				report("%s: %s %s is there twice", name, kind, key)
			}
			if !declared {
				report("%s: %s %s is not declared", name, kind, key)
			}
			on[key], seen[name+" "+key] = true, true
		}
		for _, tag := range r.Tags {
			key("tag", tag.Key, slices.ContainsFunc(m.Tags, func(s point.TagSpec) bool { return s.Key == tag.Key }))
		}
		for _, f := range r.Fields {
			key("field", f.Key, slices.ContainsFunc(m.Fields, func(s point.FieldSpec) bool { return s.Key == f.Key && s.Kind == f.Value.Kind() }))
		}
		for _, tag := range m.Tags {
			if !tag.Optional && !on[tag.Key] {
				report("%s: tag %s is missing", name, tag.Key)
			}
		}
		for _, f := range m.Fields {
			if !f.Optional && !on[f.Key] {
				report("%s: field %s is missing", name, f.Key)
			}
		}
	}
	return append(problems, missing(spec, seen, all)...)
}

// missing lists what was on no point, and what is not described.
func missing(spec []point.Measurement, seen map[string]bool, all bool) (problems []string) {
	for _, m := range spec {
		name := m.Name + "/" + m.Category.String()
		if m.Help == "" {
			problems = append(problems, name+" has no help")
		}
		check := func(key, help string) {
			if help == "" {
				problems = append(problems, name+": "+key+" has no help")
			}
			if all && !seen[name+" "+key] {
				problems = append(problems, name+": "+key+" is never emitted")
			}
		}
		for _, tag := range m.Tags {
			check(tag.Key, tag.Help)
		}
		for _, f := range m.Fields {
			check(f.Key, f.Help)
		}
	}
	return problems
}
