package dataway

import (
	"net/url"
	"strings"

	"datakit.dev/agent/internal/point"
)

// url returns where blocks of category c are posted.
func (h *httpPoster) url(c point.Category, token string) *url.URL {
	u := &url.URL{Scheme: h.base.Scheme, Host: h.base.Host, RawQuery: h.base.RawQuery}
	args := u.Query()
	add := func(key, value string) {
		if value == "" || args.Has(key) {
			return
		}
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += url.QueryEscape(key) + "=" + url.QueryEscape(value)
	}
	base := strings.TrimSuffix(h.base.Path, "/")
	switch h.target.Kind {
	case Dataway:
		u.Path = "/v1/write/" + c.String()
		add("token", token)
	case Influx1:
		u.Path = strings.TrimSuffix(base, "/write") + "/write"
		add("db", h.target.DB)
		add("rp", h.target.RP)
		add("precision", "ns")
	case Influx2:
		u.Path = strings.TrimSuffix(base, "/api/v2/write") + "/api/v2/write"
		add("org", h.target.Org)
		add("bucket", h.target.Bucket)
		add("precision", "ns")
	}
	return u
}
