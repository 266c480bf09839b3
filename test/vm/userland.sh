#!/bin/bash
# userland.sh SUITE PACKAGE...: print a folder with programs of a Debian suite and all they need,
# fetched once, to be laid over the root of a guest:
#
#   VM_ROOT=$(test/vm/userland.sh bullseye nginx-light curl) VM_ENV=PATH=/bin:/usr/bin:/usr/sbin \
#       test/vm/test.sh 5.10 ./plugins/ebpfnet/tls
#
# Works without root and without touching the apt state of the machine. Nothing is installed or
# configured: these are the files of the packages.
set -euo pipefail

suite=${1:?usage: userland.sh SUITE PACKAGE...}
shift
cache=${VM_CACHE:-$(dirname "$(readlink -f "$0")")/../../.vm}
dir=$cache/userland/$suite-$(echo "$*" | tr -c 'a-z0-9\n' '-')
if [ -e "$dir/etc/passwd" ]; then
	readlink -f "$dir"
	exit
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists/partial,cache/archives/partial,none,root}

# The mirror is the one this machine uses.
mirror=$(awk '$1 == "URIs:" { print $2; exit }' /etc/apt/sources.list.d/*.sources 2>/dev/null || true)
[ -n "$mirror" ] || mirror=$(awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^http/) { print $i; exit } }' /etc/apt/sources.list)
echo "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror%/} $suite main" > "$work/sources.list"
: > "$work/status"

apt_options=(
	-o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts="$work/none" -o Dir::Etc::preferencesparts="$work/none"
	-o Dir::State::lists="$work/lists" -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache"
	-o APT::Architecture=amd64 -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=3
	-o Acquire::Check-Valid-Until=false -o Debug::NoLocking=1
)
apt-get "${apt_options[@]}" -qq update >&2
apt-get "${apt_options[@]}" -qq -y --no-install-recommends --download-only install "$@" >&2
for deb in "$work"/cache/archives/*.deb; do
	dpkg-deb --extract "$deb" "$work/root"
done

# The guest has its own /bin; what is of no use there stays out of its memory.
rm -rf "$work"/root/{bin,sbin,var,boot,usr/share/{doc,man,locale,info,i18n,perl*},usr/lib/x86_64-linux-gnu/{perl*,gconv}}
[ -e "$work/root/lib64" ] || ln -s usr/lib64 "$work/root/lib64" # where programs look for their loader; from trixie on
printf 'root:x:0:0:root:/root:/bin/sh\n' > "$work/root/etc/passwd"
printf 'root:x:0:\n' > "$work/root/etc/group"
mkdir -p "$work/root/var/log/nginx" "$work/root/var/lib/nginx"
mkdir -p "$(dirname "$dir")"
rm -rf "$dir"
cp -a "$work/root" "$dir"
readlink -f "$dir"
