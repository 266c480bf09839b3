package netlog

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
)

// webTraffic makes a capture of many HTTP connections, each with some
// exchanges of 4 KB, half of them open at a time.
func webTraffic(t testing.TB, packets int) []byte {
	var file bytes.Buffer
	f := newTraffic(t, &file, 128)
	body := bytes.Repeat([]byte("x"), 4000)
	response := append([]byte("HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n"), body...)
	request := []byte("GET /index.html HTTP/1.1\r\nHost: example\r\n\r\n")
	open := make([]*dialogue, 0, 1000)
	for i := 0; f.sent < packets; i++ {
		if len(open) < cap(open) {
			open = append(open, f.dial(fmt.Sprintf("10.0.%d.%d:%d", i>>8&255, i&255, 20000+i%40000), "10.1.0.1:80"))
			continue
		}
		d := open[i%len(open)]
		d.say(true, request)
		d.say(false, response)
		if i%5 == 0 {
			d.hangUp()
			open[i%len(open)] = f.dial(fmt.Sprintf("10.0.%d.%d:%d", i>>8&255, i&255, 20000+i%40000), "10.1.0.1:80")
		}
	}
	f.done()
	return file.Bytes()
}

// cpuTime is what this process used so far.
func cpuTime(t testing.TB) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

type nowhere struct{}

func (nowhere) Feed(context.Context, point.Category, []point.Point) error { return nil }

// BenchmarkReplay is the cost of a packet of a capture file, by what is made
// of it.
func BenchmarkReplay(b *testing.B) {
	const packets = 200_000
	file := webTraffic(b, packets)
	for name, set := range map[string]func(*plugins.EBPF, *Table){
		"tracking":   func(c *plugins.EBPF, t *Table) { c.NetlogMetric, t.MaxHTTP = false, 0 },
		"netflow":    func(_ *plugins.EBPF, t *Table) { t.MaxHTTP = 0 },
		"flows":      func(*plugins.EBPF, *Table) {},
		"flows+logs": func(c *plugins.EBPF, _ *Table) { c.NetlogLog = true },
		"logs":       func(c *plugins.EBPF, _ *Table) { c.NetlogLog, c.NetlogMetric = true, false },
		"blacklist90%": func(c *plugins.EBPF, _ *Table) {
			c.NetlogBlacklist = "dst_port == 80 && !ipnet_contains('10.0.0.0/25', ip_saddr)"
		},
	} {
		b.Run(name, func(b *testing.B) {
			c, t := plugins.DefaultEBPF(), DefaultTable()
			set(c, t)
			b.ReportAllocs()
			before := cpuTime(b)
			for b.Loop() {
				_, err := Replay(context.Background(), bytes.NewReader(file), PassConfig{Program: c, Table: t, Interval: time.Minute}, nowhere{})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(b.N)/packets, "cpu-ns/packet")
		})
	}
}
