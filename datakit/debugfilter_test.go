package main

import (
	"bytes"
	"strings"
	"testing"
)

// The command needs no home: it runs in an empty folder.
func TestDebugFilter(t *testing.T) {
	const vector = "tcp=true,ipv4=true,ip_saddr=10.0.0.1,src_port=80,ip_daddr=127.0.0.1,dst_port=40000,k8s_src_pod=datakit-abc"
	for name, c := range map[string]struct {
		args   []string
		code   int
		first  string // first line of the output
		out    string // part of the output
		errOut string // part of what goes to standard error
	}{
		"drop":          {[]string{"--rule", "udp; src_port == 80", "--packet", vector}, 0, "drop", "rule 2 (1:6) matches: src_port == 80\n  src_port == 80 is true: src_port is 80\n", ""},
		"keep":          {[]string{"--rule", "ip_saddr == '10.0.0.2'", "--packet", vector}, 0, "keep", "no rule matches\nrule 1 (1:1) does not match: ip_saddr == \"10.0.0.2\"\n  ip_saddr == \"10.0.0.2\" is false: ip_saddr is \"10.0.0.1\"\n", ""},
		"either side":   {[]string{"--rule", "ip in ['127.0.0.0/8']", "--packet", vector}, 0, "drop", "", ""},
		"no packet":     {[]string{"--rule", "!tcp && src_port == 0 && ip_saddr == ''"}, 0, "drop", "", ""},
		"no rule":       {[]string{"--rule", "", "--packet", vector}, 0, "keep", "there is no rule", ""},
		"warning":       {[]string{"--rule", "tcp || udp && udp", "--packet", vector}, 0, "keep", "", "warning: rule:1:1: && and || have one level of precedence"},
		"bad rule":      {[]string{"--rule", "udp\ntcp && src_prt == 80", "--packet", vector}, exitUsage, "", "", "datakit: rule:2:8: unknown name src_prt"},
		"bad packet":    {[]string{"--rule", "tcp", "--packet", "tcp=perhaps"}, exitUsage, "", "", `datakit: packet: tcp: "perhaps" is not true or false`},
		"nothing asked": {nil, exitUsage, "", "", "one of --rule and --keys is needed"},
		"keys":          {[]string{"--keys"}, 0, "KEY         TYPE  MEANING", "either side, IPv4 or IPv6: src_ip or dst_ip", ""},
		"unknown flag":  {[]string{"--rules", "tcp"}, exitUsage, "", "", "unknown flag: --rules"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			p := &program{env: func(string) (string, bool) { return "", false }, environ: func() []string { return nil }, out: &out, errOut: &errOut}
			code := execute(t.Context(), p, append([]string{"--home", t.TempDir(), "debug", "filter"}, c.args...))
			if code != c.code || !strings.Contains(errOut.String(), c.errOut) || c.errOut == "" && errOut.Len() > 0 {
				t.Errorf("exit code %d, want %d; errors are %q, want %q", code, c.code, &errOut, c.errOut)
			}
			first, _, _ := strings.Cut(out.String(), "\n")
			if first != c.first || !strings.Contains(out.String(), c.out) {
				t.Errorf("output is\n%s\nwant %q first and within\n%s", &out, c.first, c.out)
			}
		})
	}
}
