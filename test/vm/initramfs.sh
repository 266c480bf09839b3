#!/bin/bash
# initramfs.sh DIR: build DIR/base.cpio, the root of the guest for the kernel in
# DIR: busybox, the modules the tests need, and an init that runs /t/run and
# reports its exit status on the second serial port.
set -euo pipefail

dir=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")
if [ -s "$dir/base.cpio" ] && [ ! "$0" -nt "$dir/base.cpio" ] && [ ! "$here/init" -nt "$dir/base.cpio" ]; then
	exit
fi

modules="veth bridge vxlan dummy nf_conntrack nf_conntrack_netlink nft_chain_nat nft_nat nft_masq nft_ct nft_numgen
	sch_ingress cls_bpf sch_netem sch_tbf tls gcm ctr ghash-generic"
release=$(cat "$dir/release")
export PATH=$PATH:/sbin:/usr/sbin

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{bin,proc,sys,dev,run,tmp,etc,t,lib/modules}
cp "$(command -v busybox)" "$work/bin/busybox"
cp "$here/init" "$work/init"
chmod 755 "$work/init"

# modprobe -D prints what to insmod, dependencies first; a module that is
# built in or does not exist is no line.
for m in $modules; do
	modprobe -d "$dir" -S "$release" -D "$m" 2>/dev/null || true
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
	name=$(basename "${file%.xz}")
	case $file in
	*.xz) xz -dc "$file" ;;
	*) cat "$file" ;;
	esac > "$work/lib/modules/$name"
	echo "$name" >> "$work/lib/modules/order"
done

(cd "$work" && find . | cpio -o -H newc --quiet) > "$dir/base.cpio.$$"
mv "$dir/base.cpio.$$" "$dir/base.cpio"
