package capture

import (
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/net/bpf"

	"datakit.dev/agent/netlog/packet"
)

func TestConfigDefaults(t *testing.T) {
	c := Config{Index: 1, Link: packet.LinkEthernet}
	must(t, c.normalize(4096))
	if c.BlockSize*c.Blocks != 32<<20 || c.SnapLen != 2048 || c.Timeout != 100*time.Millisecond || c.Wait != time.Second {
		t.Errorf("%+v", c)
	}
}

func TestConfigRefused(t *testing.T) {
	tests := []struct {
		want   string
		change func(*Config)
	}{
		{"no interface", func(c *Config) { c.Index = 0 }},
		{"link type 113: want Ethernet or raw", func(c *Config) { c.Link = packet.LinkCooked }},
		{"block size 5000: want a multiple of the page size 4096", func(c *Config) { c.BlockSize = 5000 }},
		{"block size -4096", func(c *Config) { c.BlockSize = -4096 }},
		{"1 blocks: want 2 or more", func(c *Config) { c.Blocks = 1 }},
		{"-7 blocks", func(c *Config) { c.Blocks = -7 }},
		{"want at most 4294967296 bytes", func(c *Config) { c.Blocks = 1 << 20 }},
		{"snap length 64: want 128 to 262144", func(c *Config) { c.SnapLen = 64 }},
		{"snap length 4096: want at most half a block of 4096", func(c *Config) { c.BlockSize, c.SnapLen = 4096, 4096 }},
		{"timeout 1µs: want 1ms to 1m", func(c *Config) { c.Timeout = time.Microsecond }},
		{"wait 1ns", func(c *Config) { c.Wait = 1 }},
		{"two filters", func(c *Config) { c.Filter = Filter{Classic: []bpf.RawInstruction{{}}, Program: new(ebpf.Program)} }},
	}
	for _, tt := range tests {
		c := Config{Index: 1, Link: packet.LinkEthernet}
		tt.change(&c)
		if _, err := Open(c); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %s", err, tt.want)
		}
	}
}
