package plugins

import "time"

// EBPF is the block [[inputs.ebpf]]: one flat struct shared by the agent,
// which validates it, and by datakit-ebpf, which receives it. Key names,
// meanings and sample values are those of the public eBPF collector page.
//
// The tags are read by internal/config: `help` and `example` make the
// sample, `env` names the variable after ENV_INPUT_EBPF_ where it differs
// from the key.
type EBPF struct {
	Daemon bool     `toml:"daemon" help:"Run as a supervised, long-running process."`
	Name   string   `toml:"name" help:"Name of the collector in logs and reports."`
	Cmd    string   `toml:"cmd" help:"The program. A relative path is taken from the install folder."`
	Args   []string `toml:"args" help:"Arguments; they count as flags and beat every other setting.\nSee 'datakit-ebpf run --help'."`
	Envs   []string `toml:"envs" help:"Added to the environment of the program, as \"NAME=value\"."`

	CPULimit    string `toml:"cpu_limit" example:"2.0" help:"Resource limits. The collector exits when one is exceeded and is started again\nafter a delay that grows. CPU cores (sliding window), resident memory, and rate of\nany network interface but lo, in either direction."`
	MemLimit    string `toml:"mem_limit" example:"4GiB" help:"Number with unit: K KB M MB G GB (powers of 1000), KiB MiB GiB (powers of 1024)."`
	NetLimit    string `toml:"net_limit" example:"100MiB/s" help:"Like mem_limit, per second."`
	LimitAction string `toml:"limit_action" help:"What follows an exceeded limit: \"restart\" or \"stop\"."`

	KubernetesURL     string `toml:"kubernetes_url" example:"https://kubernetes.default:443" help:"Kubernetes API server; takes effect in a DaemonSet."`
	BearerToken       string `toml:"bearer_token" example:"/run/secrets/kubernetes.io/serviceaccount/token" help:"File that holds the token."`
	BearerTokenString string `toml:"bearer_token_string" example:"<your-token-string>" help:"Or the token itself."`

	WorkloadLabels      []string `toml:"workload_labels" help:"Labels of pods and workloads to copy to tags."`
	WorkloadLabelPrefix string   `toml:"workload_label_prefix" help:"Put in front of such tags."`

	EnabledPlugins []string `toml:"enabled_plugins" help:"The plugins to run:\n- \"ebpf-net\":       netflow, httpflow and dnsflow\n- \"ebpf-bash\":      logs of interactive bash\n- \"ebpf-conntrack\": adds dst_nat_ip and dst_nat_port to the flows\n- \"ebpf-trace\":     spans; needs trace_server\n- \"bpf-netlog\":     network logs, and flows where eBPF is not available\nWhat only one of them has is in a table [inputs.ebpf.<plugin>], see docs/reference.md."`

	L4NetEnabled  []string `toml:"l4net_enabled" help:"Transport protocols of netflow: \"tcp\", \"udp\"."`
	L7NetEnabled  []string `toml:"l7net_enabled" help:"Of ebpf-net: \"httpflow\", \"httpflow-tls\"; [] for no HTTP. dnsflow is always on\nunless it is in l7net_disabled."`
	L7NetDisabled []string `toml:"l7net_disabled" help:"Used when l7net_enabled is not set."`

	PprofHost string `toml:"pprof_host" help:"Address of Go's pprof service of the collector. A busy port is a warning."`
	PprofPort string `toml:"pprof_port" help:"\"\" switches pprof off."`

	NetlogBlacklist  string `toml:"netlog_blacklist" env:"NETLOG_BLACKLIST,ENV_NETLOG_BLACKLIST" example:"ip_saddr=='127.0.0.1' || ip_daddr=='127.0.0.1'" help:"bpf-netlog: packets that match a rule are not collected. docs/filter.md has the\nlanguage; 'datakit debug filter' prints it and tries rules."`
	NetlogMetric     bool   `toml:"netlog_metric" env:"NETLOG_METRIC,ENV_NETLOG_METRIC" help:"bpf-netlog: collect flows."`
	NetlogLog        bool   `toml:"netlog_log" env:"NETLOG_LOG,ENV_NETLOG_LOG" help:"bpf-netlog: collect logs."`
	NetlogMetricOnly bool   `toml:"netlog_metric_only" env:"NETLOG_METRIC_ONLY,ENV_NETLOG_METRIC_ONLY" help:"Older switch: false is the same as netlog_log = true."`

	TraceServer        string   `toml:"trace_server" help:"ebpf-trace: address of the tracing centre, host:port."`
	TraceAllProcess    bool     `toml:"trace_all_process" help:"Trace all processes."`
	TraceEnvList       []string `toml:"trace_env_list" help:"Trace processes that have one of these environment variables."`
	TraceEnvBlacklist  []string `toml:"trace_env_blacklist" help:"Never trace processes that have one of these environment variables."`
	TraceNameList      []string `toml:"trace_name_list" help:"Trace processes with one of these names."`
	TraceNameBlacklist []string `toml:"trace_name_blacklist" help:"Never trace processes with one of these names. datakit and datakit-ebpf never are."`
	ConvToDDTrace      bool     `toml:"conv_to_ddtrace" help:"Write trace ids as decimal 64-bit numbers."`

	IPv6Disabled  bool     `toml:"ipv6_disabled" help:"Leave IPv6 out."`
	EphemeralPort int      `toml:"ephemeral_port" example:"10001" help:"The client's port is reported as \"*\" from this number on.\nNot set: every client port is."`
	Interval      Duration `toml:"interval" example:"60s" help:"Period of aggregation, from 1s."`

	SamplingRate          string `toml:"sampling_rate" example:"0.50" help:"Share of flows to report, 0.01 to 1.00."`
	SamplingRatePtsPerMin string `toml:"sampling_rate_pts_per_min" env:"SAMPLING_RATE_PTSPERMIN" example:"1500" help:"Or the points per minute to aim at. Not together with sampling_rate."`

	IncludeLoopback bool     `toml:"include_loopback" help:"Report flows over the loopback interface too."`
	ScopeNetns      []string `toml:"scope_netns" help:"Observe only these network namespaces: paths (/run/netns/blue, /proc/1/ns/net)\nor inode numbers. Empty: all."`
	ScopeCgroups    []string `toml:"scope_cgroups" help:"Observe only these cgroup v2 subtrees: paths or inode numbers. Empty: all.\nWith both scopes set a process has to be in both. bpf-netlog does not run with\nthis scope: packets do not tell their cgroup."`
	ContainerID     bool     `toml:"container_id" help:"Add the tag container_id to flows."`
	MaxConnections  int      `toml:"max_connections" help:"Open TCP connections the kernel table holds. Connections beyond it are counted, not reported."`
	MaxFlows        int      `toml:"max_flows" help:"Flows reported per interval. What goes beyond is summed in one series with the tag\noverflow=true, and counted."`

	HTTPMaxPaths      int      `toml:"http_max_paths" help:"Different requests (method and path) to one server that httpflow tells apart in an\ninterval. What goes beyond is reported with the path \"*\"; counts stay exact."`
	HTTPRoutes        []string `toml:"http_routes" example:"[\"/users/{id}\", \"/static/*\"]" help:"Patterns to report instead of the paths they match."`
	HTTPHost          bool     `toml:"http_host" help:"Add the field http_host, the authority of requests, to httpflow."`
	HTTPLatencyFields bool     `toml:"http_latency_fields" help:"Add the largest latency and a histogram to httpflow: latency_max, latency_le_…"`
	DNSLog            bool     `toml:"dns_log" help:"Log every DNS query with its name and type: measurement dns_log."`

	Tags map[string]string `toml:"tags" help:"Added to everything the collector reports." example:"some_tag = \"some_value\""`

	// Tables holds what only one plugin has, by its name: [inputs.ebpf.<plugin>].
	// The program checks what is in them.
	Tables map[string]any `toml:"*"`
}

// Duration is a time.Duration that is written as text, "1m30s".
type Duration = time.Duration

// DefaultEBPF returns the defaults of the block.
func DefaultEBPF() *EBPF {
	return &EBPF{
		Daemon: true, Name: "ebpf", Cmd: "/usr/local/datakit/externals/datakit-ebpf",
		Args: []string{"--datakit-apiserver", "0.0.0.0:9529"}, Envs: []string{},
		LimitAction:    "restart",
		EnabledPlugins: []string{"ebpf-net"},
		L4NetEnabled:   []string{"tcp", "udp"}, L7NetEnabled: []string{"httpflow"},
		PprofHost: "127.0.0.1", PprofPort: "6061",
		NetlogMetric: true, NetlogMetricOnly: true,
		TraceEnvList:  []string{"DK_BPFTRACE_SERVICE", "DD_SERVICE", "OTEL_SERVICE_NAME"},
		EphemeralPort: -1, Interval: 60 * time.Second,
		MaxConnections: 65536, MaxFlows: 65536,
		HTTPMaxPaths: 1000,
	}
}
