package container

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink keeps points.
type sink struct {
	mu  sync.Mutex
	all map[plugins.Category][]got
}

// got is a point with ways to look at it.
type got struct{ plugins.Point }

func newSink() *sink { return &sink{all: map[plugins.Category][]got{}} }

func (s *sink) Feed(_ context.Context, c plugins.Category, pts []plugins.Point) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range pts {
		s.all[c] = append(s.all[c], got{p})
	}
	return nil
}

// Store implements plugins.Storer.
func (s *sink) Store(ctx context.Context, c plugins.Category, pts []plugins.Point) error {
	return s.Feed(ctx, c, pts)
}

func (s *sink) ids(c plugins.Category) (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.all[c] {
		ids = append(ids, p.tag("container_id"))
	}
	slices.Sort(ids)
	return ids
}

func (s *sink) get(t *testing.T, c plugins.Category, id string) got {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.all[c] {
		if p.tag("container_id") == id {
			return p
		}
	}
	t.Fatalf("no point of %s", id)
	return got{}
}

// conforms compares every point with the specification, both ways: what is
// not optional must be there.
func (s *sink) conforms(t *testing.T) {
	t.Helper()
	for c, pts := range s.all {
		i := slices.IndexFunc(Spec(), func(m point.Measurement) bool { return m.Category == c })
		if i < 0 {
			t.Fatalf("%v is not in the specification", c)
		}
		spec := Spec()[i]
		for _, p := range pts {
			for _, tag := range p.Tags {
				if !slices.ContainsFunc(spec.Tags, func(s point.TagSpec) bool { return s.Key == tag.Key }) {
					t.Errorf("%v: tag %s is not specified", c, tag.Key)
				}
			}
			for _, f := range p.Fields {
				if !slices.ContainsFunc(spec.Fields, func(s point.FieldSpec) bool { return s.Key == f.Key && s.Kind == f.Value.Kind() }) {
					t.Errorf("%v: field %s of kind %v is not specified", c, f.Key, f.Value.Kind())
				}
			}
			for _, want := range spec.Tags {
				if !want.Optional && p.tag(want.Key) == "" {
					t.Errorf("%v: tag %s is missing", c, want.Key)
				}
			}
			for _, want := range spec.Fields {
				if _, ok := p.field(want.Key); !ok && !want.Optional {
					t.Errorf("%v: field %s is missing", c, want.Key)
				}
			}
		}
	}
}

func (p got) tag(key string) string {
	for _, t := range p.Tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

func (p got) field(key string) (plugins.Value, bool) {
	for _, f := range p.Fields {
		if f.Key == key {
			return f.Value, true
		}
	}
	return plugins.Value{}, false
}

func (p got) number(t *testing.T, key string) float64 {
	t.Helper()
	v, ok := p.field(key)
	if !ok {
		t.Fatalf("no field %s in %+v", key, p.Point)
	}
	if v.Kind() == point.KindFloat {
		return v.AsFloat()
	}
	return float64(v.AsInt())
}

// start loads a plugin.
func start(t *testing.T, cfg plugins.Container) (*plugin, *sink) {
	t.Helper()
	p, err := build(&cfg, plugins.Env{Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Load(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, newSink()
}

// once gathers metrics and objects.
func (p *plugin) once(t *testing.T, s *sink) {
	t.Helper()
	if err := p.gather(t.Context(), s, time.Now(), work{metrics: true, objects: true, logs: true}); err != nil {
		t.Fatal(err)
	}
}
