package queue

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"datakit.dev/agent/internal/point"
)

// quietly opens a queue for a benchmark.
func quietly(b *testing.B, cfg Config, backends ...string) *Queue {
	b.Helper()
	q, err := Open(cfg, backends)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = q.Close() })
	return q
}

// sizes are payloads: what a block of 1000 points takes with gzip, and more.
var sizes = []int{4 << 10, 64 << 10, 1 << 20}

// BenchmarkPut writes only; the oldest blocks are dropped.
func BenchmarkPut(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			q := quietly(b, Config{Dir: b.TempDir(), MaxBytes: 256 << 20, SyncInterval: time.Second}, "a")
			block := numbered(point.Network, 1, 1000, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if err := q.Put(context.Background(), block); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPutGet moves each block through the queue: one writer, one reader
// that acknowledges, fsync every second.
func BenchmarkPutGet(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			q := quietly(b, Config{Dir: b.TempDir(), SyncInterval: time.Second, WhenFull: Block}, "a")
			block := numbered(point.Network, 1, 1000, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.ResetTimer()
			var reader sync.WaitGroup
			reader.Go(func() {
				c := q.Cursor("a", point.Network)
				for done := 0; done < b.N; {
					entries, err := c.Next(context.Background(), 1<<20)
					if err != nil {
						b.Error(err)
						return
					}
					done += len(entries)
					c.Ack(len(entries))
				}
			})
			for range b.N {
				if err := q.Put(context.Background(), block); err != nil {
					b.Fatal(err)
				}
			}
			reader.Wait()
		})
	}
}

// BenchmarkPutSync acknowledges after fsync, with many writers at a time.
func BenchmarkPutSync(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("%dwriters", writers), func(b *testing.B) {
			q := quietly(b, Config{Dir: b.TempDir(), MaxBytes: 256 << 20}, "a")
			block := numbered(point.Network, 1, 1000, 64<<10)
			b.SetBytes(64 << 10)
			b.SetParallelism(writers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := q.Put(context.Background(), block); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkOpen opens a queue of 1 GiB, one cursor at the start and one in the
// middle.
func BenchmarkOpen(b *testing.B) {
	for _, size := range sizes[:2] {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			cfg := Config{Dir: b.TempDir(), SyncInterval: time.Hour}
			q := quietly(b, cfg, "a", "b")
			block := numbered(point.Network, 1, 1000, size)
			for n := range (1 << 30) / size {
				if err := q.Put(context.Background(), block); err != nil {
					b.Fatal(err)
				}
				if n%2 == 0 {
					c := q.Cursor("b", point.Network)
					if _, err := c.Next(context.Background(), 1); err != nil {
						b.Fatal(err)
					}
					c.Ack(1)
				}
			}
			if err := q.Close(); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				q, err := Open(cfg, []string{"a", "b"})
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if got := q.Stats().Bytes; got < 1<<30 {
					b.Fatalf("%d bytes", got)
				}
				_ = q.Close()
				b.StartTimer()
			}
		})
	}
}

// BenchmarkInspect recounts 128 MiB; what it allocates does not grow with the
// queue.
func BenchmarkInspect(b *testing.B) {
	cfg := Config{Dir: b.TempDir(), SyncInterval: time.Hour}
	q := quietly(b, cfg, "a")
	block := numbered(point.Network, 1, 1000, 64<<10)
	const blocks = 1 << 11
	for range blocks {
		if err := q.Put(context.Background(), block); err != nil {
			b.Fatal(err)
		}
	}
	if err := q.Close(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(blocks * 64 << 10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Inspect(cfg.Dir); err != nil {
			b.Fatal(err)
		}
	}
}
