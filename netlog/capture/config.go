package capture

import (
	"errors"
	"fmt"
	"time"

	"datakit.dev/agent/netlog/packet"
)

// Config is what a ring is opened with.
type Config struct {
	Index int             // of the interface, in the namespace of the calling thread
	Link  packet.LinkType // LinkEthernet, or LinkRaw for interfaces of another kind
	Tag   int             // Packet.Interface of its packets

	BlockSize int           // bytes, a multiple of the page size; default 512 KiB
	Blocks    int           // memory is BlockSize × Blocks; default 64
	SnapLen   int           // bytes kept of a frame; default 2048
	Timeout   time.Duration // a block that is not full is handed over after it; default 100 ms
	Wait      time.Duration // how long Next waits for a block; default 1 s

	Filter   Filter // beside the base filter
	Loopback bool   // the interface is a loopback: take what goes out when it comes in, once
}

// Defaults, after the reference: 32 MiB, and payloads long enough for heads
// of HTTP messages.
const (
	DefaultBlockSize = 512 << 10
	DefaultBlocks    = 64
	DefaultSnapLen   = 2048
	DefaultTimeout   = 100 * time.Millisecond
	DefaultWait      = time.Second
)

const (
	minSnapLen = 128     // headers, with IPv6 and options
	maxSnapLen = 1 << 18 // as tcpdump
)

// normalize fills in defaults and checks.
func (c *Config) normalize(page int) error {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.BlockSize, DefaultBlockSize)
	def(&c.Blocks, DefaultBlocks)
	def(&c.SnapLen, DefaultSnapLen)
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Wait == 0 {
		c.Wait = DefaultWait
	}
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(c.Index > 0, "no interface")
	check(c.Link == packet.LinkEthernet || c.Link == packet.LinkRaw, "link type %d: want Ethernet or raw", c.Link)
	check(c.BlockSize >= page && c.BlockSize%page == 0, "block size %d: want a multiple of the page size %d", c.BlockSize, page)
	check(c.Blocks >= 2, "%d blocks: want 2 or more", c.Blocks)
	check(c.BlockSize <= maxRing/max(c.Blocks, 1), "%d blocks of %d bytes: want at most %d bytes", c.Blocks, c.BlockSize, maxRing)
	check(c.SnapLen >= minSnapLen && c.SnapLen <= maxSnapLen, "snap length %d: want %d to %d", c.SnapLen, minSnapLen, maxSnapLen)
	check(c.SnapLen <= c.BlockSize/2, "snap length %d: want at most half a block of %d", c.SnapLen, c.BlockSize)
	check(c.Timeout >= time.Millisecond && c.Timeout <= time.Minute, "timeout %v: want 1ms to 1m", c.Timeout)
	check(c.Wait >= time.Millisecond, "wait %v: want 1ms or more", c.Wait)
	check(c.Filter.Classic == nil || c.Filter.Program == nil, "two filters: want a classic program or one of eBPF")
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("configure ring: %w", err)
	}
	return nil
}

// maxRing bounds the memory of one ring.
const maxRing = 4 << 30
