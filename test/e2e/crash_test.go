//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// inFlight is how many acknowledged points have to be on their way when
// something is killed.
const inFlight = 40_000

// victim says what is killed.
type victim struct {
	name string
	kill func(t *testing.T, a *agent)
	// dies tells that datakit itself is gone and has to be started again.
	dies bool
}

// Killed at random moments with acknowledged points on their way, the agent
// loses none of them, begins to drain within a second, and its ledger adds up.
func TestKill(t *testing.T) {
	victims := []victim{
		{"datakit", func(t *testing.T, a *agent) { a.kill() }, true},
		{"datakit-ebpf", func(t *testing.T, a *agent) { a.killCollector(t) }, false},
		{"both", func(t *testing.T, a *agent) { a.killCollector(t); a.kill() }, true},
	}
	rounds := pick(2, 20)
	for name, db := range databases(t) {
		db.start(t)
		for _, v := range victims {
			t.Run(name+"/"+v.name, func(t *testing.T) {
				if v.name != "datakit" {
					needRoot(t, "datakit-ebpf loads kernel programs")
				}
				g := newGate(t, db.base())
				a := newAgent(t, t.TempDir(), influx1("central", g.server.URL))
				if v.name != "datakit" {
					a.collect(t)
				}
				a.start(t)
				for round := range rounds {
					killOnce(t, v, round, a, g, db)
					if !v.dies && round%4 == 3 { // or the pauses before a restart grow to minutes
						a.stop()
						a.start(t)
					}
				}
				a.stop()
			})
		}
	}
}

// killOnce is one round: points pile up before the gate while writers go on;
// then the victim dies, in every other round while it drains.
func killOnce(t *testing.T, v victim, round int, a *agent, g *gate, db database) {
	t.Helper()
	if v.name != "datakit" {
		a.collector(t) // is there
	}
	w := newWriter(t, a, fmt.Sprintf("kill_%s_%d", strings.ReplaceAll(v.name, "-", "_"), round))
	g.set(status(http.StatusServiceUnavailable))
	drain := make(chan struct{})
	if round%2 == 1 {
		g.set(g.slowly(drain, 200*time.Millisecond))
	}
	w.must(t, 4*inFlight) // a request takes up to 50,000 of them

	stop := make(chan struct{})
	var writers sync.WaitGroup
	for range 3 {
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if _, err := w.post(200); err != nil {
						time.Sleep(5 * time.Millisecond)
					}
				}
			}
		})
	}
	moment := random(700 * time.Millisecond)
	time.Sleep(moment)
	close(drain)
	if round%2 == 1 {
		time.Sleep(random(600 * time.Millisecond))
	}
	v.kill(t, a)
	acknowledged := w.acknowledged()
	found, err := db.ids(w.measurement)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("round %d: killed after %v with %d points acknowledged, %d of them delivered", round, moment.Round(time.Millisecond), acknowledged, len(found))
	if acknowledged-len(found) < inFlight {
		t.Errorf("only %d acknowledged points were on their way", acknowledged-len(found))
	}
	if v.dies {
		time.Sleep(100 * time.Millisecond) // what the dead one sent is past the gate
		g.set(nil)
		g.forget()
		began := time.Now()
		a.start(t)
		eventually(t, 10*time.Second, func() (bool, string) {
			n, _ := g.requests()
			return n > 0, "nothing drains"
		})
		_, first := g.requests()
		if d := first.Sub(began); d > time.Second {
			t.Errorf("draining began %v after the restart", d)
		} else {
			t.Logf("draining began %v after the restart", d.Round(time.Millisecond))
		}
	} else {
		g.set(nil)
	}
	time.Sleep(200 * time.Millisecond)
	close(stop)
	writers.Wait()
	if v.name != "datakit" {
		a.collector(t) // is back
	}
	w.arrives(t, db, forward())
	a.drained(t, "central")
	a.accounts(t)
}

// random returns a duration below most.
func random(most time.Duration) time.Duration { return time.Duration(rand.Int64N(int64(most))) }
