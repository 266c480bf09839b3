package httpapi

import (
	"net/http"

	"datakit.dev/agent/internal/point"
)

// writeArgs are the query arguments of /v1/write/:category. As in DataKit,
// a boolean is set by any value that is not empty, even "false". Arguments of
// pipelines and elections (source, version, global_election_tags,
// storage_index) and the name of the sender (input) change nothing here.
type writeArgs struct {
	precision        point.Precision
	encoding         string
	ignoreGlobalTags bool
	strict, dry      bool
	echo             string // "", "lp" or "json"
}

func parseWriteArgs(r *http.Request) (writeArgs, error) {
	a := writeArgs{}
	if r.URL.RawQuery == "" {
		a.encoding = bodyEncoding("", r.Header)
		return a, nil
	}
	q := r.URL.Query()
	a.precision = point.ParsePrecision(q.Get("precision"))
	a.encoding = bodyEncoding(q.Get("encoding"), r.Header)
	a.ignoreGlobalTags = q.Get("ignore_global_host_tags") != "" || q.Get("ignore_global_tags") != ""
	a.strict = q.Get("strict") != ""
	a.dry = q.Get("dry") != ""
	a.echo = q.Get("echo")
	switch {
	case a.echo == "" && q.Get("echo_line_proto") != "":
		a.echo = "lp"
	case a.echo == "" && q.Get("echo_json") != "":
		a.echo = "json"
	}
	if a.echo != "" && a.echo != "lp" && a.echo != "json" {
		return a, fail(http.StatusBadRequest, "invalidEcho", "echo is %.20q, want lp or json", a.echo)
	}
	return a, nil
}
