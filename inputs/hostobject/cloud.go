package hostobject

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"datakit.dev/agent/internal/hostfs"
)

// provider is one cloud: how its machines are recognised and what its
// metadata service answers.
type provider struct {
	name    string
	vendors []string // beginnings of sys_vendor or product_name of the firmware (DMI)
	url     string   // of the service
	header  http.Header
	token   bool // a token has to be fetched first (AWS, IMDSv2)
	answers []answer
}

// answer is one tag: the text at path, or a key of the JSON there.
type answer struct{ tag, path, key string }

// providers, with the documents of their makers as the source of the paths.
func providers() []provider {
	return []provider{
		{name: "aws", vendors: []string{"Amazon EC2"}, url: "http://169.254.169.254", token: true, answers: document("/latest/dynamic/instance-identity/document",
			"instance_id", "instanceId", "region", "region", "zone_id", "availabilityZone", "instance_type", "instanceType")},
		{name: "azure", vendors: []string{"Microsoft Corporation"}, url: "http://169.254.169.254", header: http.Header{"Metadata": {"true"}},
			answers: document("/metadata/instance/compute?api-version=2021-02-01",
				"instance_id", "vmId", "region", "location", "zone_id", "zone", "instance_type", "vmSize")},
		{name: "hwcloud", vendors: []string{"Huawei Cloud", "HUAWEICLOUD"}, url: "http://169.254.169.254",
			answers: document("/openstack/latest/meta_data.json", "instance_id", "uuid", "region", "region_id", "zone_id", "availability_zone")},
		{name: "aliyun", vendors: []string{"Alibaba Cloud"}, url: "http://100.100.100.200", answers: []answer{
			{tag: "instance_id", path: "/latest/meta-data/instance-id"}, {tag: "region", path: "/latest/meta-data/region-id"},
			{tag: "zone_id", path: "/latest/meta-data/zone-id"}, {tag: "instance_type", path: "/latest/meta-data/instance/instance-type"}}},
		{name: "tencent", vendors: []string{"Tencent Cloud"}, url: "http://169.254.0.23", answers: []answer{
			{tag: "instance_id", path: "/latest/meta-data/instance-id"}, {tag: "region", path: "/latest/meta-data/placement/region"},
			{tag: "zone_id", path: "/latest/meta-data/placement/zone"}, {tag: "instance_type", path: "/latest/meta-data/instance/instance-type"}}},
		{name: "volcengine", vendors: []string{"Volcengine", "ByteDance"}, url: "http://100.96.0.96", answers: []answer{
			{tag: "instance_id", path: "/latest/instance_id"}, {tag: "region", path: "/latest/region_id"},
			{tag: "zone_id", path: "/latest/availability_zone"}, {tag: "instance_type", path: "/latest/instance_type_id"}}},
	}
}

// document makes the answers of one JSON document from pairs of tag and key.
func document(path string, pairs ...string) (all []answer) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, answer{pairs[i], path, pairs[i+1]})
	}
	return all
}

func providerNamed(name string) (provider, bool) {
	for _, p := range providers() {
		if p.name == name {
			return p, true
		}
	}
	return provider{}, false
}

// detect recognises the cloud by what the firmware says of its maker.
func detect(fs hostfs.Root) string {
	for _, file := range []string{"sys_vendor", "product_name"} {
		text, err := os.ReadFile(fs.Sys("class", "dmi", "id", file))
		if err != nil {
			continue
		}
		for _, p := range providers() {
			for _, v := range p.vendors {
				// Hyper-V is Microsoft's on anybody's desk: a machine of
				// Azure has this tag on its chassis.
				if strings.HasPrefix(string(text), v) && (p.name != "azure" || azureChassis(fs)) {
					return p.name
				}
			}
		}
	}
	return ""
}

func azureChassis(fs hostfs.Root) bool {
	tag, err := os.ReadFile(fs.Sys("class", "dmi", "id", "chassis_asset_tag"))
	return err == nil && strings.TrimSpace(string(tag)) == "7783-7084-3265-9085-8269-3286-77"
}

// cgnat is RFC 6598: two clouds have their service there.
var cgnat = netip.MustParsePrefix("100.64.0.0/10")

// checkEndpoint refuses what cannot be a metadata service, so that the agent
// is not made to ask strangers.
func checkEndpoint(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return err
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if u.Scheme != "http" || err != nil || !(ip.IsLinkLocalUnicast() || ip.IsLoopback() || ip.IsPrivate() || cgnat.Contains(ip)) {
		return fmt.Errorf("%q is not http:// with a link-local, loopback or private address", text)
	}
	return nil
}

const maxMetadata = 64 << 10

// ask returns the tags that the service at base knows. It stops at the first
// failure: a service that does not answer one question has no other answers.
func (p provider) ask(ctx context.Context, base string) (map[string]string, error) {
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true}, // no proxy
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	header := p.header.Clone()
	if p.token {
		token, err := fetch(ctx, client, http.MethodPut, base+"/latest/api/token", http.Header{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": {"60"}})
		if err != nil {
			return nil, err
		}
		header = http.Header{"X-Aws-Ec2-Metadata-Token": {token}}
	}
	tags, texts := map[string]string{}, map[string]string{}
	for _, a := range p.answers {
		text, known := texts[a.path]
		if !known {
			var err error
			if text, err = fetch(ctx, client, http.MethodGet, base+a.path, header); err != nil {
				return nil, err
			}
			texts[a.path] = text
		}
		if a.key != "" {
			var doc map[string]any
			if err := json.Unmarshal([]byte(text), &doc); err != nil {
				return nil, fmt.Errorf("read %s: %w", a.path, err)
			}
			text, _ = doc[a.key].(string)
		}
		if text = strings.TrimSpace(text); text != "" {
			tags[a.tag] = text
		}
	}
	return tags, nil
}

func fetch(ctx context.Context, client *http.Client, method, url string, header http.Header) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return "", err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxMetadata))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", url, err)
	}
	return string(body), nil
}

// Between two questions to the metadata service, by how the last one went.
const (
	cloudPeriod = 24 * time.Hour
	cloudRetry  = time.Hour
)

// cloud remembers what is known of the cloud.
type cloud struct {
	tags map[string]string
	next time.Time
}

// tagsAt returns the tags of the cloud, and asks its service when that is due.
// Off, only the name of the cloud is told, which needs no question.
func (c *cloud) tagsAt(ctx context.Context, cfg *Config, fs hostfs.Root, now time.Time) (map[string]string, error) {
	name := cfg.Tags["cloud_provider"]
	if name == "" {
		name = detect(fs)
	}
	p, known := providerNamed(name)
	if !known {
		return nil, nil
	}
	tags := map[string]string{"cloud_provider": name}
	var err error
	if !cfg.DisableCloud && !now.Before(c.next) {
		ctx, cancel := context.WithTimeout(ctx, cfg.CloudTimeout)
		defer cancel()
		var fresh map[string]string
		if fresh, err = p.ask(ctx, cfg.endpoint(p)); err == nil {
			c.tags, c.next = fresh, now.Add(cloudPeriod)
		} else {
			c.next = now.Add(cloudRetry) // what was known stays
		}
	}
	for k, v := range c.tags {
		tags[k] = v
	}
	return tags, err
}

// endpoint is where the service of a cloud is.
func (c *Config) endpoint(p provider) string {
	if url := c.CloudURLs[p.name]; url != "" {
		return strings.TrimSuffix(url, "/")
	}
	if p.name == "aws" && c.AWSIPv6 {
		return "http://[fd00:ec2::254]"
	}
	return p.url
}
