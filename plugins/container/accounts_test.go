package container

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point/selection"
	"datakit.dev/agent/plugins"
)

// refusing takes nothing.
type refusing struct{}

func (refusing) Feed(context.Context, plugins.Category, []plugins.Point) error {
	return errors.New("closed")
}

// What vanishes with its fields is in the account, what the sink refuses is
// not; and nothing is accounted for twice.
func TestAccountOfPoints(t *testing.T) {
	point := func(key string) plugins.Point {
		return plugins.Point{Measurement: Measurement, Fields: []plugins.Field{{Key: key, Value: plugins.Int(1)}, {Key: "age", Value: plugins.Int(1)}}}
	}
	p, err := build(&plugins.Container{Lists: selection.Lists{FieldsInclude: []string{"mem_*"}}, EnableContainerLog: true}, plugins.Env{Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	s := newSink()
	p.selecting.next = s
	if err := p.selecting.Feed(t.Context(), plugins.Metric, []plugins.Point{point("mem_usage"), point("cpu_usage"), point("mem_limit")}); err != nil {
		t.Fatal(err)
	}
	p.selecting.next = refusing{}
	if err := p.selecting.Feed(t.Context(), plugins.Metric, []plugins.Point{point("mem_usage")}); err == nil {
		t.Error("the error of the sink is gone")
	}
	accounts := p.Accounts()
	if err := ledger.Check(accounts); err != nil || len(accounts) != 2 {
		t.Fatalf("%v, %+v", err, accounts)
	}
	if a := accounts[1]; a.In[0].Count != 3 || a.Out[0].Count != 2 || a.Out[1].Count != 1 {
		t.Errorf("%+v", a)
	}
	if got := s.all[plugins.Metric]; len(got) != 2 || len(got[0].Fields) != 1 || got[0].Fields[0].Key != "mem_usage" {
		t.Errorf("got %+v", got)
	}
}
