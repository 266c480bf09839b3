package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"strings"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/runner"
)

// jobs makes a job of every configured input. A job's key stands for its
// decoded configuration, its text (tables that only a child understands),
// which files it names and what the agent hands it, so that it is restarted
// when one of them changes.
func (a *agent) jobs(s *settings, h host) []runner.Job {
	var all []runner.Job
	for _, in := range s.inputs {
		all = append(all, a.job(in, h))
	}
	return all
}

// applyInputs makes the configured inputs the ones that run.
func (a *agent) applyInputs(ctx context.Context, s *settings, h host) (runner.Change, error) {
	jobs := a.jobs(s, h)
	a.children.want(jobs)
	return a.inputs.Apply(ctx, jobs)
}

func (a *agent) job(in inputConfig, h host) runner.Job {
	key := a.jobKey(in, h)
	j := runner.Job{Input: in.factory.Name, Place: in.section.Place(), Key: key, Out: a.own.behind(in.cfg)}
	if i, ok := in.cfg.(inputs.Interval); ok {
		j.Interval = i.GatherInterval()
	}
	j.Failed = func(err error) { a.errors.Report(in.factory.Name, in.section.Place(), errorText(err)) }
	j.New = func(report func(error)) (any, error) {
		built, err := in.factory.New(in.cfg, inputs.Env{
			Log: a.log.With("input", in.factory.Name), FS: a.fs, Now: time.Now,
			Hostname: h.name, Version: version, Home: a.layout.home, Tags: maps.Clone(h.tags), APIAddr: h.apiAddr,
			Blocks: a.tap.Wrap(a.queue), Book: a.book, Environ: a.program.environ(), Agent: a.aboutSelf,
			Errors: report,
		})
		if err == nil {
			a.children.built(key, built)
		}
		return built, err
	}
	return j
}

func (a *agent) jobKey(in inputConfig, h host) string {
	cfg, err := json.Marshal(in.cfg)
	if err != nil { // a configuration that JSON cannot hold is compared as text
		cfg = fmt.Appendf(nil, "%+v", in.cfg)
	}
	text := strings.TrimSpace(in.section.Text)
	return fmt.Sprintf("%s %s %s %v %s %s %v", in.factory.Name, cfg, text, h.tags, h.name, h.apiAddr, filesOf(a.layout, in))
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// host is what inputs are told about this host and agent.
type host struct {
	name    string
	tags    map[string]string
	apiAddr string
}

func (a *agent) host() host     { return *a.hostNow.Load() }
func (a *agent) setHost(h host) { a.hostNow.Store(&h) }

func (a *agent) hostOf(m *config.Main) host {
	h, err := a.program.hostOf(m, a.options.container, a.systemName)
	if err != nil {
		a.log.Warn("cannot list the addresses of this host", "error", err)
	}
	return h
}

// hostOf returns what is known also after an error.
func (p *program) hostOf(m *config.Main, container bool, systemName string) (host, error) {
	name := m.Hostname(container, p.env, systemName)
	addresses, err := net.InterfaceAddrs()
	return host{name, m.HostTags(name, config.HostIP(addresses), p.env), localAddress(m.HTTP.Listen)}, err
}

// localAddress is where programs on this host reach the API that listens at
// listen: a wildcard is not an address to connect to.
func localAddress(listen string) string {
	name, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(name); name == "" || ip != nil && ip.IsUnspecified() {
		name = "127.0.0.1"
	}
	return net.JoinHostPort(name, port)
}
