package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// Main is datakit.conf. The zero value of a key in a list of tables means
// the default of whoever uses it.
type Main struct {
	DefaultEnabledInputs []string `toml:"default_enabled_inputs" env:"DEFAULT_ENABLED_INPUTS,ENABLE_INPUTS" help:"Inputs that run with their defaults, without a file of their own. \"-name\" forbids\nan input, wherever it is configured; a list with such names only forbids.\nENV_ENABLE_INPUTS=\"-\" enables none."`
	ULimit               uint64   `toml:"ulimit" env:"ULIMIT" help:"Open files the agent may have (RLIMIT_NOFILE). 0 leaves the limit alone."`
	MemoryLimit          Size     `toml:"memory_limit" help:"Soft limit of memory for Go's runtime (GOMEMLIMIT, which beats it)."`
	EnablePprof          bool     `toml:"enable_pprof" env:"ENABLE_PPROF" help:"Go's pprof service. A busy port is a warning."`
	PprofListen          string   `toml:"pprof_listen" env:"PPROF_LISTEN"`

	HTTP     HTTP      `toml:"http_api" help:"Where programs on this host write their points: POST /v1/write/:category."`
	IO       IO        `toml:"io" help:"How points are gathered to blocks."`
	Dataway  Dataway   `toml:"dataway" help:"The central backend. Without one, and without [[backends]], blocks go to\na bounded store in data/store."`
	Backends []Backend `toml:"backends" help:"More backends. Each gets everything of its categories and has its own place in the\nqueue: one that is down does not hold up the others."`
	Queue    Queue     `toml:"queue" help:"What has been accepted and not yet delivered lies here, on disk."`
	Logging  Logging   `toml:"logging" help:"The agent's own log."`

	GlobalHostTags map[string]string `toml:"global_host_tags" env:"GLOBAL_HOST_TAGS,GLOBAL_TAGS" help:"Added to every point that does not have them. $datakit_hostname and $datakit_ip\nstand for this host; the tag host is always there." example:"some_tag = \"some_value\""`
	Environments   Environments      `toml:"environments"`
}

// HTTP is [http_api].
type HTTP struct {
	Listen       string   `toml:"listen" env:"HTTP_LISTEN" help:"host:port, or the path of a unix socket. \"\" switches the API off."`
	ListenSocket string   `toml:"listen_socket" env:"HTTP_LISTEN_SOCKET" example:"/run/datakit/api.sock" help:"One more listener, on a unix socket."`
	PublicAPIs   []string `toml:"public_apis" env:"HTTP_PUBLIC_APIS" help:"Paths that other hosts may call. Empty: /v1/ping, /v1/ntp and all /v1/write/…;\na list that is not empty has to name these too."`

	Timeout          time.Duration `toml:"timeout" env:"HTTP_TIMEOUT" help:"For one request."`
	RequestRateLimit float64       `toml:"request_rate_limit" env:"REQUEST_RATE_LIMIT" help:"Requests per second and client; more get 429. Loopback is exempt. 0: no limit."`
	RateLimitTTL     time.Duration `toml:"request_rate_limit_ttl" env:"REQUEST_RATE_LIMIT_TTL" help:"A client is forgotten after this time."`
	RateLimitBurst   int           `toml:"request_rate_limit_burst" env:"REQUEST_RATE_LIMIT_BURST"`
	MaxBody          Size          `toml:"max_body_size" help:"Largest body after decompression; larger ones get 413."`
	CORSOrigins      []string      `toml:"allowed_cors_origins" help:"Origins whose pages may call the API."`
	Disable404Page   bool          `toml:"disable_404page" env:"DISABLE_404PAGE" help:"Answer unknown paths with JSON instead of a page."`

	TLS HTTPTLS `toml:"tls" help:"Serve HTTPS on listen."`
}

// HTTPTLS is [http_api.tls]; both files or none.
type HTTPTLS struct {
	Cert string `toml:"cert" env:"HTTP_TLS_CRT" example:"/etc/datakit/tls.crt"`
	Key  string `toml:"privkey" env:"HTTP_TLS_KEY" example:"/etc/datakit/tls.key"`
}

// IO is [io].
type IO struct {
	MaxCacheCount int           `toml:"max_cache_count" help:"Points of one category that make a block."`
	FlushInterval time.Duration `toml:"flush_interval" help:"A block is cut after this time, even if it is small."`
}

// Queue is [queue].
type Queue struct {
	Path         string        `toml:"path" env:"QUEUE_PATH,DATAWAY_WAL_PATH" help:"A relative path is taken from the install folder."`
	MaxSize      Size          `toml:"max_size" help:"Bound of all segments together."`
	SegmentSize  Size          `toml:"segment_size" help:"Size of one file."`
	SyncInterval time.Duration `toml:"sync_interval" help:"How often written data is forced to the device: what a power cut can cost. A killed\nprocess loses nothing. \"0s\": before every acknowledgement."`
	WhenFull     string        `toml:"when_full" help:"What happens to the points of own collectors: \"drop_oldest\" or \"block\". Clients of\nthe API get 429 in either case."`
}

// Logging is [logging].
type Logging struct {
	Log           string `toml:"log" env:"LOG" help:"\"stdout\", or a file, which is rotated. A relative path is taken from the install\nfolder."`
	Level         string `toml:"level" env:"LOG_LEVEL" help:"debug, info, warn or error. 'datakit log-level' changes it while the agent runs."`
	Rotate        int    `toml:"rotate" env:"LOG_ROTATE_SIZE_MB" help:"Size of a file in MB."`
	RotateBackups int    `toml:"rotate_backups" env:"LOG_ROTATE_BACKUP" help:"Old files that are kept."`
}

// Environments is [environments].
type Environments struct {
	Hostname string `toml:"ENV_HOSTNAME" env:"HOSTNAME" help:"Used instead of the name of the system, as tag host."`
}

// DefaultMain returns the defaults of datakit.conf.
func DefaultMain() *Main {
	return &Main{
		DefaultEnabledInputs: []string{},
		ULimit:               64000, MemoryLimit: 1 << 30,
		EnablePprof: true, PprofListen: "localhost:6060",
		HTTP: HTTP{
			Listen: "localhost:9529", PublicAPIs: []string{}, CORSOrigins: []string{},
			Timeout: 30 * time.Second, RequestRateLimit: 100, RateLimitTTL: time.Minute, RateLimitBurst: 500,
			MaxBody: 32 << 20,
		},
		IO:      IO{MaxCacheCount: 1000, FlushInterval: 200 * time.Millisecond},
		Dataway: Dataway{URLs: []string{}, Timeout: 30 * time.Second},
		Queue: Queue{
			Path: "data/queue", MaxSize: 2 << 30, SegmentSize: 16 << 20,
			SyncInterval: 100 * time.Millisecond, WhenFull: WhenFullDrop,
		},
		Logging:        Logging{Log: "stdout", Level: "info", Rotate: 32, RotateBackups: 5},
		GlobalHostTags: map[string]string{"host": "$datakit_hostname", "ip": "$datakit_ip"},
	}
}

// Values of [queue] when_full.
const (
	WhenFullDrop  = "drop_oldest"
	WhenFullBlock = "block"
)

// Bounds below which the agent would only collect garbage, or refuse
// everything.
const (
	leastMemory Size = 32 << 20
	leastBody   Size = 64 << 10
)

// Validate checks what the types alone do not say.
func (m *Main) Validate() error {
	var c checker
	c.oneOf("logging.level", m.Logging.Level, "debug", "info", "warn", "error")
	c.oneOf("queue.when_full", m.Queue.WhenFull, WhenFullDrop, WhenFullBlock)
	c.must(m.Queue.MaxSize >= 1<<20, "queue.max_size", "%s is less than 1MiB", m.Queue.MaxSize)
	c.must(m.Queue.SegmentSize >= 64<<10 && m.Queue.SegmentSize <= m.Queue.MaxSize, "queue.segment_size",
		"%s is not between 64KiB and max_size, %s", m.Queue.SegmentSize, m.Queue.MaxSize)
	c.must(m.Queue.SyncInterval >= 0, "queue.sync_interval", "is negative")
	c.must(m.Queue.Path != "", "queue.path", "is empty")
	c.must(m.MemoryLimit == 0 || m.MemoryLimit >= leastMemory, "memory_limit", "%s is less than %s", m.MemoryLimit, leastMemory)
	c.address("pprof_listen", m.PprofListen, false)
	c.address("http_api.listen", m.HTTP.Listen, true)
	c.must(m.HTTP.ListenSocket == "" || filepath.IsAbs(m.HTTP.ListenSocket), "http_api.listen_socket", "%q is not an absolute path", m.HTTP.ListenSocket)
	c.must(m.HTTP.MaxBody >= leastBody, "http_api.max_body_size", "%s is less than %s", m.HTTP.MaxBody, leastBody)
	c.must(m.HTTP.RateLimitTTL > 0, "http_api.request_rate_limit_ttl", "has to be positive")
	c.must(m.HTTP.Timeout > 0, "http_api.timeout", "has to be positive")
	c.must(m.HTTP.RequestRateLimit >= 0, "http_api.request_rate_limit", "is negative")
	c.must(m.HTTP.RateLimitBurst > 0, "http_api.request_rate_limit_burst", "has to be at least 1")
	c.must((m.HTTP.TLS.Cert == "") == (m.HTTP.TLS.Key == ""), "http_api.tls", "cert and privkey belong together")
	c.must(m.IO.MaxCacheCount > 0, "io.max_cache_count", "has to be at least 1")
	c.must(m.IO.FlushInterval > 0, "io.flush_interval", "has to be positive")
	c.must(m.Logging.Rotate > 0, "logging.rotate", "has to be at least 1")
	c.must(m.Logging.RotateBackups >= 0, "logging.rotate_backups", "is negative")
	m.Dataway.check(&c)
	names := map[string]bool{}
	for i := range m.Backends {
		m.Backends[i].check(&c, fmt.Sprintf("backends[%d]", i), names)
	}
	return c.err()
}

// checker collects errors that begin with the key they are about.
type checker struct{ errs []error }

func (c *checker) must(ok bool, key, format string, args ...any) {
	if !ok {
		c.errs = append(c.errs, fmt.Errorf(key+": "+format, args...))
	}
}

func (c *checker) oneOf(key, value string, allowed ...string) {
	c.must(slices.Contains(allowed, value), key, "%q is unknown%s", value, suggest(value, allowed))
}
