package container

import (
	"log/slog"
	"strings"
	"testing"

	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/container/logs"
	"datakit.dev/agent/plugins/container/runtimes"
)

func TestLogRules(t *testing.T) {
	r, err := parseRules([]string{"namespace:shop", "image:*web*"}, []string{"container_name:sidecar", "image_short_name:datakit"})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		c    runtimes.Container
		want bool
	}{
		"by namespace": {runtimes.Container{PodNamespace: "shop", Image: "x"}, true},
		"by image":     {runtimes.Container{Image: "reg/web/a:1"}, true},
		"neither":      {runtimes.Container{Image: "x"}, false},
		"excluded":     {runtimes.Container{PodNamespace: "shop", Name: "sidecar"}, false},
		"short name":   {runtimes.Container{PodNamespace: "shop", Image: "a/datakit:1"}, false},
	} {
		if got := r.want(tt.c); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, bad := range []string{"nginx", "pod:x", ""} {
		if _, err := parseRules(nil, []string{bad}); err == nil || !strings.Contains(err.Error(), "container_exclude_log") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestSources(t *testing.T) {
	p, err := build(&plugins.Container{}, plugins.Env{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	got := p.sources([]runtimes.Container{
		{ID: "a", Name: "web", Running: true, LogPath: "/x", LogFormat: logs.CRI},
		{ID: "b", LogPath: ""},
		{ID: "c", LogPath: "/x", Labels: map[string]string{optionsKey: `[{"disable":true}]`}},
		{ID: "d", Name: "n", LogPath: "/x", Labels: map[string]string{optionsKey: `[{"source":"s","service":"v","multiline_match":"^x","tags":{"team":"t","image":"no"}}]`}},
		{ID: "e", Name: "n", LogPath: "/x", Labels: map[string]string{optionsKey: `nonsense`}},
	})
	if len(got) != 3 || got[0].Measurement != "web" || got[0].Ended || !got[1].Ended || got[1].Measurement != "s" || got[1].Start == nil || got[2].Measurement != "n" {
		t.Fatalf("got %+v", got)
	}
	tags := map[string]string{}
	for _, tag := range got[1].Tags {
		if _, twice := tags[tag.Key]; twice {
			t.Errorf("tag %s comes twice", tag.Key)
		}
		tags[tag.Key] = tag.Value
	}
	if tags["team"] != "t" || tags["service"] != "v" || tags["image"] != "" {
		t.Errorf("tags %v", tags)
	}
}
