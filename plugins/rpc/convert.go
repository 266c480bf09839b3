package rpc

import (
	"fmt"
	"math"
	"time"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
	protov1 "datakit.dev/agent/plugins/proto/v1"
)

func blockToProto(b *point.Block) *protov1.Block {
	return &protov1.Block{
		Category: uint32(b.Category), Encoding: uint32(b.Encoding),
		Points: uint32(b.Points), RawBytes: uint64(b.RawBytes), Payload: b.Payload,
	}
}

// blockFromProto checks what a child sent: nothing downstream looks into a
// block again.
func blockFromProto(p *protov1.Block) (*point.Block, error) {
	category, encoding := p.GetCategory(), p.GetEncoding()
	switch {
	case category > math.MaxUint8 || !point.Category(category).Valid():
		return nil, fmt.Errorf("block has the unknown category %d", category)
	case encoding > uint32(point.Zstd):
		return nil, fmt.Errorf("block has the unknown encoding %d", encoding)
	case p.GetPoints() == 0 || p.GetPoints() > math.MaxInt32:
		return nil, fmt.Errorf("block says it holds %d points", p.GetPoints())
	case len(p.GetPayload()) == 0:
		return nil, fmt.Errorf("block of %d points has no payload", p.GetPoints())
	case p.GetRawBytes() > math.MaxInt32:
		return nil, fmt.Errorf("block says it holds %d bytes", p.GetRawBytes())
	}
	return &point.Block{
		Category: point.Category(category), Encoding: point.Encoding(encoding),
		Points: int(p.GetPoints()), RawBytes: int(p.GetRawBytes()), Payload: p.GetPayload(),
	}, nil
}

func countersToProto(c Counters) *protov1.Counters {
	return &protov1.Counters{
		Captured: c.Captured, Emitted: c.Emitted, Pending: c.Pending,
		Filtered: c.Filtered, Sampled: c.Sampled, Dropped: c.Dropped,
	}
}

func countersFromProto(p *protov1.Counters) Counters {
	return Counters{
		Captured: p.GetCaptured(), Emitted: p.GetEmitted(), Pending: p.GetPending(),
		Filtered: p.GetFiltered(), Sampled: p.GetSampled(), Dropped: p.GetDropped(),
	}
}

func descriptionToProto(d Description) *protov1.DescribeResponse {
	r := &protov1.DescribeResponse{Name: d.Name, Version: d.Version}
	for _, p := range d.Plugins {
		r.Plugins = append(r.Plugins, &protov1.DescribeResponse_Plugin{
			Name: p.Name, Help: p.Help, Table: p.Table, Fallback: p.Fallback, Measurements: p.Measurements,
		})
	}
	return r
}

func descriptionFromProto(r *protov1.DescribeResponse) Description {
	d := Description{Name: r.GetName(), Version: r.GetVersion()}
	for _, p := range r.GetPlugins() {
		d.Plugins = append(d.Plugins, PluginInfo{
			Name: p.GetName(), Help: p.GetHelp(), Table: p.GetTable(), Fallback: p.GetFallback(), Measurements: p.GetMeasurements(),
		})
	}
	return d
}

func configToProto(c Config) *protov1.ConfigureRequest {
	return &protov1.ConfigureRequest{Config: c.TOML, Source: c.Source, Tags: c.Tags, Hostname: c.Hostname, ApiAddress: c.APIAddress}
}

func configFromProto(r *protov1.ConfigureRequest) Config {
	return Config{TOML: r.GetConfig(), Source: r.GetSource(), Tags: r.GetTags(), Hostname: r.GetHostname(), APIAddress: r.GetApiAddress()}
}

func healthToProto(h Health) *protov1.HealthResponse {
	r := &protov1.HealthResponse{Counters: countersToProto(h.Counters)}
	for _, s := range h.Plugins {
		p := &protov1.PluginState{Name: s.Name, Phase: s.Phase, Error: s.Error, Detail: s.Detail, SinceUnixNano: s.Since.UnixNano()}
		for _, k := range s.Hooks {
			p.Hooks = append(p.Hooks, &protov1.Hook{Feature: k.Feature, Attach: k.Attach, Rung: int32(k.Rung), Ok: k.OK, Reason: k.Reason})
		}
		r.Plugins = append(r.Plugins, p)
	}
	for _, a := range h.Accounts {
		r.Accounts = append(r.Accounts, &protov1.Account{
			Name: a.Name, Unit: a.Unit, In: entriesToProto(a.In), Out: entriesToProto(a.Out), Held: entriesToProto(a.Held),
		})
	}
	return r
}

func healthFromProto(r *protov1.HealthResponse) Health {
	h := Health{Counters: countersFromProto(r.GetCounters())}
	for _, p := range r.GetPlugins() {
		s := plugins.State{Name: p.GetName(), Phase: p.GetPhase(), Error: p.GetError(), Detail: p.GetDetail(), Since: time.Unix(0, p.GetSinceUnixNano())}
		for _, k := range p.GetHooks() {
			s.Hooks = append(s.Hooks, plugins.Hook{Feature: k.GetFeature(), Attach: k.GetAttach(), Rung: int(k.GetRung()), OK: k.GetOk(), Reason: k.GetReason()})
		}
		h.Plugins = append(h.Plugins, s)
	}
	for _, a := range r.GetAccounts() {
		h.Accounts = append(h.Accounts, ledger.Account{
			Name: a.GetName(), Unit: a.GetUnit(), In: entriesFromProto(a.GetIn()), Out: entriesFromProto(a.GetOut()), Held: entriesFromProto(a.GetHeld()),
		})
	}
	return h
}

func entriesToProto(entries []ledger.Entry) (all []*protov1.Account_Entry) {
	for _, e := range entries {
		all = append(all, &protov1.Account_Entry{Name: e.Name, Reason: e.Reason, Count: e.Count})
	}
	return all
}

func entriesFromProto(entries []*protov1.Account_Entry) (all []ledger.Entry) {
	for _, e := range entries {
		all = append(all, ledger.Entry{Name: e.GetName(), Reason: e.GetReason(), Count: e.GetCount()})
	}
	return all
}
