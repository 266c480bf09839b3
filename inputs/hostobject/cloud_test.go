package hostobject

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/inputs/inputtest"
)

// service answers as a metadata service does, from a map of paths.
func service(t *testing.T, answers map[string]string, check func(*http.Request) int) (url string, asked *int) {
	t.Helper()
	asked = new(int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked++
		text, ok := answers[r.Method+" "+r.URL.RequestURI()]
		if status := check(r); status != 0 || !ok {
			w.WriteHeader(max(status, http.StatusNotFound))
			return
		}
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func always(*http.Request) int { return 0 }

func TestProviders(t *testing.T) {
	want := map[string]string{"instance_id": "i-1", "region": "eu-1", "zone_id": "eu-1a", "instance_type": "large"}
	tests := map[string]struct {
		answers map[string]string
		check   func(*http.Request) int
		lacks   string
	}{
		"aws": {map[string]string{"PUT /latest/api/token": "secret",
			"GET /latest/dynamic/instance-identity/document": `{"instanceId":"i-1","region":"eu-1","availabilityZone":"eu-1a","instanceType":"large","x":null}`},
			func(r *http.Request) int {
				if r.Method == http.MethodGet && r.Header.Get("X-aws-ec2-metadata-token") != "secret" {
					return http.StatusUnauthorized
				}
				return 0
			}, ""},
		"azure": {map[string]string{"GET /metadata/instance/compute?api-version=2021-02-01": `{"vmId":"i-1","location":"eu-1","zone":"eu-1a","vmSize":"large"}`},
			func(r *http.Request) int {
				if r.Header.Get("Metadata") != "true" {
					return http.StatusBadRequest
				}
				return 0
			}, ""},
		"hwcloud": {map[string]string{"GET /openstack/latest/meta_data.json": `{"uuid":"i-1","region_id":"eu-1","availability_zone":"eu-1a"}`}, always, "instance_type"},
		"aliyun": {map[string]string{"GET /latest/meta-data/instance-id": "i-1", "GET /latest/meta-data/region-id": "eu-1",
			"GET /latest/meta-data/zone-id": "eu-1a\n", "GET /latest/meta-data/instance/instance-type": "large"}, always, ""},
		"tencent": {map[string]string{"GET /latest/meta-data/instance-id": "i-1", "GET /latest/meta-data/placement/region": "eu-1",
			"GET /latest/meta-data/placement/zone": "eu-1a", "GET /latest/meta-data/instance/instance-type": "large"}, always, ""},
		"volcengine": {map[string]string{"GET /latest/instance_id": "i-1", "GET /latest/region_id": "eu-1",
			"GET /latest/availability_zone": "eu-1a", "GET /latest/instance_type_id": "large"}, always, ""},
	}
	for _, p := range providers() {
		t.Run(p.name, func(t *testing.T) {
			tt := tests[p.name]
			url, _ := service(t, tt.answers, tt.check)
			got, err := p.ask(t.Context(), url)
			want := maps.Clone(want)
			delete(want, tt.lacks)
			if err != nil || !maps.Equal(got, want) {
				t.Errorf("got %v, %v", got, err)
			}
			if err := checkEndpoint(p.url); err != nil {
				t.Errorf("its own address is refused: %v", err)
			}
		})
	}
}

// Off, nobody is asked. On, once a day, and an hour after a failure.
func TestCloudSchedule(t *testing.T) {
	status := 0
	url, asked := service(t, map[string]string{"GET /openstack/latest/meta_data.json": `{"uuid":"i-1"}`}, func(*http.Request) int { return status })
	cfg := defaults()
	cfg.Tags, cfg.CloudURLs = map[string]string{"cloud_provider": "hwcloud"}, map[string]string{"hwcloud": url + "/"}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	var c cloud
	clock := inputtest.NewClock()
	step := func(name string, d time.Duration, wantAsked int, wantID string, wantErr bool) {
		t.Helper()
		clock.Add(d)
		tags, err := c.tagsAt(t.Context(), cfg, inputtest.Fixture("testdata/node"), clock.Now())
		if *asked != wantAsked || tags["instance_id"] != wantID || tags["cloud_provider"] != "hwcloud" || (err != nil) != wantErr {
			t.Errorf("%s: asked %d times, %v, %v", name, *asked, tags, err)
		}
	}
	step("off", 0, 0, "", false)
	cfg.DisableCloud = false
	status = http.StatusInternalServerError
	step("fails", 0, 1, "", true)
	status = 0
	step("soon after", 5*time.Minute, 1, "", false)
	step("an hour later", time.Hour, 2, "i-1", false)
	step("the same day", 23*time.Hour, 2, "i-1", false)
	status = http.StatusFound
	step("the next day, a redirect", 2*time.Hour, 3, "i-1", true)
}

// A service that does not answer costs at most cloud_timeout.
func TestCloudThatHangs(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer s.Close()
	defer close(release)
	cfg := defaults()
	cfg.DisableCloud, cfg.CloudTimeout = false, 20*time.Millisecond
	cfg.CloudURLs = map[string]string{"aws": s.URL}
	var c cloud
	tags, err := c.tagsAt(t.Context(), cfg, inputtest.Fixture("testdata/node"), time.Now())
	if err == nil || !strings.Contains(err.Error(), context.DeadlineExceeded.Error()) || tags["cloud_provider"] != "aws" {
		t.Errorf("%v, %v", tags, err)
	}
}

func TestDetect(t *testing.T) {
	tests := map[string]struct{ vendor, product, chassis, want string }{
		"aws":              {"Amazon EC2\n", "m7i.large\n", "", "aws"},
		"aliyun":           {"Alibaba Cloud\n", "Alibaba Cloud ECS\n", "", "aliyun"},
		"azure":            {"Microsoft Corporation\n", "Virtual Machine\n", "7783-7084-3265-9085-8269-3286-77\n", "azure"},
		"Hyper-V at home":  {"Microsoft Corporation\n", "Virtual Machine\n", "4711\n", ""},
		"iron":             {"Dell Inc.\n", "PowerEdge\n", "", ""},
		"named as product": {"OpenStack Foundation\n", "HUAWEICLOUD\n", "", "hwcloud"},
	}
	for name, tt := range tests {
		dir := inputtest.Machine(t, "testdata/node")
		for file, text := range map[string]string{"sys_vendor": tt.vendor, "product_name": tt.product, "chassis_asset_tag": tt.chassis} {
			inputtest.Write(t, dir+"/sys/class/dmi/id/"+file, text)
		}
		if got := detect(inputtest.Fixture(dir)); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	if got := detect(inputtest.Fixture(t.TempDir())); got != "" {
		t.Errorf("without firmware: %q", got)
	}
}

func TestEndpoints(t *testing.T) {
	for url, ok := range map[string]bool{
		"http://169.254.169.254": true, "http://[fd00:ec2::254]": true, "http://100.100.100.200": true, "http://127.0.0.1:80": true,
		"http://metadata.example.com": false, "http://8.8.8.8": false, "https://169.254.169.254": false, "": false, "::": false,
	} {
		if err := checkEndpoint(url); (err == nil) != ok {
			t.Errorf("%s: %v", url, err)
		}
	}
	c := defaults()
	c.CloudURLs = map[string]string{"mars": "http://169.254.169.254"}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), `unknown cloud "mars"`) {
		t.Error(err)
	}
}
