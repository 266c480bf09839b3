package netlog

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"datakit.dev/agent/internal/config"
)

// Table is the table [inputs.ebpf.bpf-netlog].
type Table struct {
	NICsInclude []string `toml:"nics_include" help:"Interfaces to capture on, by name; * and ? are wildcards. Empty: on the host those\nthat are up, hardware and not loopback; in containers all that are up but loopback."`
	NICsExclude []string `toml:"nics_exclude" help:"Interfaces to leave out."`
	Containers  bool     `toml:"containers" help:"Capture in the network namespaces of containers too."`

	SnapLength        int         `toml:"snap_length" help:"Bytes of a packet that are looked at."`
	RingSize          config.Size `toml:"ring_size" help:"Memory shared with the kernel, per interface of the host."`
	ContainerRingSize config.Size `toml:"container_ring_size" help:"The same for an interface in another namespace."`

	MaxInterfaces  int `toml:"max_interfaces" help:"Interfaces captured on at a time."`
	MaxConnections int `toml:"max_connections" help:"Connections followed per interface, 490 bytes each. When there are more, those that\nare over go first, then those never answered, then those silent longest."`
	MaxHTTP        int `toml:"max_http" help:"Connections per interface that are read for HTTP at a time."`

	LogRate      int         `toml:"log_rate" help:"Log points per second, over all interfaces; what goes beyond is dropped and counted.\n0: no limit."`
	LogMemory    config.Size `toml:"log_memory" help:"Memory for the packet rows of logs, over all interfaces."`
	LogProtocols []string    `toml:"log_protocols" help:"Protocols to log: \"tcp\", \"udp\", \"icmp\"."`
}

// DefaultTable returns the defaults of the table.
func DefaultTable() *Table {
	return &Table{
		NICsInclude: []string{}, NICsExclude: []string{}, Containers: true,
		SnapLength: 2048, RingSize: 32 << 20, ContainerRingSize: 4 << 20,
		MaxInterfaces: 64, MaxConnections: 131072, MaxHTTP: 16384,
		LogRate: 5000, LogMemory: 64 << 20, LogProtocols: []string{"tcp", "udp", "icmp"},
	}
}

// Bounds of what may be configured.
const (
	minSnapLength, maxSnapLength = 128, 65536
	minRing, maxRing             = 256 << 10, 1 << 30
	maxConnections               = 4 << 20
)

// Validate tells what is wrong.
func (t *Table) Validate() error {
	var errs []error
	between := func(key string, v, low, high int64) {
		if v < low || v > high {
			errs = append(errs, fmt.Errorf("%s %d: want %d to %d", key, v, low, high))
		}
	}
	between("snap_length", int64(t.SnapLength), minSnapLength, maxSnapLength)
	between("ring_size", int64(t.RingSize), minRing, maxRing)
	between("container_ring_size", int64(t.ContainerRingSize), minRing, maxRing)
	between("max_interfaces", int64(t.MaxInterfaces), 1, 4096)
	between("max_connections", int64(t.MaxConnections), 16, maxConnections)
	between("max_http", int64(t.MaxHTTP), 0, maxConnections)
	between("log_rate", int64(t.LogRate), 0, 10_000_000)
	between("log_memory", int64(t.LogMemory), 1<<20, 16<<30)
	for _, name := range t.LogProtocols {
		if !slices.Contains(logProtocols, name) {
			errs = append(errs, fmt.Errorf("log_protocols %q: allowed are %s", name, strings.Join(logProtocols, ", ")))
		}
	}
	return errors.Join(errs...)
}

var logProtocols = []string{"tcp", "udp", "icmp"}
