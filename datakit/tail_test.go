package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/internal/point"
)

const liveFlows = `netflow,direction=outgoing,dst_domain=example.com,dst_ip=93.184.216.34,dst_port=443,family=IPv4,pid=1234,process_name=curl,src_ip=10.0.0.1,src_port=*,transport=tcp bytes_read=5734i,bytes_written=812i,retransmits=0i,rtt=12345i,rtt_var=10i,tcp_closed=1i,tcp_established=1i 1767323045678000000
netflow,direction=incoming,dst_ip=10.0.0.9,dst_port=*,family=IPv4,pid=77,process_name=nginx,src_ip=10.0.0.1,src_port=80,transport=tcp bytes_read=1048576i,bytes_written=3221225472i,retransmits=12i,rtt=250i,rtt_var=10i,tcp_closed=0i,tcp_established=14i 1767323045679000000
netflow,direction=outgoing,dst_ip=2001:db8:1111:2222:3333:4444:5555:6666,dst_port=53,family=IPv6,pid=0,src_ip=::1,src_port=*,transport=udp bytes_read=0i,bytes_written=62i 1767323046000000000
`

const liveOthers = `cpu,cpu=cpu-total,host=h1 usage_idle=97.5,load=3i,ok=true 1767323047000000000
log,source=app\ one message="two
lines	and a tab",status="info" 1767323048000000000
`

const liveRequests = `httpflow,direction=outgoing,dst_domain=example.com,dst_ip=93.184.216.34,dst_port=80,pid=1234,process_name=curl,src_ip=10.0.0.1,src_port=*,transport=tcp bytes_read=5734i,bytes_written=812i,count=3i,http_version="1.1",latency=84125i,method="GET",path="/a b",status_code=200i,truncated=false 1767323049000000000
httpflow,direction=incoming,dst_ip=10.0.0.9,dst_port=*,process_name=nginx,src_ip=10.0.0.1,src_port=80,transport=tcp bytes_read=1i,bytes_written=2i,count=14i,http_version="2",method="POST",path="/pay",status_code=503i,truncated=false 1767323049000000000
dnsflow,direction=outgoing,dst_ip=10.0.0.53,dst_port=53,src_ip=10.0.0.1,src_port=*,transport=udp count=7i,latency=1200000i,latency_max=3400000i,rcode=3i 1767323049000000000
dnsflow,direction=outgoing,dst_ip=10.0.0.53,dst_port=53,src_ip=10.0.0.1,src_port=*,transport=udp count=1i,rcode=-1i 1767323049000000000
dnsflow,direction=outgoing,dst_ip=10.0.0.53,dst_port=53,src_ip=10.0.0.1,src_port=*,transport=tcp count=1i,latency=20i,latency_max=20i,rcode=16i 1767323049000000000
`

func TestTailTable(t *testing.T) {
	var out bytes.Buffer
	print := &tablePrinter{zone: time.UTC}
	tl := &tail{print: print, left: -1, out: bufio.NewWriter(&out), errOut: io.Discard}
	for _, text := range []string{liveFlows, liveOthers, liveFlows, liveRequests} {
		if err := tl.show(httpapi.Batch{Category: point.Network, Lines: []byte(text), Points: strings.Count(text, "\n")}); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "tail.txt", out.String())
}

func TestTailForms(t *testing.T) {
	tests := map[string]struct {
		o    tailOptions
		want string
	}{
		"lines": {tailOptions{lines: true, measurements: []string{"log", "cpu"}}, liveOthers},
		"json": {tailOptions{json: true, measurements: []string{"log", "cpu"}},
			`{"category":"network","measurement":"cpu","tags":{"cpu":"cpu-total","host":"h1"},"fields":{"load":3,"ok":true,"usage_idle":97.5},"time":1767323047000000000}` + "\n" +
				`{"category":"network","measurement":"log","tags":{"source":"app one"},"fields":{"message":"two\nlines\tand a tab","status":"info"},"time":1767323048000000000}` + "\n"},
		"count":         {tailOptions{lines: true, count: 1}, strings.SplitAfter(liveFlows, "\n")[0]},
		"tag":           {tailOptions{lines: true, where: `dst_port == "53"`}, strings.SplitAfter(liveFlows, "\n")[2]},
		"field":         {tailOptions{lines: true, where: `bytes_read > 5000 && bytes_read < 1e6`}, strings.SplitAfter(liveFlows, "\n")[0]},
		"measurement":   {tailOptions{lines: true, where: `measurement == "cpu" && category == "network" && time > 0 && ok`}, strings.SplitAfter(liveOthers, "\n")[0]},
		"missing field": {tailOptions{lines: true, where: `nothing > 5`}, ""},
		"missing tag":   {tailOptions{lines: true, where: `pid == nil && source == nil`}, strings.SplitAfter(liveOthers, "\n")[0]},
		"pattern":       {tailOptions{lines: true, where: `process_name matches "^ng"`}, strings.SplitAfter(liveFlows, "\n")[1]},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			tl, err := newTail(test.o, &out, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			err = tl.show(httpapi.Batch{Category: point.Network, Lines: []byte(liveFlows + liveOthers)})
			if enough := errors.Is(err, errEnough); enough != (test.o.count > 0) || err != nil && !enough {
				t.Error(err)
			}
			if out.String() != test.want {
				t.Errorf("got\n%s\nwant\n%s", out.String(), test.want)
			}
		})
	}
}

func TestTailWrongUsage(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"expression": {[]string{"--where", "a =="}, "--where: unexpected token EOF"},
		"not a bool": {[]string{"--where", "1 + 1"}, "--where: expected bool, but got int"},
		"category":   {[]string{"--category", "netflow"}, `unknown category "netflow"`},
		"count":      {[]string{"--count", "-1"}, "--count is -1"},
		"two forms":  {[]string{"--json", "--lines"}, "json lines"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, errOut := cli(t, t.TempDir(), append([]string{"tail"}, test.args...)...)
			if code == 0 || !strings.Contains(errOut, test.want) {
				t.Errorf("exit %d, %q; want %q", code, errOut, test.want)
			}
		})
	}
}

func TestTailWithoutAgent(t *testing.T) {
	code, _, errOut := cli(t, t.TempDir(), "tail")
	if code != exitFailure || !strings.Contains(errOut, "agent is not running") {
		t.Errorf("exit %d, %q", code, errOut)
	}
}

// The command shows what passes the tap of a running agent.
func TestTailCommand(t *testing.T) {
	a := startFakeAgent(t, httpapi.State{})
	sink := a.tap.Wrap(a)
	ctx, stop := context.WithCancel(t.Context())
	fed := make(chan struct{})
	go func() { // feeds until the command has seen enough
		defer close(fed)
		for ctx.Err() == nil {
			if a.tap.State().Subscribers == 0 {
				time.Sleep(time.Millisecond)
				continue
			}
			b := &point.Block{Category: point.Network, Points: 3, RawBytes: len(liveFlows), Payload: []byte(liveFlows)}
			if err := sink.Put(ctx, b); err != nil {
				t.Error(err)
			}
		}
	}()
	code, out, errOut := cli(t, a.home, "tail", "netflow", "--lines", "--where", `process_name == "curl" || nothing > 1`, "-n", "2")
	stop()
	<-fed
	first := strings.SplitAfter(liveFlows, "\n")[0]
	if code != 0 || out != first+first {
		t.Errorf("exit %d\n%s\n%s", code, out, errOut)
	}
	if !strings.Contains(errOut, "--where failed on ") {
		t.Errorf("stderr = %q", errOut)
	}
}

func TestBytesText(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1 << 20: "1.0 MiB", 5 << 30: "5.0 GiB", 1 << 40: "1.0 TiB", 1 << 55: "32768.0 TiB", -2048: "-2.0 KiB",
	} {
		if got := bytesText(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
