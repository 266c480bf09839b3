package main

import (
	"flag"
	"io"
	"reflect"
	"testing"
	"time"

	"datakit.dev/agent/plugins"
)

func TestFlags(t *testing.T) {
	cfg := plugins.DefaultContainer()
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	bindFlags(fs, cfg)
	if !reflect.DeepEqual(cfg, plugins.DefaultContainer()) {
		t.Errorf("binding changed the defaults: %+v", cfg)
	}
	err := fs.Parse([]string{"--endpoints", "unix:///a, unix:///b", "--interval", "30s", "--res-mem", "1GiB", "--tags", "a=b"})
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Endpoints) != 2 || cfg.Interval != 30*time.Second || cfg.Tags["a"] != "b" {
		t.Errorf("got %+v", cfg)
	}
	if s := settings(cfg); s.MemLimit != "1GiB" || s.Interval != 30*time.Second || s.Plugins != nil {
		t.Errorf("settings %+v", s)
	}
}
