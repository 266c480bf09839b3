package config

import "strings"

// unsupported lists keys and tables of datakit.conf that DataKit has and this
// agent does not. They warn instead of failing, so that a file can be kept.
var unsupported = []string{
	"datakit_user", "name", "uuid", "install_date", "upgrade_date", "protect_mode", "hostname", "install_ver",
	"http_api.rum_origin_ip_header", "http_api.rum_app_id_white_list",
	"http_api.close_idle_connection",
	"io.flush_workers", "io.feed_chan_size", "io.auto_timestamp_correction", "io.compact_interval",
	"io.compact_workers", "io.filters", "io.enable_cache", "io.cache_max_size_gb", "io.global_blocking",
	"dataway.timeout", "dataway.max_retry_count", "dataway.retry_delay", "dataway.max_raw_body_size",
	"dataway.content_encoding", "dataway.gzip", "dataway.max_idle_conns", "dataway.max_idle_conns_per_host",
	"dataway.idle_timeout", "dataway.enable_httptrace", "dataway.enable_sinker", "dataway.global_customer_keys",
	"dataway.drop_expired_package_at", "dataway.ntp", "dataway.wal", "dataway.proxy", "dataway.hostname",
	"logging.gin_log", "logging.disable_color", "logging.gin_err_log",
	"election", "resource_limit", "pipeline", "git_repos", "crypto", "point_pool", "dca", "dk_upgrader",
	"remote_job", "recorder", "cgroup", "operator", "confds", "global_tags", "global_election_tags",
	"global_env_tags", "enable_election", "apm_inject",
}

// isUnsupported reports whether path is one of these or lies in such a table.
func isUnsupported(path string) bool {
	path = bare(path)
	for _, known := range unsupported {
		if path == known || strings.HasPrefix(path, known+".") {
			return true
		}
	}
	return false
}

// LaterInputs are inputs that DataKit has and that are not part of this
// agent; naming one is a warning.
func LaterInputs() []string {
	return []string{
		"dd_agent", "ddtrace", "dk", "ebpftrace", "kubernetesprometheus", "logfwdserver", "logging", "opentelemetry",
		"process", "prom", "rum", "self", "statsd", "zipkin",
	}
}
