#!/bin/bash
# run.sh HOME: run the agent that `make build` built, with a home folder of its
# own, and print the TCP connections of this machine as they are stored. Files
# that are there already stay as they are, so they can be edited. Ctrl-C ends it.
set -euo pipefail

mkdir -p "$1"
home=$(cd "$1" && pwd)
bin=$(dirname "$(readlink -f "$0")")/../bin

write() {
	[ -e "$1" ] || { mkdir -p "$(dirname "$1")" && cat > "$1"; }
}

write "$home/conf.d/datakit.conf" <<'CONF'
# Without a backend, points are kept in data/store and can be watched with
# `datakit tail`. To deliver them: [[backends]], see datakit.conf.sample.
[logging]
  log = "log/datakit.log"
CONF
write "$home/conf.d/host/ebpf.conf" <<'CONF'
[[inputs.ebpf]]
  cmd = "externals/datakit-ebpf"
  args = []
  enabled_plugins = ["ebpf-net"]
  interval = "5s"
  include_loopback = true
CONF

mkdir -p "$home/externals"
cp "$bin"/externals/* "$home/externals/"

echo "home: $home   log: $home/log/datakit.log   stop: Ctrl-C"
if [ "$(id -u)" != 0 ]; then
	echo "Not root: the agent runs, the eBPF collector needs more. What is missing says"
	echo "  bin/datakit doctor --home $home"
fi
exec "$bin/datakit" run --home "$home" --tail
