#!/bin/bash
# systemd.sh KERNEL: install the agent in a Debian guest with systemd and run
# test/vm/systemd-guest.sh there. Needs root and mmdebstrap, e2fsprogs.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
kernel=${1:?usage: systemd.sh KERNEL}
repository=$(readlink -f "$here/../..")
cache=$(readlink -m "${VM_CACHE:-$repository/.vm}")
[ "$(id -u)" = 0 ] || { echo "systemd.sh: needs root to build a file system" >&2; exit 1; }
for tool in mmdebstrap mke2fs qemu-system-x86_64; do
	PATH=$PATH:/sbin:/usr/sbin command -v $tool > /dev/null ||
		{ echo "systemd.sh: $tool is missing; on Debian: apt-get install mmdebstrap e2fsprogs qemu-system-x86" >&2; exit 1; }
done
[ -x "$repository/bin/datakit" ] || { echo "systemd.sh: run make build first" >&2; exit 1; }

dir=$("$here/kernel.sh" "$kernel")
release=$(cat "$dir/release")
mkdir -p "$cache"
if [ ! -s "$cache/debian.tar" ]; then
	mirror=$(awk '$1 == "URIs:" { print $2; exit }' /etc/apt/sources.list.d/*.sources)
	mmdebstrap --quiet --format=tar --mode=root --variant=minbase --include=systemd,systemd-sysv,dbus,udev,kmod,iproute2,procps,curl \
		bookworm "$cache/new.tar" "$mirror"
	mv "$cache/new.tar" "$cache/debian.tar"
fi

work=$(mktemp -d -p "$cache")
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir "$root"
tar -C "$root" -xf "$cache/debian.tar" --exclude='./dev/*'
mkdir -p "$root/lib/modules" "$root/opt/test" "$root/usr/local/datakit/conf.d/host"
cp -a "$dir/lib/modules/$release" "$root/lib/modules/"
cp -r "$repository/bin/datakit" "$repository/bin/externals" "$root/usr/local/datakit/"
cp "$repository/packaging/systemd/datakit.service" "$root/etc/systemd/system/"
cp "$here/systemd-guest.sh" "$root/opt/test/run"
echo guest > "$root/etc/hostname"
printf "127.0.0.1 localhost\n::1 localhost\n" > "$root/etc/hosts"
cat > "$root/etc/systemd/system/guest-test.service" <<'U'
[Unit]
After=multi-user.target
[Service]
Type=exec
ExecStart=/bin/bash -c 'exec > /dev/ttyS1 2>&1; bash /opt/test/run; echo "GUEST_EXIT=$?"; sync; sleep 0.5; systemctl poweroff -ff'
U
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../guest-test.service "$root/etc/systemd/system/multi-user.target.wants/"
ln -sf /dev/null "$root/etc/systemd/system/serial-getty@ttyS0.service"
PATH=$PATH:/sbin:/usr/sbin mke2fs -q -t ext4 -O ^has_journal -d "$root" "$work/disk" 900M

# thread=multi is faster here and now and then loses a guest while it boots: once
# more then.
for attempt in 1 2; do
	: > "$work/output"
	timeout --kill-after=5 "${VM_TIMEOUT:-300}" qemu-system-x86_64 \
		-accel tcg,thread=multi -cpu max -machine q35 -m "${VM_MEMORY:-1024}" -smp 2 \
		-nodefaults -no-reboot -display none -monitor none \
		-serial "file:$work/console" -serial "file:$work/output" \
		-kernel "$dir/vmlinuz" -append "console=ttyS0 quiet panic=-1 root=/dev/nvme0n1 rw systemd.show_status=0" \
		-drive "file=$work/disk,format=raw,if=none,id=disk,snapshot=on" -device nvme,drive=disk,serial=disk \
		< /dev/null || true
	result=$(tr -d '\r' < "$work/output" | sed -n 's/^GUEST_EXIT=//p' | tail -1)
	if [ -n "$result" ]; then
		tr -d '\r' < "$work/output" | grep -av '^GUEST_EXIT='
		exit "$result"
	fi
	[ ! -s "$work/output" ] || break
	echo "systemd.sh: no result from the guest (attempt $attempt)" >&2
done
tr -d '\r' < "$work/output"
tail -20 "$work/console"
exit 125
