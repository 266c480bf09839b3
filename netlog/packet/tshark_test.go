package packet

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// asked are the fields of tshark that are compared.
var asked = []string{
	"eth.src", "eth.dst", "vlan.id", "vxlan.vni", "geneve.vni",
	"ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "ip.proto",
	"tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.ack_raw", "tcp.flags", "tcp.window_size_value", "tcp.len",
	"tcp.options.mss_val", "tcp.options.wscale.shift", "tcp.options.timestamp.tsval", "tcp.options.timestamp.tsecr",
	"tcp.options.sack_le", "tcp.options.sack_re",
	"udp.srcport", "udp.dstport", "udp.length",
	"icmp.type", "icmp.code", "icmp.ident", "icmp.seq", "icmpv6.type", "icmpv6.code", "icmpv6.echo.identifier", "icmpv6.echo.sequence_number",
}

// otherwise lists the examples that tshark reads in another way, with what it
// does.
var otherwise = map[string]string{
	"answer from a tunnel port": "takes a datagram for VXLAN by its source port too",
	"first fragment of VXLAN":   "takes the length of the datagram for that of what is in it",
	"VXLAN without a VNI":       "takes every datagram to the port for VXLAN",
	"VXLAN too short":           "takes every datagram to the port for VXLAN",
	"null, big-endian":          "expects one byte order in a file",
	"QinQ":                      "calls the id of the outer tag ieee8021ad.id",
	"first IPv6 fragment":       "computes no length for a segment whose rest is missing",
	"first fragment of IPIP":    "takes the length of the fragment for that of what is in it",
	"ERSPAN":                    "looks into it",
	"three in one another":      "looks into all of them",
	"GRE, source route":         "looks into it",
	"GRE too short":             "looks into what is not there",
}

// TestTshark: tshark says of each example what we say.
func TestTshark(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("needs tshark")
	}
	byLink := map[LinkType][]example{}
	for _, tt := range examples() {
		if _, differs := otherwise[tt.name]; !differs {
			byLink[tt.link] = append(byLink[tt.link], tt)
		}
	}
	for link, all := range byLink {
		t.Run(fmt.Sprint("link ", link), func(t *testing.T) {
			rows := tshark(t, link, all)
			for i, tt := range all {
				var d Decoder
				var p Packet
				if err := d.Decode(tt.frame, tt.wire, tt.link, &p); err != nil {
					t.Fatal(err)
				}
				for field, want := range said(&p) {
					got := rows[i][field]
					if field == "vlan.id" { // those of the outer frame come first
						got = firstN(got, want)
					} else if !strings.HasPrefix(field, "tcp.options.sack") {
						got = got[strings.LastIndexByte(got, ',')+1:] // innermost
					}
					if got != want {
						t.Errorf("%s: %s is %q to tshark, %q to us", tt.name, field, got, want)
					}
				}
			}
		})
	}
}

func firstN(list, like string) string {
	n := len(strings.Split(like, ","))
	parts := strings.Split(list, ",")
	return strings.Join(parts[:min(n, len(parts))], ",")
}

// said is a packet in the words of tshark.
func said(p *Packet) map[string]string {
	num := func(v any) string { return fmt.Sprint(v) }
	f := map[string]string{}
	mac := func(m [6]byte) string {
		s := hex.EncodeToString(m[:])
		return strings.Join([]string{s[:2], s[2:4], s[4:6], s[6:8], s[8:10], s[10:]}, ":")
	}
	if p.Link == LinkEthernet {
		f["eth.src"], f["eth.dst"] = mac(p.SrcMAC), mac(p.DstMAC)
	}
	if p.VLAN[0] != 0 {
		f["vlan.id"] = num(p.VLAN[0])
		if p.VLAN[1] != 0 {
			f["vlan.id"] += "," + num(p.VLAN[1])
		}
	}
	switch p.Tunnel {
	case VXLAN:
		f["vxlan.vni"] = num(p.VNI)
	case Geneve:
		f["geneve.vni"] = fmt.Sprintf("0x%06x", p.VNI)
	default:
		f["vxlan.vni"], f["geneve.vni"] = "", ""
	}
	if p.Src.Is4() {
		f["ip.src"], f["ip.dst"], f["ip.proto"] = p.Src.String(), p.Dst.String(), num(p.Proto)
	} else {
		f["ipv6.src"], f["ipv6.dst"] = p.Src.String(), p.Dst.String()
	}
	if p.LaterFragment() {
		return f
	}
	switch p.Proto {
	case ProtoTCP:
		c := &p.TCP
		f["tcp.srcport"], f["tcp.dstport"], f["tcp.len"] = num(p.SrcPort), num(p.DstPort), num(p.PayloadLen)
		f["tcp.seq_raw"], f["tcp.ack_raw"], f["tcp.window_size_value"] = num(c.Seq), num(c.Ack), num(c.Window)
		f["tcp.flags"] = fmt.Sprintf("0x%04x", uint8(c.Flags))
		f["tcp.options.mss_val"], f["tcp.options.wscale.shift"] = "", ""
		f["tcp.options.timestamp.tsval"], f["tcp.options.timestamp.tsecr"] = "", ""
		if c.Options.Has(OptMSS) {
			f["tcp.options.mss_val"] = num(c.MSS)
		}
		if c.Options.Has(OptWScale) {
			f["tcp.options.wscale.shift"] = num(c.WScale)
		}
		if c.Options.Has(OptTimestamps) {
			f["tcp.options.timestamp.tsval"], f["tcp.options.timestamp.tsecr"] = num(c.TSVal), num(c.TSEcr)
		}
		var left, right []string
		if c.Options.Has(OptSACK) {
			for _, b := range c.SACK[:c.SACKs] {
				left, right = append(left, num(b[0])), append(right, num(b[1]))
			}
		}
		f["tcp.options.sack_le"], f["tcp.options.sack_re"] = strings.Join(left, ","), strings.Join(right, ",")
	case ProtoUDP:
		f["udp.srcport"], f["udp.dstport"] = num(p.SrcPort), num(p.DstPort)
		if !p.Fragment { // else it is that of the whole
			f["udp.length"] = num(p.PayloadLen + udpHeader)
		}
	case ProtoICMP:
		f["icmp.type"], f["icmp.code"], f["icmp.ident"], f["icmp.seq"] = num(p.ICMP.Type), num(p.ICMP.Code), num(p.ICMP.ID), num(p.ICMP.Seq)
	case ProtoICMPv6:
		f["icmpv6.type"], f["icmpv6.code"] = num(p.ICMP.Type), num(p.ICMP.Code)
		f["icmpv6.echo.identifier"], f["icmpv6.echo.sequence_number"] = fmt.Sprintf("0x%04x", p.ICMP.ID), num(p.ICMP.Seq)
	}
	return f
}

// tshark returns the asked fields of each frame.
func tshark(t *testing.T, link LinkType, all []example) []map[string]string {
	t.Helper()
	order := binary.LittleEndian
	file := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	for _, v := range []uint32{4<<16 | 2, 0, 0, 1 << 18, uint32(link)} {
		file = order.AppendUint32(file, v)
	}
	for i, tt := range all {
		for _, v := range []int{i, 0, len(tt.frame), max(tt.wire, len(tt.frame))} {
			file = order.AppendUint32(file, uint32(v))
		}
		file = append(file, tt.frame...)
	}
	path := filepath.Join(t.TempDir(), "frames.pcap")
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"-n", "-r", path, "-T", "fields", "-E", "separator=|", "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-o", "tcp.relative_sequence_numbers:FALSE",
		"-d", "udp.port==8472,vxlan", "--disable-protocol", "mptcp"}
	for _, f := range asked {
		args = append(args, "-e", f)
	}
	out, err := exec.Command("tshark", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	if len(lines) != len(all) {
		t.Fatalf("%d lines for %d frames", len(lines), len(all))
	}
	var rows []map[string]string
	for _, line := range lines {
		row := map[string]string{}
		for i, v := range strings.Split(line, "|") {
			row[asked[i]] = v
		}
		rows = append(rows, row)
	}
	return rows
}
