#!/bin/bash
# exec.sh DIR BINARY [ARGUMENT...]: run a static test binary in a guest with the
# kernel in DIR. For `go test -exec`: prints what the binary prints and exits
# with its status; 124 when the guest took too long, 125 when it died.
#
# Only the binary and the folder testdata beside the package travel. VM_ENV
# ("A=1 B=2") is set in the guest, VM_TIMEOUT (seconds) and VM_MEMORY (MiB) bound it.
# VM_ROOT is a folder to lay over the root of the guest, see userland.sh.
set -euo pipefail

dir=$(readlink -f "$1") binary=$2
shift 2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/t"
[ -z "${VM_ROOT:-}" ] || cp -a "$VM_ROOT/." "$work/root/"
cp "$binary" "$work/root/t/test"
[ ! -d testdata ] || cp -r testdata "$work/root/t/"
{
	printf 'exec env %s ./test' "${VM_ENV:-}"
	for argument; do printf " '%s'" "${argument//\'/\'\\\'\'}"; done
	echo
} > "$work/root/t/run"

# The kernel merges concatenated archives.
(cd "$work/root" && find . | cpio -o -H newc --quiet) | cat "$dir/base.cpio" - > "$work/initrd"

# thread=single: with one thread per CPU the emulation now and then corrupts
# kernel code that is patched at run time.
status=0
timeout --kill-after=5 "${VM_TIMEOUT:-540}" qemu-system-x86_64 \
	-accel tcg,thread=single -cpu max -machine q35 -m "${VM_MEMORY:-1024}" -smp 2 \
	-nodefaults -no-reboot -display none -monitor none \
	-serial "file:$work/console" -serial "file:$work/output" \
	-kernel "$dir/vmlinuz" -initrd "$work/initrd" -append "console=ttyS0 quiet panic=-1" \
	< /dev/null || status=$?

tr -d '\r' < "$work/output" > "$work/text"
grep -av '^GUEST_EXIT=' "$work/text" || true
result=$(sed -n 's/^GUEST_EXIT=//p' "$work/text" | tail -1)
if [ -n "$result" ]; then
	exit "$result"
fi
echo "exec.sh: no result from the guest with kernel $(cat "$dir/release") (qemu: $status); end of its console:"
tail -20 "$work/console"
[ "$status" = 124 ] && exit 124
exit 125
