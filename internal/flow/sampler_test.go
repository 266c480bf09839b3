package flow

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/point"
)

func TestParseSampling(t *testing.T) {
	tests := []struct {
		rate, perMinute string
		want            string // "", or part of the error
	}{
		{"", "", ""}, {"0.01", "", ""}, {"0.50", "", ""}, {"1.00", "", ""}, {"1", "", ""}, {"", "1500", ""},
		{"0.009", "", "0.01 to 1.00"}, {"1.01", "", "0.01 to 1.00"}, {"NaN", "", "0.01 to 1.00"}, {"half", "", "0.01 to 1.00"},
		{"", "0", "from 1"}, {"", "-3", "from 1"}, {"", "many", "from 1"},
		{"0.5", "1500", "exclude each other"},
	}
	for _, tt := range tests {
		t.Run(tt.rate+"/"+tt.perMinute, func(t *testing.T) {
			_, err := ParseSampling(tt.rate, tt.perMinute, at)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// TestFixedShare keeps the stated share of flows: the same ones every time,
// whole, and marked.
func TestFixedShare(t *testing.T) {
	const flows = 20000
	for _, rate := range []float64{0.01, 0.3, 0.5, 0.51, 1} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			s, err := ParseSampling(fmt.Sprint(rate), "", at)
			if err != nil {
				t.Fatal(err)
			}
			a := New(Config{Sampler: s})
			collect := func() map[string]bool {
				for i := range flows {
					a.Add(conn("10.0.0.1:4000", fmt.Sprintf("10.%d.%d.1:80", i/250, i%250)))
				}
				kept := map[string]bool{}
				for _, p := range a.Flush(at) {
					kept[tagsOf(p)["dst_ip"]] = true
					if got := rateOf(p); got != rate && !(rate == 1 && got == 0) {
						t.Fatalf("field sampling_rate is %v, want %v", got, rate)
					}
				}
				return kept
			}
			first, second := collect(), collect()
			// Four standard deviations of a binomial distribution.
			slack := 4 * math.Sqrt(flows*rate*(1-rate))
			if d := math.Abs(float64(len(first)) - flows*rate); d > slack {
				t.Errorf("kept %d of %d, want %.0f ± %.0f", len(first), flows, flows*rate, slack)
			}
			if fmt.Sprint(first) != fmt.Sprint(second) {
				t.Error("the next interval kept other flows")
			}
			if s := a.Stats(); s.Emitted+s.Sampled != s.Flows {
				t.Errorf("stats do not add up: %+v", s)
			}
		})
	}
}

func rateOf(p point.Point) float64 {
	for _, f := range p.Fields {
		if f.Key == "sampling_rate" {
			return f.Value.AsFloat()
		}
	}
	return 0
}

func TestBothEndsShareTheirFate(t *testing.T) {
	for i := range 200 {
		client := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), 1}), uint16(40000+i))
		server := netip.MustParseAddrPort("10.9.9.9:443")
		there := ends{local: client, remote: server, transport: TCP, direction: Outgoing, pid: 1, netns: 5}
		back := ends{local: server, remote: client, transport: TCP, direction: Incoming, pid: 9, netns: 6}
		there.foldPort(32768)
		back.foldPort(32768)
		if there.fate() != back.fate() {
			t.Fatalf("the ends of %v - %v hash differently", client, server)
		}
	}
}

func TestBudget(t *testing.T) {
	tests := []struct {
		name    string
		every   time.Duration
		points  int // per observation
		minutes int
		want    float64
	}{
		{"30000 points", time.Minute, 30000, 1, 0.05},
		{"30000 points, in steps of 5 s", 5 * time.Second, 2500, 1, 0.05},
		{"a tick that comes early", time.Minute - time.Millisecond, 30000, 1, 0.05},
		{"1501 points", time.Minute, 1501, 1, 1},
		{"150001 points", time.Minute, 150001, 1, 0.01},
		{"far too many", time.Minute, 1 << 30, 1, 0.01},
		{"none", time.Minute, 0, 3, 1},
		{"an interval of five minutes", 5 * time.Minute, 150000, 5, 0.05},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := ParseSampling("", "1500", at)
			if s.Rate() != 1 {
				t.Errorf("the first minute has rate %v", s.Rate())
			}
			for now := tt.every; now <= time.Duration(tt.minutes)*time.Minute; now += tt.every {
				s.Observe(at.Add(now), tt.points)
			}
			if math.Abs(s.Rate()-tt.want) > 0.0001 {
				t.Errorf("rate %v, want %v", s.Rate(), tt.want)
			}
		})
	}
}

// TestClockJump: a clock that is set neither stops the sampler from adapting
// nor makes it adapt to nonsense.
func TestClockJump(t *testing.T) {
	s, _ := ParseSampling("", "1500", at)
	now := at.Add(time.Minute)
	s.Observe(now, 30000)
	now = now.Add(-24 * time.Hour)
	s.Observe(now, 30000)
	if s.Rate() != 0.05 {
		t.Errorf("rate %v right after the jump, want 0.05 as before", s.Rate())
	}
	for range 3 {
		now = now.Add(time.Minute)
		s.Observe(now, 15000)
	}
	if math.Abs(s.Rate()-0.1) > 0.001 {
		t.Errorf("rate %v three minutes later, want 0.1", s.Rate())
	}
}
