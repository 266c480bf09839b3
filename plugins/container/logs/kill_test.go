package logs

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"datakit.dev/agent/plugins"
)

// pipe stores blocks with the parent process: one line of JSON, answered by
// one byte.
type pipe struct {
	out io.Writer
	in  io.Reader
}

func (p pipe) Store(_ context.Context, _ plugins.Category, pts []plugins.Point) error {
	var lines []string
	for _, pt := range pts {
		lines = append(lines, pt.Fields[0].Value.AsString())
	}
	text, err := json.Marshal(lines)
	if err != nil {
		return err
	}
	if _, err := p.out.Write(append(text, '\n')); err != nil {
		return err
	}
	_, err = io.ReadFull(p.in, make([]byte, 1))
	return err
}

// followForParent is the follower that gets killed.
func followForParent(dir string) {
	f := New(Config{Dir: dir + "/state", FromStart: true, MaxEntry: 1000, MaxFiles: 10, Now: time.Now, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	f.Update([]Source{{ID: "c", Path: dir + "/0.log", Format: CRI}}, true)
	if err := f.Run(context.Background(), pipe{os.Stdout, os.Stdin}); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// TestKill kills the follower again and again while a log is written and
// rotated, also while nobody follows: no line is lost, and each kill doubles
// the lines of one block at most.
func TestKill(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "0.log")
	const lines, kills = 60000, 12
	var writing sync.WaitGroup
	writing.Go(func() {
		for i := 0; i < lines; {
			f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				t.Error(err)
				return
			}
			for range 5000 {
				_, _ = fmt.Fprintf(f, "2026-01-01T00:00:00.%09dZ stdout F %d\n", i, i)
				if i++; i%500 == 0 {
					time.Sleep(20 * time.Millisecond)
				}
			}
			_ = f.Close()
			rotate(t, path, fmt.Sprintf("20260101-%06d", i))
		}
	})
	seen := make([]int, lines)
	distinct, doubled, largest := 0, 0, 0
	for round := 0; distinct < lines; round++ {
		if round > kills+1 {
			t.Fatalf("%d of %d lines after %d rounds", distinct, lines, round)
		}
		if round == kills {
			writing.Wait()
		}
		again := 0
		follow(t, exe, dir, round < kills, func(text string) bool {
			var block []string
			if err := json.Unmarshal([]byte(text), &block); err != nil {
				t.Fatal(err)
			}
			for _, l := range block {
				n, err := strconv.Atoi(l)
				if err != nil {
					t.Fatal(err)
				}
				if seen[n]++; seen[n] == 1 {
					distinct++
				} else {
					again++
				}
			}
			largest = max(largest, len(block))
			return distinct == lines
		})
		doubled += again
		if again > largest {
			t.Errorf("round %d: %d lines came again, the largest block has %d", round, again, largest)
		}
	}
	writing.Wait()
	t.Logf("%d lines, %d kills, %d lines came twice, largest block %d", lines, kills, doubled, largest)
}

// follow runs the follower until take says that it is enough, or kills it
// after a while.
func follow(t *testing.T, exe, dir string, kill bool, take func(string) bool) {
	t.Helper()
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "LOGS_TEST_FOLLOW="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := 30 * time.Second
	if kill {
		deadline = 100*time.Millisecond + rand.N(250*time.Millisecond)
	}
	var late atomic.Bool
	timer := time.AfterFunc(deadline, func() {
		if late.Store(true); !kill || rand.N(2) == 0 {
			_ = cmd.Process.Kill()
		}
	})
	blocks := bufio.NewReader(out)
	for {
		text, err := blocks.ReadString('\n')
		if err != nil {
			break // killed; what came of a block is worth nothing
		}
		// Every other time it is killed when the block is safe and it does not
		// know yet: that is when lines come twice.
		if enough := take(text); enough || late.Load() {
			_ = cmd.Process.Kill()
			break
		}
		if _, err := in.Write([]byte{1}); err != nil {
			continue
		}
	}
	timer.Stop()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}
