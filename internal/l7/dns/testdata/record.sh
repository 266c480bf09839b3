#!/bin/sh
# Records traffic.pcap and what tshark reads in it, traffic.tsv: dig and others
# ask dnsmasq and unbound, in two network namespaces of their own. Run as root;
# needs iproute2, dnsmasq, unbound, dig, nsupdate, python3, tcpdump and tshark.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
c=dnsrec-c$$ s=dnsrec-s$$
pids=
finish() {
	for pid in $pids; do kill "$pid" 2>/dev/null || :; done
	ip netns del $c; ip netns del $s
	rm -r "$work"
}
trap finish EXIT
ip netns add $c; ip netns add $s
ip -n $c link add veth0 type veth peer name veth0 netns $s
for ns in $c $s; do ip -n $ns link set lo up; ip -n $ns link set veth0 up; done
ip -n $c addr add 10.53.0.1/24 dev veth0; ip -n $c addr add fd53::1/64 dev veth0 nodad
for i in 2 3 4; do ip -n $s addr add 10.53.0.$i/24 dev veth0; done
ip -n $s addr add fd53::2/64 dev veth0 nodad

# 10.53.0.2 and fd53::2 answer with authority, 10.53.0.3 is a resolver that
# validates, 10.53.0.4 is slow or never answers.
long=$(printf 'x%.0s' $(seq 250))
ip netns exec $s dnsmasq -k -C /dev/null -u root --pid-file="$work/pid" --no-resolv --no-hosts \
	--listen-address=10.53.0.2,fd53::2 --bind-interfaces --local-ttl=30 \
	--local=/example/ --host-record=www.example,10.1.1.1,fd01::1 --host-record=www.example,10.1.1.2 \
	--cname=alias.example,middle.example --cname=middle.example,www.example \
	--txt-record=long.example,$long,$long,$long,$long,$long,$long,$long,$long,$long,$long,$long,$long \
	--ptr-record=2.1.1.10.in-addr.arpa,www.example --mx-host=example,www.example,10 \
	>"$work/dnsmasq.log" 2>&1 &
pids="$pids $!"
cat >"$work/unbound.conf" <<'C'
server:
	interface: 10.53.0.3
	access-control: 10.53.0.0/24 allow
	chroot: ""
	username: ""
	pidfile: ""
	use-syslog: no
	do-daemonize: no
	module-config: "iterator"
	local-zone: "refused.example." refuse
	local-zone: "zone.test." static
	local-data: "a.zone.test. 60 IN A 10.2.2.2"
	local-data: "a.zone.test. 60 IN AAAA fd02::2"
	local-data: "big.zone.test. 7 IN TXT 'some text'"
remote-control:
	control-enable: no
C
sed -i "s/chroot: \"\"/&\n\tdirectory: \"$(echo "$work" | sed 's/\//\\\//g')\"/" "$work/unbound.conf"
ip netns exec $s unbound -c "$work/unbound.conf" >"$work/unbound.log" 2>&1 &
pids="$pids $!"
cat >"$work/slow.py" <<'P'
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.53.0.4", 53))
seen = {}
while True:
    b, peer = s.recvfrom(4096)
    seen[b[:2]] = seen.get(b[:2], 0) + 1
    if b"\x06second" in b and seen[b[:2]] < 2:  # answer what is asked twice
        continue
    if b"\x05never" in b:
        continue
    reply = b[:2] + b"\x81\x83" + b[4:6] + bytes(6) + b[12 : b.index(0, 12) + 5]
    s.sendto(reply, peer)
    if b"\x05twice" in b:
        s.sendto(reply, peer)
P
ip netns exec $s python3 "$work/slow.py" &
pids="$pids $!"
cat >"$work/client.py" <<'P'
# Odd ways to ask: the same query twice, two clients with one number, messages
# in parts and in one segment over TCP.
import socket, struct, time

def query(number, name, kind=1, flags=0x0100, edns=b""):
    q = b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0"
    return struct.pack(">6H", number, flags, 1, 0, 0, 1 if edns else 0) + q + struct.pack(">2H", kind, 1) + edns

def udp(to, *messages, wait=0.3, pause=0.02):
    s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((to, 53))
    s.settimeout(wait)
    for m in messages:
        s.send(m)
        time.sleep(pause)
    try:
        while True:
            s.recv(65535)
    except TimeoutError:
        pass
    s.close()

udp("10.53.0.4", query(1, "second.test"), query(1, "second.test"))
udp("10.53.0.4", query(2, "twice.test"))
udp("10.53.0.4", query(3, "never.test"))
a, b = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in "ab")
for s in (a, b):
    s.connect(("10.53.0.2", 53))
a.send(query(7, "www.example"))
b.send(query(7, "alias.example"))
a.recv(4096), b.recv(4096)
udp("10.53.0.2", query(8, "WwW.ExAmPlE"), query(9, "www.example", 28), query(10, "www.example", 65280))
udp("fd53::2", query(11, "www.example", 28))
udp("10.53.0.2", query(12, "www.example", 1, 0x2800))  # an update
udp("10.53.0.3", query(13, "a.zone.test", 1, 0x0100, b"\0" + struct.pack(">2HBBHH", 41, 1232, 0, 1, 0, 0)))  # EDNS version 1

def framed(m):
    return struct.pack(">H", len(m)) + m

def tcp(to, *parts):
    s = socket.create_connection((to, 53))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.settimeout(0.3)
    for p in parts:
        s.send(p)
        time.sleep(0.01)
    try:
        while s.recv(65535):
            pass
    except TimeoutError:
        pass
    s.close()

m, n = framed(query(21, "a.zone.test")), framed(query(22, "a.zone.test", 28))
tcp("10.53.0.3", m + n)                          # two in one segment
tcp("10.53.0.3", m[:2], m[2:])                   # the length by itself
tcp("10.53.0.3", m[:1], m[1:9], m[9:] + n[:1], n[1:])
tcp("10.53.0.3", *[m[i : i + 1] for i in range(len(m))])
tcp("10.53.0.2", framed(query(23, "long.example", 16)))
P
sleep 1
ip netns exec $c tcpdump -i veth0 -U -w "$work/traffic.pcap" --time-stamp-precision=nano port 53 2>"$work/tcpdump.log" &
tcpdump=$!
sleep 1
in_c="ip netns exec $c"
dig="$in_c dig +tries=1 +timeout=2"
{
	for server in 10.53.0.2 fd53::2; do
		for name in www.example alias.example none.example; do
			$dig @$server $name A; $dig @$server $name AAAA; $dig +tcp @$server $name A
		done
	done
	$dig @10.53.0.2 -x 10.1.1.2; $dig @10.53.0.2 example MX; $dig @10.53.0.2 . NS
	$dig +noedns @10.53.0.2 long.example TXT # truncated, again over TCP
	$dig +bufsize=4096 @10.53.0.2 long.example TXT
	$dig @10.53.0.2 outside.test A           # refused
	$dig @10.53.0.3 a.zone.test A @10.53.0.3 big.zone.test TXT @10.53.0.3 none.zone.test A
	$dig @10.53.0.3 x.refused.example A
	$dig @10.53.0.3 outside.invalid. A       # cannot be resolved from here
	$dig +edns=1 +noednsneg @10.53.0.3 a.zone.test A
	$dig +opcode=notify @10.53.0.3 a.zone.test SOA
	$dig +tcp +keepopen @10.53.0.3 a.zone.test A @10.53.0.3 a.zone.test AAAA @10.53.0.3 none.zone.test A
	$in_c dig +tries=2 +timeout=1 @10.53.0.4 never.test A
	$in_c dig +tries=2 +timeout=1 @10.53.0.4 second.test A
	$in_c python3 "$work/client.py"
} >"$work/out.log" 2>&1 || :
sleep 1
kill $tcpdump; wait $tcpdump || :
cp "$work/traffic.pcap" traffic.pcap
tshark -r traffic.pcap -Y dns -T fields -E header=y -E occurrence=a -E aggregator=, \
	-o tcp.desegment_tcp_streams:TRUE \
	-e frame.number -e frame.protocols -e dns.id -e dns.flags.response -e dns.flags.opcode -e dns.flags.truncated \
	-e dns.flags.rcode -e dns.resp.ext_rcode -e dns.qry.name -e dns.qry.type -e dns.count.answers \
	-e dns.resp.name -e dns.resp.type -e dns.resp.ttl -e dns.a -e dns.aaaa -e dns.time -e dns.retransmission >traffic.tsv
[ -z "${KEEP-}" ] || cp "$work"/*.log "$KEEP"
