package bpf

import (
	"errors"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// closer notes when it is closed.
type closer struct {
	name string
	log  *[]string
}

func (c closer) Close() error {
	*c.log = append(*c.log, c.name)
	return nil
}

func TestLadderTakesTheFirstRungThatHolds(t *testing.T) {
	var closed []string
	broken := Rung{Number: 4, Attach: "fexit/f", Since: "5.5", Open: func() (io.Closer, error) { return nil, syscall.EPERM }}
	sound := func(name string) Rung {
		return Rung{Number: 3, Attach: name, Open: func() (io.Closer, error) { return closer{name, &closed}, nil }}
	}
	var l Ladder
	if err := l.Take("owner", broken, sound("cgroup/a"), sound("cgroup/b")); err != nil {
		t.Fatal(err)
	}
	if err := l.Take("state", sound("tp_btf/c")); err != nil {
		t.Fatal(err)
	}
	status := l.Status()
	if len(status) != 2 || !status[0].OK || status[0].Attach != "cgroup/a" || status[0].Rung != 3 ||
		!strings.Contains(status[0].Reason, "fexit/f") || !strings.Contains(status[0].Reason, "5.5") || status[1].Reason != "" {
		t.Errorf("status %+v", status)
	}
	for range 2 { // Close is idempotent
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(closed, []string{"tp_btf/c", "cgroup/a"}) {
		t.Errorf("closed %v, want the last one first", closed)
	}
}

func TestLadderWithoutARungThatHolds(t *testing.T) {
	var l Ladder
	err := l.Take("owner",
		Rung{Number: 4, Attach: "fexit/f", Since: "5.5", Open: func() (io.Closer, error) { return nil, syscall.EPERM }},
		Rung{Number: 5, Attach: "kprobe/f", Since: "4.1", Open: func() (io.Closer, error) { return nil, syscall.ENOENT }})
	if !errors.Is(err, ErrNotSupported) || !errors.Is(err, syscall.EPERM) || !errors.Is(err, syscall.ENOENT) {
		t.Errorf("error %v", err)
	}
	status := l.Status()
	if len(status) != 1 || status[0].OK || status[0].Rung != 4 || !strings.Contains(status[0].Reason, "kprobe/f") {
		t.Errorf("status %+v", status)
	}
}
