#!/bin/bash
# kernel.sh KERNEL: print the folder of a stock Debian kernel, fetched once.
#
# KERNEL is 5.10, 6.1, 6.12 or 7.x; which build that is, is asked of apt when it
# is fetched. The folder holds vmlinuz, lib/modules/<release> and the file
# release. Works without root and without touching the apt state of the machine.
set -euo pipefail

kernel=${1:?usage: kernel.sh 5.10|6.1|6.12|7.x}
cache=${VM_CACHE:-$(dirname "$(readlink -f "$0")")/../../.vm}
dir=$cache/kernels/$kernel
if [ -s "$dir/release" ]; then
	readlink -f "$dir"
	exit
fi

package=linux-image
case $kernel in
5.10) suite=bullseye-security version='5\.10\.[0-9]+-[0-9]+' ;;
6.1) suite=bookworm-security version='6\.1\.[0-9]+-[0-9]+' ;;
6.12) suite=bookworm-security version='6\.12\.[0-9]+[+]deb12' ;;
7.x) suite=trixie-backports version='7\.[0-9]+\.[0-9]+[+]deb13' package=linux-binary ;;
*) echo "kernel.sh: unknown kernel $kernel: want 5.10, 6.1, 6.12 or 7.x" >&2; exit 2 ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists/partial,cache/archives/partial,none,deb}

# The mirror is the one this machine uses.
mirror=$(awk '$1 == "URIs:" { print $2; exit }' /etc/apt/sources.list.d/*.sources 2>/dev/null || true)
[ -n "$mirror" ] || mirror=$(awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^http/) { print $i; exit } }' /etc/apt/sources.list)
mirror=${mirror%/}
case $suite in *-security) mirror=${mirror%/debian}/debian-security ;; esac
echo "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" > "$work/sources.list"

apt_options=(
	-o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts="$work/none" -o Dir::Etc::preferencesparts="$work/none"
	-o Dir::State::lists="$work/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$work/cache"
	-o APT::Architecture=amd64 -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=3
	-o Acquire::Check-Valid-Until=false
)
apt-get "${apt_options[@]}" -qq update >&2

image=$(apt-cache "${apt_options[@]}" search --names-only "^$package-$version-cloud-amd64\$" |
	awk '{ print $1 }' | sort -V | tail -1)
[ -n "$image" ] || { echo "kernel.sh: $suite offers no kernel $kernel" >&2; exit 1; }
release=${image#"$package"-}
packages=("$image")
[ $package = linux-image ] || packages+=("linux-modules-$release") # split from 7.x on

(cd "$work/deb" && apt-get "${apt_options[@]}" -qq download "${packages[@]}" >&2)
mkdir -p "$work/root"
for deb in "$work"/deb/*.deb; do
	dpkg-deb --extract "$deb" "$work/root"
done
[ -d "$work/root/lib" ] || ln -s usr/lib "$work/root/lib" # from 7.x on
for file in "boot/vmlinuz-$release" "lib/modules/$release/vmlinuz"; do
	[ ! -f "$work/root/$file" ] || ln -sf "$file" "$work/root/vmlinuz"
done
PATH=$PATH:/sbin:/usr/sbin depmod -b "$work/root" "$release"

mkdir -p "$(dirname "$dir")"
rm -rf "$dir.new" "$dir"
cp -a "$work/root" "$dir.new"
echo "$release" > "$dir.new/release"
mv "$dir.new" "$dir"
echo "fetched $image ($suite)" >&2
readlink -f "$dir"
