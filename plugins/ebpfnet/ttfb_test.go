package ebpfnet

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/nettest"
)

// TestTimeToFirstByte: what we report per request is what tshark finds in the
// packets, and what a client measures of a handler that takes 20 ms.
func TestTimeToFirstByte(t *testing.T) {
	nettest.Need(t, "tcpdump", "tshark")
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	watch := observePackets(t, w, nil, []string{"httpflow"})
	s := server.do(order{Do: "http serve", Addr: w.far.addr(false, 0)})
	port := portOf(t, s.Addr)
	const n = 500
	var paths strings.Builder
	for i := range n {
		fmt.Fprintf(&paths, " /t/%d", i)
	}
	file, stop := w.near.Tcpdump(t, "-s", "300", fmt.Sprintf("tcp port %d", port))
	client.do(order{Do: "http fetch", Addr: s.Addr + paths.String(), N: n, ID: 1})
	watch.report()
	ours := map[string]time.Duration{}
	for _, r := range watch.rows["httpflow"] {
		if r["direction"] == outgoing {
			ours[r.text("path")] = time.Duration(r.int("latency"))
		}
	}
	if len(ours) != n {
		t.Fatalf("%d latencies, want %d", len(ours), n)
	}
	must(t, stop())
	var differences []time.Duration
	for _, row := range tshark(t, file, "http.time", "http.time", "http.response_for.uri") {
		seconds, err := strconv.ParseFloat(row[0], 64)
		must(t, err)
		_, path, _ := strings.Cut(strings.TrimPrefix(row[1], "http://"), "/")
		mine, ok := ours["/"+path]
		if !ok {
			t.Fatalf("no latency of %q", row[1])
		}
		differences = append(differences, (mine - time.Duration(seconds*1e9)).Abs())
	}
	if len(differences) < n*9/10 {
		t.Fatalf("tshark has %d of %d latencies", len(differences), n)
	}
	m := middle(differences)
	t.Logf("latency differs from tshark's by %v in the median of %d", m, len(differences))
	if m > sameTime() {
		t.Errorf("latency differs from tshark's by %v in the median", m)
	}

	watch.forget()
	theirs := time.Duration(client.do(order{Do: "http time", Addr: "http://" + s.Addr + "/sleep/20", N: 20}).N)
	watch.report()
	for _, r := range watch.rows["httpflow"] {
		ours := time.Duration(r.int("latency"))
		t.Logf("%s: %v; the client measures %v", r["direction"], ours, theirs)
		if d := (ours - theirs).Abs(); d > theirs/20 {
			t.Errorf("%s: %v, the client measures %v", r["direction"], ours, theirs)
		}
	}
	if len(watch.rows["httpflow"]) != 2 {
		t.Errorf("%v", watch.rows)
	}
}

// middle is the median.
func middle[T cmp.Ordered](all []T) T {
	slices.Sort(all)
	return all[len(all)/2]
}
