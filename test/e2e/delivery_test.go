//go:build e2e

package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/nettest"
)

// forward is how long a test waits for what is on its way.
func forward() time.Duration { return pick(45*time.Second, 5*time.Minute) }

// The agent starts and takes points while its backends are down, and delivers
// them when they come up; a backend that stays away delays no other.
func TestBackendDown(t *testing.T) {
	down := pick(4*time.Second, time.Minute)
	for name, db := range databases(t) {
		t.Run(name, func(t *testing.T) {
			never := nettest.FreeAddress(t)
			a := newAgent(t, t.TempDir(), influx1("central", db.base()), influx1("never", "http://"+never))
			a.start(t)
			w := newWriter(t, a, "down")
			for end := time.Now().Add(down); time.Now().Before(end); {
				w.must(t, 2000)
				time.Sleep(down / 10)
			}
			a.accounts(t)
			db.start(t)
			w.arrives(t, db, forward())

			db.stop() // and once more, under way
			w.must(t, 5000)
			time.Sleep(down / 4)
			db.start(t)
			w.must(t, 1000)
			w.arrives(t, db, forward())
			acc := a.drained(t, "central")
			if up, dropped := count(acc.Out, "uploaded", ""), count(acc.Out, "dropped", ""); up != int64(w.acknowledged()) || dropped != 0 {
				t.Errorf("%d points acknowledged, ledger %+v", w.acknowledged(), acc)
			}
			if acc := a.account(t, "never"); count(acc.Held, "queued", "") != int64(w.acknowledged()) {
				t.Errorf("backend that never came: %+v", acc)
			}
			a.stop()
		})
	}
}

// Faults between the agent and a backend that is healthy.
func TestFaultsOnTheWay(t *testing.T) {
	period := pick(3*time.Second, time.Minute)
	tests := []struct {
		name  string
		fault http.HandlerFunc
		most  int // requests that may come within the period
	}{
		{"503", status(http.StatusServiceUnavailable), 1 << 30},
		{"503 with Retry-After", status(http.StatusServiceUnavailable, "Retry-After", strconv.Itoa(int(period/time.Second))), 1},
		{"429 with Retry-After", status(http.StatusTooManyRequests, "Retry-After", strconv.Itoa(int(period/time.Second))), 1},
		{"connection dropped in mid-body", cut, 1 << 30},
		{"token refused", status(http.StatusForbidden), 1 << 30},
	}
	for name, db := range databases(t) {
		db.start(t)
		g := newGate(t, db.base())
		for _, tt := range tests {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				a := newAgent(t, t.TempDir(), influx1("central", g.server.URL))
				a.start(t)
				w := newWriter(t, a, "fault_"+regexp.MustCompile(`\W+`).ReplaceAllString(tt.name, "_"))
				g.set(tt.fault)
				g.forget()
				w.must(t, 20_000)
				eventually(t, 10*time.Second, func() (bool, string) {
					n, _ := g.requests()
					return n > 0, "the agent does not try"
				})
				_, first := g.requests()
				time.Sleep(time.Until(first.Add(period - 500*time.Millisecond)))
				if n, _ := g.requests(); n > tt.most {
					t.Errorf("%d requests within the time the backend asked for", n)
				}
				g.set(nil)
				a.accounts(t)
				w.arrives(t, db, forward())
				if acc := a.drained(t, "central"); count(acc.Out, "uploaded", "") != int64(w.acknowledged()) {
					t.Errorf("%d points acknowledged, ledger %+v", w.acknowledged(), acc)
				}
				a.stop()
			})
		}
	}
}

// What the backend refuses is a dead letter, counted, and stops nothing: here
// InfluxDB itself refuses points whose field has another type.
func TestBackendRefuses(t *testing.T) {
	db := newInflux(t)
	db.start(t)
	g := newGate(t, db.base())
	a := newAgent(t, t.TempDir(), influx1("central", g.server.URL))
	a.start(t)

	w := newWriter(t, a, "typed")
	w.must(t, 5000)
	w.arrives(t, db, forward())
	resp, err := http.Post(a.url()+"/v1/write/network", "text/plain", strings.NewReader(`typed,src_ip=10.0.0.1 v="text",poison=1i 1795000000000000000`+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the agent answers %s", resp.Status)
	}
	w.must(t, 5000)
	w.arrives(t, db, forward())

	g.set(status(http.StatusBadRequest)) // a backend that refuses everything
	refused := newWriter(t, a, "refused")
	refused.must(t, 3000)
	acc := a.drained(t, "central")
	g.set(nil)
	w.must(t, 1000)
	w.arrives(t, db, forward())
	acc = a.drained(t, "central")
	sent := int64(w.acknowledged() + refused.acknowledged() + 1)
	up, dropped := count(acc.Out, "uploaded", ""), count(acc.Out, "dropped", "rejected")
	if up+dropped != sent || dropped != int64(refused.acknowledged())+1 {
		t.Errorf("%d points sent, ledger %+v", sent, acc)
	}

	dead := deadLetters(t, a)
	if n := len(regexp.MustCompile(`(?m)^refused,.* v=\d+i `).FindAllString(dead, -1)); n != refused.acknowledged() {
		t.Errorf("%d refused points are dead letters, want %d", n, refused.acknowledged())
	}
	if !regexp.MustCompile(`(?m)^typed,.*v="text"`).MatchString(dead) {
		t.Error("the point of another type is no dead letter")
	}
	a.stop()
}

// deadLetters returns the text of all dead letters.
func deadLetters(t *testing.T, a *agent) (all string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(a.home, "data/dead-letter/*/*.lp"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all += string(text)
	}
	return all
}
