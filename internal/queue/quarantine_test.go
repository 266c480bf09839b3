package queue

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestQuarantineIsBounded(t *testing.T) {
	var log bytes.Buffer
	dir := memoryDir(t)
	q := openQuarantine(dir, slog.New(slog.NewTextHandler(&log, nil)))
	data := bytes.NewReader(make([]byte, 100))
	if fresh, err := q.copy("piece", data, 10, 20); !fresh || err != nil {
		t.Fatalf("fresh = %v, error = %v", fresh, err)
	}
	if fresh, err := q.copy("piece", data, 10, 20); fresh || err != nil {
		t.Errorf("again: fresh = %v, error = %v", fresh, err)
	}
	for range 3 {
		_, err := q.copy("huge", data, 0, maxAside)
		wantError(t, err, errAsideFull)
	}
	if n := strings.Count(log.String(), "has reached its bound"); n != 1 {
		t.Errorf("reported %d times:\n%s", n, log.String())
	}
	if info, err := os.Stat(filepath.Join(dir, damagedName, "piece")); err != nil || info.Size() != 20 {
		t.Errorf("%v, %v", info, err)
	}
	// A new process knows what is there.
	q = openQuarantine(dir, slog.New(slog.DiscardHandler))
	if fresh, _ := q.copy("piece", data, 10, 20); fresh || q.bytes != 20 {
		t.Errorf("after a restart: fresh = %v, %d bytes", fresh, q.bytes)
	}
}

func TestQuarantineMovesFiles(t *testing.T) {
	dir := memoryDir(t)
	q := openQuarantine(dir, slog.New(slog.DiscardHandler))
	for _, want := range []string{"file", "file.2", "file.3"} {
		path := filepath.Join(dir, "bad")
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := q.move(path, "file", 1, errors.New("why")); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("it is still there: %v", err)
		}
		if _, err := os.Stat(filepath.Join(dir, damagedName, want)); err != nil {
			t.Error(err)
		}
	}
	wantError(t, q.move(filepath.Join(dir, "missing"), "missing", 1, errors.New("why")), ErrStorage)
}
