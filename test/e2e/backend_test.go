//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"datakit.dev/agent/internal/nettest"
)

// database is a real backend.
type database interface {
	// start starts it, or starts it again with its data.
	start(t *testing.T)
	stop()
	base() string // http://host:port
	// ids returns the values of the field v of a measurement, each with how
	// often it is there.
	ids(measurement string) (map[int64]int, error)
}

// databases returns one of each kind, not started.
func databases(t *testing.T) map[string]database {
	t.Helper()
	return map[string]database{"VictoriaMetrics": newVictoria(t), "InfluxDB": newInflux(t)}
}

// victoria is VictoriaMetrics, single node.
type victoria struct {
	*process
	path, addr, dir string
}

func newVictoria(t *testing.T) *victoria {
	t.Helper()
	return &victoria{path: program(t, "victoria-metrics", "victoria-metrics"), addr: nettest.FreeAddress(t), dir: t.TempDir()}
}

func (v *victoria) base() string { return "http://" + v.addr }

func (v *victoria) start(t *testing.T) {
	t.Helper()
	v.process = launch(t, v.path, "-httpListenAddr="+v.addr, "-storageDataPath="+v.dir, "-memory.allowedPercent=5", "-loggerLevel=WARN")
	v.answers(v.base() + "/health")
}

func (v *victoria) ids(measurement string) (map[int64]int, error) {
	if _, err := get(v.base() + "/internal/force_flush"); err != nil {
		return nil, err
	}
	text, err := get(v.base() + "/api/v1/export?match[]=" + url.QueryEscape(measurement+"_v"))
	if err != nil {
		return nil, err
	}
	found := map[int64]int{}
	for dec := json.NewDecoder(text); ; {
		var series struct{ Values []float64 }
		if err := dec.Decode(&series); errors.Is(err, io.EOF) {
			return found, nil
		} else if err != nil {
			return nil, err
		}
		for _, v := range series.Values {
			found[int64(v)]++
		}
	}
}

// influx is InfluxDB 1.x.
type influx struct {
	*process
	path, addr, conf string
}

func newInflux(t *testing.T) *influx {
	t.Helper()
	i := &influx{path: program(t, "influxd", "influxdb"), addr: nettest.FreeAddress(t)}
	dir := t.TempDir()
	i.conf = filepath.Join(dir, "influxdb.conf")
	text := fmt.Sprintf(`
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
dir = %[1]q
[data]
dir = %[2]q
wal-dir = %[3]q
[monitor]
store-enabled = false
[http]
bind-address = %[4]q
log-enabled = false
`, filepath.Join(dir, "meta"), filepath.Join(dir, "data"), filepath.Join(dir, "wal"), i.addr)
	if err := os.WriteFile(i.conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return i
}

func (i *influx) base() string { return "http://" + i.addr }

func (i *influx) start(t *testing.T) {
	t.Helper()
	i.process = launch(t, i.path, "run", "-config", i.conf)
	i.answers(i.base() + "/ping")
	// InfluxDB answers 200 before it begins, and ends the body when it is done.
	reply, err := body(http.PostForm(i.base()+"/query", url.Values{"q": {"CREATE DATABASE e2e"}}))
	if err != nil || !bytes.Contains(reply, []byte(`"results"`)) || bytes.Contains(reply, []byte(`"error"`)) {
		t.Fatalf("create the database: %v: %s", err, reply)
	}
}

func (i *influx) ids(measurement string) (map[int64]int, error) {
	text, err := get(i.base() + "/query?db=e2e&q=" + url.QueryEscape(fmt.Sprintf(`SELECT v FROM %q`, measurement)))
	if err != nil {
		return nil, err
	}
	var reply struct {
		Results []struct {
			Error  string
			Series []struct{ Values [][]any }
		}
	}
	if err := json.NewDecoder(text).Decode(&reply); err != nil {
		return nil, err
	}
	found := map[int64]int{}
	for _, r := range reply.Results {
		if r.Error != "" {
			return nil, errors.New(r.Error)
		}
		for _, s := range r.Series {
			for _, row := range s.Values {
				v, ok := row[1].(float64)
				if !ok {
					return nil, fmt.Errorf("v is %v", row[1])
				}
				found[int64(v)]++
			}
		}
	}
	return found, nil
}

// get returns the body of a reply of 2xx.
func get(url string) (io.Reader, error) {
	text, err := body(http.Get(url))
	return bytes.NewReader(text), err
}

// body returns the body of a reply of 2xx.
func body(resp *http.Response, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s: %s", resp.Request.Method, resp.Request.URL, resp.Status, text)
	}
	return text, err
}
