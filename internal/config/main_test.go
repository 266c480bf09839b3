package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestMainPrecedence(t *testing.T) {
	const file = "[http_api]\nlisten = '0.0.0.0:1'\n[logging]\nlevel = 'warn'\n[global_host_tags]\nfrom = 'file'\n"
	m, _, err := ParseMain("datakit.conf", file, noEnv)
	if err != nil || m.HTTP.Listen != "0.0.0.0:1" || m.Logging.Level != "warn" || m.HTTP.Timeout != 30*time.Second {
		t.Fatalf("file over default: %+v, %v", m, err)
	}
	if !reflect.DeepEqual(m.GlobalHostTags, map[string]string{"from": "file"}) {
		t.Errorf("a table of the file replaces the default, got %v", m.GlobalHostTags)
	}
	m, _, err = ParseMain("datakit.conf", file, environment(map[string]string{
		"ENV_HTTP_LISTEN": "env:2", "ENV_GLOBAL_TAGS": "from=env", "ENV_HTTP_TIMEOUT": "5s",
	}))
	if err != nil || m.HTTP.Listen != "env:2" || m.Logging.Level != "warn" || m.HTTP.Timeout != 5*time.Second || m.GlobalHostTags["from"] != "env" {
		t.Errorf("ENV over file over default: %+v, %v", m, err)
	}
	m, _, err = ParseMain("datakit.conf", file, environment(map[string]string{"ENV_HTTP_LISTEN": "env:2", "ENV_LOG_LEVEL": "error"}),
		"http_api.listen=flag:3", "io.flush_interval=7s")
	if err != nil || m.HTTP.Listen != "flag:3" || m.Logging.Level != "error" || m.IO.FlushInterval != 7*time.Second {
		t.Errorf("flag over ENV over file: %+v, %v", m, err)
	}
}

func TestFlagMistakes(t *testing.T) {
	for flag, want := range map[string]string{
		"http_api.listn=x":       `--set http_api.listn: unknown key; did you mean "http_api.listen"?`,
		"http_api.listen":        `--set http_api.listen: has no value; write --set key=value`,
		"http_api.timeout=5":     `--set http_api.timeout: "5" is not a duration; write it like "10s" or "1m30s"`,
		"logging.level=loud":     `--set logging.level: "loud" is unknown; allowed are debug, info, warn, error`,
		"backends=x":             `--set backends: unknown key`,
		"queue.when_full=block ": `--set queue.when_full: "block " is unknown; did you mean "block"?`,
	} {
		if _, _, err := ParseMain("d.conf", "", noEnv, flag); err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", flag, err, want)
		}
	}
}

// The variables of DataKit's container mode that this agent has.
func TestMainEnvironmentNames(t *testing.T) {
	m, _, err := ParseMain("", "", environment(map[string]string{
		"ENV_DATAWAY":          "https://a.example?token=tkn_1, https://b.example?token=tkn_2",
		"ENV_ENABLE_INPUTS":    "cpu,ebpf",
		"ENV_GLOBAL_HOST_TAGS": "a=b",
		"ENV_HTTP_LISTEN":      ":1", "ENV_HTTP_LISTEN_SOCKET": "/s", "ENV_HTTP_TIMEOUT": "1s", "ENV_HTTP_PUBLIC_APIS": "/v1/ping,/v1/ntp",
		"ENV_REQUEST_RATE_LIMIT": "1.5", "ENV_REQUEST_RATE_LIMIT_TTL": "2s", "ENV_REQUEST_RATE_LIMIT_BURST": "3",
		"ENV_HTTP_TLS_CRT": "c", "ENV_HTTP_TLS_KEY": "k",
		"ENV_LOG": "stdout", "ENV_LOG_LEVEL": "debug", "ENV_LOG_ROTATE_BACKUP": "1", "ENV_LOG_ROTATE_SIZE_MB": "2",
		"ENV_IO_MAX_CACHE_COUNT": "2000", "ENV_IO_FLUSH_INTERVAL": "3s",
		"ENV_DATAWAY_TIMEOUT": "4s", "ENV_DATAWAY_HTTP_PROXY": "http://p:1", "ENV_DATAWAY_TLS_INSECURE": "on", "ENV_DATAWAY_WAL_PATH": "/q",
		"ENV_ULIMIT": "99", "ENV_PPROF_LISTEN": ":6", "ENV_ENABLE_PPROF": "no", "ENV_HOSTNAME": "me",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultMain()
	want.DefaultEnabledInputs = []string{"cpu", "ebpf"}
	want.Dataway = Dataway{
		URLs:    []string{"https://a.example?token=tkn_1", "https://b.example?token=tkn_2"},
		Timeout: 4 * time.Second, HTTPProxy: "http://p:1", TLSInsecure: true,
	}
	want.GlobalHostTags = map[string]string{"a": "b"}
	want.HTTP.Listen, want.HTTP.ListenSocket, want.HTTP.Timeout = ":1", "/s", time.Second
	want.HTTP.PublicAPIs = []string{"/v1/ping", "/v1/ntp"}
	want.HTTP.RequestRateLimit, want.HTTP.RateLimitTTL, want.HTTP.RateLimitBurst = 1.5, 2*time.Second, 3
	want.HTTP.TLS = HTTPTLS{Cert: "c", Key: "k"}
	want.Logging = Logging{Log: "stdout", Level: "debug", Rotate: 2, RotateBackups: 1}
	want.IO = IO{MaxCacheCount: 2000, FlushInterval: 3 * time.Second}
	want.Queue.Path = "/q"
	want.ULimit, want.PprofListen, want.EnablePprof = 99, ":6", false
	want.Environments.Hostname = "me"
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got\n%+v\nwant\n%+v", m, want)
	}
}

func TestMainMistakes(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"typo":             {"[http_api]\nlissten = ''", `d.conf:2: http_api.lissten: unknown key; did you mean "listen"?`},
		"typo of a table":  {"\n[htp_api]\nlisten = ''", `d.conf:2: htp_api: unknown key; did you mean "http_api"?`},
		"level":            {"[logging]\nlevel = 'inf'", `d.conf:2: logging.level: "inf" is unknown; did you mean "info"?`},
		"when_full":        {"[queue]\nwhen_full = 'explode'", `d.conf:2: queue.when_full: "explode" is unknown; allowed are drop_oldest, block`},
		"size":             {"[queue]\nmax_size = '2KB'", "d.conf:2: queue.max_size: 2KB is less than 1MiB\nd.conf:1: queue.segment_size: 16MiB is not between 64KiB and max_size, 2KB"},
		"no port":          {"[http_api]\nlisten = 'localhost'", `d.conf:2: http_api.listen: "localhost" is no address; write it like localhost:9529 or /run/datakit.sock`},
		"port too large":   {"[http_api]\nlisten = ':95290'", `d.conf:2: http_api.listen: ":95290" is no address; write it like localhost:9529 or /run/datakit.sock`},
		"relative socket":  {"[http_api]\nlisten_socket = 'api.sock'", `d.conf:2: http_api.listen_socket: "api.sock" is not an absolute path`},
		"pprof":            {"pprof_listen = '/run/x'", `d.conf:1: pprof_listen: "/run/x" is no address; write it like localhost:9529`},
		"tiny memory":      {"memory_limit = '4KB'", `d.conf:1: memory_limit: 4KB is less than 32MiB`},
		"tiny body":        {"[http_api]\nmax_body_size = '0KB'", `d.conf:2: http_api.max_body_size: 0KB is less than 64KiB`},
		"queue nowhere":    {"[queue]\npath = ''", `d.conf:2: queue.path: is empty`},
		"half a TLS":       {"[http_api.tls]\ncert = 'x'", `d.conf:1: http_api.tls: cert and privkey belong together`},
		"dataway, secret":  {"[dataway]\nurls = ['ftp://x?token=secret']", `d.conf:2: dataway.urls: "ftp://x?…" is not a URL like https://host:port?token=…`},
		"backend kind":     {"[[backends]]\nkind='influx1'\nurl='http://x'\n[[backends]]\nkind='influx3'\nurl='http://y'", `d.conf:5: backends.kind: "influx3" is unknown; did you mean "influx1"?`},
		"backend url":      {"[[backends]]\nkind='dataway'", `d.conf:1: backends.url: is required`},
		"bucket":           {"[[backends]]\nkind='influx2'\nurl='http://x?org=o'", `d.conf:1: backends.bucket: is required with kind "influx2"`},
		"org":              {"[[backends]]\nkind='influx2'\nurl='http://x'\nbucket='b'", `d.conf:1: backends.org: is required with kind "influx2"; any value where the backend ignores it`},
		"header":           {"[[backends]]\nkind='influx1'\nurl='http://x'\n[backends.headers]\n'X Scope'='a'", `d.conf:4: backends.headers: "X Scope" is not the name of a header`},
		"category":         {"[[backends]]\nkind='file'\nurl='/x'\ncategories = ['metrics']", `d.conf:4: backends.categories: "metrics" is unknown; did you mean "metric"?`},
		"two tokens":       {"[[backends]]\nkind='dataway'\nurl='http://x'\ntoken='a'\ntoken_file='b'", `d.conf:5: backends.token_file: token and token_file exclude each other`},
		"same name":        {"[[backends]]\nname='a'\nkind='file'\nurl='/x'\n[[backends]]\nname='a'\nkind='file'\nurl='/y'", `d.conf:6: backends.name: "a" is the name of another backend`},
		"key in a subtree": {"[[backends]]\nkind='file'\nurl='/x'\n[backends.tls]\ncafile='x'", `d.conf:5: backends.tls.cafile: unknown key; allowed are ca, cert, key, server_name, insecure`},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := ParseMain("d.conf", c.text, noEnv)
			var lines []string
			for _, e := range Flatten(err) {
				lines = append(lines, e.Error())
			}
			want := strings.Split(c.want, "\n")
			if len(want) == 2 { // sorted by line
				want[0], want[1] = want[1], want[0]
			}
			if !reflect.DeepEqual(lines, want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestMainWarnsOfDataKitKeys(t *testing.T) {
	m, warnings, err := ParseMain("d.conf", "protect_mode = true\n[election]\nenable = true\n[dataway]\nmax_retry_count = 3\n[dataway.ntp]\ninterval = '5m'\n", noEnv)
	if err != nil || m == nil {
		t.Fatal(err)
	}
	want := []string{
		"d.conf:1: protect_mode: is not supported and has no effect", "d.conf:2: election: is not supported and has no effect",
		"d.conf:5: dataway.max_retry_count: is not supported and has no effect", "d.conf:6: dataway.ntp: is not supported and has no effect",
	}
	var got []string
	for _, w := range warnings {
		got = append(got, w.Error())
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestUnsupportedKeysAreNotOurs(t *testing.T) {
	for _, k := range Describe(DefaultMain(), "ENV_") {
		if isUnsupported(k.Path) {
			t.Errorf("%s is supported", k.Path)
		}
	}
}

func TestAllBackends(t *testing.T) {
	m, _, err := ParseMain("d.conf", `
[dataway]
urls = ["https://way.example:443/x?token=tkn_1", "https://way.example:443/x?token=tkn_2"]
[[backends]]
kind = "influx1"
url = "http://127.0.0.1:8428"
tls.ca = "/ca"
`, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, b := range m.AllBackends() {
		names = append(names, b.Name)
		if strings.Contains(b.Name, "tkn") {
			t.Errorf("the name %q holds a secret", b.Name)
		}
	}
	if want := []string{"dataway-way.example-443", "dataway-way.example-443-2", "influx1-127.0.0.1-8428"}; !reflect.DeepEqual(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

func TestReadMain(t *testing.T) {
	dir := t.TempDir()
	if m, _, err := ReadMain(filepath.Join(dir, "none.conf"), noEnv); err != nil || !reflect.DeepEqual(m, DefaultMain()) {
		t.Errorf("a missing file leaves the defaults, got %v", err)
	}
	if _, _, err := ReadMain(dir, noEnv); err == nil {
		t.Error("a folder was read as a file")
	}
	path := filepath.Join(dir, MainFile)
	if err := os.WriteFile(path, []byte("x = ["), 0o600); err != nil {
		t.Fatal(err)
	}
	var mistake *Error
	if _, _, err := ReadMain(path, noEnv); !errors.As(err, &mistake) || mistake.Line != 1 || mistake.File != path {
		t.Errorf("%v", err)
	}
}

func TestAddressesThatAreRight(t *testing.T) {
	for _, text := range []string{
		"", "[http_api]\nlisten = ''", "[http_api]\nlisten = ':0'", "[http_api]\nlisten = '[::1]:9529'", "[http_api]\nlisten = '/run/x.sock'",
		"pprof_listen = ''", "memory_limit = '0MB'",
	} {
		if _, _, err := ParseMain("d.conf", text, noEnv); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}
