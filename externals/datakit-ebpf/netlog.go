package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"

	"datakit.dev/agent/filter"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/netlog"
	"datakit.dev/agent/netlog/pcap"
	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/sdk"
)

// netlogOptions are the flags of the command netlog.
type netlogOptions struct {
	read, write, nic string
	duration         time.Duration
	server, hostname string
	tags             map[string]string
	summary          bool

	name, mac string
	local     []string

	program *plugins.EBPF
	table   *netlog.Table
}

// netlogCommand is "datakit-ebpf netlog".
func netlogCommand() *cobra.Command {
	o := netlogOptions{program: plugins.DefaultEBPF(), table: netlog.DefaultTable()}
	o.program.NetlogLog = true
	o.program.IncludeLoopback = true
	o.table.LogRate = 0
	c := &cobra.Command{
		Use: "netlog", Short: "Turn a capture file, or what passes one interface, into logs and flows",
		Long: `Turn a capture file, or what passes one interface, into the logs and flows that
the plugin bpf-netlog makes, and print them as line protocol. The same file
always gives the same lines.

A file rarely says which end of a connection was the interface's own. --nic-mac
or --local-addrs tell; without them the end that opened the connection is taken
for it.`,
		Example: `  datakit-ebpf netlog --read eth0.pcap --nic-mac 02:42:ac:11:00:02
  datakit-ebpf netlog --read eth0.pcapng --datakit-apiserver 127.0.0.1:9529
  datakit-ebpf netlog --interface eth0 --duration 10s --write eth0.pcapng`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c) },
	}
	f := c.Flags()
	f.StringVar(&o.read, "read", "", "pcap or pcapng file to read, also compressed by gzip; \"-\" for standard input")
	f.StringVar(&o.nic, "interface", "", "interface to capture from instead; needs CAP_NET_RAW")
	f.StringVar(&o.write, "write", "", "pcapng file to keep the packets in that no rule drops")
	f.DurationVar(&o.duration, "duration", 0, "how long to capture; 0: until interrupted")
	f.StringVar(&o.server, "datakit-apiserver", "", "post to the HTTP API of an agent instead of printing")
	f.StringVar(&o.hostname, "hostname", "", "value of the tag host (default when posting: the system's name)")
	f.BoolVar(&o.summary, "summary", true, "tell on standard error what became of all packets, connections and points")
	f.StringVar(&o.name, "nic-name", "", "with --read: name of the interface, where the file has none")
	f.StringVar(&o.mac, "nic-mac", "", "with --read: address of the interface")
	own := flag.NewFlagSet("", flag.ContinueOnError)
	p := o.program
	own.Var(sdk.List(&o.local), "local-addrs", "with --read: the interface's own addresses or networks, comma-separated")
	own.Var(sdk.Tags(&o.tags), "tags", "tags for everything, \"a=b,c=d\"")
	own.StringVar(&p.NetlogBlacklist, "netlog-blacklist", "", "packets that match a rule are left out")
	own.BoolVar(&p.NetlogLog, "netlog-log", p.NetlogLog, "make logs")
	own.BoolVar(&p.NetlogMetric, "netlog-metric", p.NetlogMetric, "make flows")
	own.BoolVar(&p.IPv6Disabled, "ipv6-disabled", false, "leave IPv6 out")
	own.BoolVar(&p.IncludeLoopback, "include-loopback", p.IncludeLoopback, "make flows of loopback addresses")
	own.IntVar(&p.EphemeralPort, "ephemeral-port", p.EphemeralPort, "client ports from this number on are reported as \"*\"; -1: all")
	own.DurationVar(&p.Interval, "interval", p.Interval, "period of flows")
	own.IntVar(&o.table.MaxConnections, "max-connections", o.table.MaxConnections, "connections followed at a time")
	own.IntVar(&o.table.LogRate, "log-rate", o.table.LogRate, "with --interface: log points per second at most; 0: no limit")
	own.IntVar(&o.table.SnapLength, "snap-length", o.table.SnapLength, "with --interface: bytes of a packet that are captured")
	f.AddGoFlagSet(own)
	c.MarkFlagsOneRequired("read", "interface")
	c.MarkFlagsMutuallyExclusive("read", "interface")
	return c
}

func (o *netlogOptions) run(c *cobra.Command) error {
	cfg := netlog.PassConfig{Program: o.program, Table: o.table, Interval: o.program.Interval}
	o.program.NetlogMetricOnly = true
	if err := o.table.Validate(); err != nil {
		return err
	}
	if err := o.describe(&cfg.On); err != nil {
		return err
	}
	rules, err := filter.Compile(o.program.NetlogBlacklist)
	if err != nil {
		return fmt.Errorf("--netlog-blacklist: %w", err)
	}
	for _, w := range rules.Warnings() {
		fmt.Fprintln(c.ErrOrStderr(), "warning: --netlog-blacklist:", w)
	}
	if o.write != "" {
		file, err := os.Create(o.write)
		if err != nil {
			return fmt.Errorf("create --write: %w", err)
		}
		defer file.Close() // what is written is flushed before
		if cfg.Keep, err = pcap.NewWriter(file, "datakit-ebpf "+version); err != nil {
			return err
		}
	}
	var accounts []ledger.Account
	collect := func(ctx context.Context, out point.Sink) (err error) {
		accounts, err = o.collect(ctx, c.InOrStdin(), cfg, out)
		return err
	}
	err = o.deliver(c, collect)
	if o.summary {
		for _, a := range accounts {
			summarize(c.ErrOrStderr(), a)
		}
	}
	return errors.Join(err, ledger.Check(accounts))
}

// collect runs the packets through.
func (o *netlogOptions) collect(ctx context.Context, stdin io.Reader, cfg netlog.PassConfig, out point.Sink) ([]ledger.Account, error) {
	if o.nic != "" {
		if o.duration > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, o.duration)
			defer cancel()
		}
		return netlog.Watch(ctx, o.nic, cfg, out)
	}
	if o.read == "-" {
		return netlog.Replay(ctx, stdin, cfg, out)
	}
	file, err := os.Open(o.read)
	if err != nil {
		return nil, fmt.Errorf("open --read: %w", err)
	}
	defer file.Close()
	return netlog.Replay(ctx, file, cfg, out)
}

func (o *netlogOptions) deliver(c *cobra.Command, collect func(context.Context, point.Sink) error) error {
	if o.server != "" {
		return sdk.Deliver(c.Context(), sdk.Delivery{
			Server: o.server, Name: "datakit-ebpf", Version: version, Hostname: o.hostname, Tags: o.tags,
			Log: slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil)),
		}, collect)
	}
	tags := map[string]string{}
	for k, v := range o.tags {
		tags[k] = v
	}
	if o.hostname != "" {
		tags["host"] = o.hostname
	}
	lines := &linePrinter{to: bufio.NewWriterSize(c.OutOrStdout(), 1<<16), tags: point.NewTagSet(tags, nil)}
	return errors.Join(collect(c.Context(), lines), lines.to.Flush())
}

// describe sets what the flags say of the interface.
func (o *netlogOptions) describe(on *netlog.Interface) error {
	on.Name = o.name
	if o.mac != "" {
		mac, err := net.ParseMAC(o.mac)
		if err != nil || len(mac) != 6 {
			return fmt.Errorf("--nic-mac %q: want an address like 02:42:ac:11:00:02", o.mac)
		}
		on.MAC = [6]byte(mac)
	}
	var own []netip.Prefix
	for _, text := range o.local {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, err := netip.ParseAddr(text)
			if err != nil {
				return fmt.Errorf("--local-addrs %q: want an address or a network", text)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		own = append(own, p)
	}
	if len(own) == 0 {
		return nil
	}
	on.Owns = func(a netip.Addr) bool {
		for _, p := range own {
			if p.Contains(a) {
				return true
			}
		}
		return false
	}
	return nil
}

// summarize writes one account in one line.
func summarize(w io.Writer, a ledger.Account) {
	fmt.Fprintf(w, "%s:", a.Name)
	for _, entries := range [][]ledger.Entry{a.In, a.Out, a.Held} {
		for _, e := range entries {
			if e.Count != 0 {
				fmt.Fprintf(w, " %s=%d", e.Name+reason(e.Reason), e.Count)
			}
		}
	}
	fmt.Fprintln(w)
}

func reason(r string) string {
	if r == "" {
		return ""
	}
	return "(" + r + ")"
}
