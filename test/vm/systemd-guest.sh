#!/bin/bash
# In the guest of systemd.sh: the service as it is shipped, with a collector
# that has limits.
failed=0
check() { # check TEXT COMMAND...: one line per check
	local text=$1
	shift
	if "$@"; then echo "ok      $text"; else echo "FAILED  $text"; failed=1; fi
}
within() { # within SECONDS COMMAND...: until it succeeds
	local end=$((SECONDS + $1))
	shift
	until "$@" > /dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}
finish() {
	[ $failed = 0 ] || journalctl -u datakit --no-pager -o cat | tail -60
	exit $failed
}
child() { pgrep -xo datakit-ebpf; }
cgroup_of() { echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$1/cgroup")"; }

cat > /usr/local/datakit/conf.d/host/ebpf.conf <<'CONF'
[[inputs.ebpf]]
  cmd = "externals/datakit-ebpf"
  args = []
  interval = "1s"
  include_loopback = true
  cpu_limit = "1.0"
  mem_limit = "256MiB"
CONF
home=/usr/local/datakit
uname -r

check "the service starts" systemctl start datakit
check "the agent answers" within 30 curl -fsS http://127.0.0.1:9529/v1/ping
check "the collector runs" within 30 child
[ $failed = 0 ] || finish
main=$(systemctl show -P MainPID datakit)
check "the agent holds no more than the capabilities of the unit" \
	[ "$(sed -n 's/^CapBnd:\s*//p' "/proc/$main/status")" = "$(sed -n 's/^CapBnd:\s*//p' "/proc/$(child)/status")" ]
group=$(cgroup_of "$(child)")
echo "        the collector is in $group"
check "the collector has a cgroup of its own" [ "$group" != "$(cgroup_of "$main")" ]
check "memory.max is twice mem_limit" [ "$(cat "$group/memory.max")" = $((512 << 20)) ]
check "cpu.max is 1.25 times cpu_limit" [ "$(cat "$group/cpu.max")" = "125000 100000" ]
flows() { # connections made now are shown with their process
	(while sleep 0.2; do curl -fsS -o /dev/null http://127.0.0.1:9529/v1/ping; done) &
	timeout 40 $home/datakit tail --home $home | grep -m1 curl
	local status=$?
	kill $!
	return $status
}
check "connections are reported" flows

before=$(child)
kill -9 "$before"
check "a killed collector is started again" within 30 sh -c '[ -n "$(pgrep -xo datakit-ebpf)" ] && [ "$(pgrep -xo datakit-ebpf)" != '"$before"' ]'
check "the agent stayed" [ "$(systemctl show -P MainPID datakit)" = "$main" ]

kill -9 "$main"
check "a killed agent is started again" within 40 sh -c '[ "$(systemctl show -P MainPID datakit)" != 0 ] && [ "$(systemctl show -P MainPID datakit)" != '"$main"' ] && curl -fsS http://127.0.0.1:9529/v1/ping'
check "the collector too, once" within 60 sh -c '[ "$(pgrep -xc datakit-ebpf)" = 1 ]'
check "reload" systemctl reload datakit
check "the service stops" systemctl stop datakit
check "no process is left" sh -c '! pgrep -x datakit && ! pgrep -x datakit-ebpf'
check "no cgroup is left" [ ! -d /sys/fs/cgroup/system.slice/datakit.service ]

finish
