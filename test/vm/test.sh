#!/bin/bash
# test.sh KERNEL [go test arguments...]: run kernel tests on a stock kernel.
#
#   test/vm/test.sh 6.1 ./internal/bpf/... -run TestSocket -v
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
kernel=${1:?usage: test.sh KERNEL [go test arguments]}
shift
for tool in qemu-system-x86_64 busybox cpio depmod xz apt-get; do
	PATH=$PATH:/sbin:/usr/sbin command -v "$tool" > /dev/null ||
		{ echo "test.sh: $tool is missing; on Debian: apt-get install qemu-system-x86 busybox-static cpio kmod xz-utils" >&2; exit 1; }
done

dir=$("$here/kernel.sh" "$kernel")
"$here/initramfs.sh" "$dir"
echo "kernel $(cat "$dir/release"), emulated"
cd "$here/../.."
CGO_ENABLED=0 exec go test -count=1 -timeout 8m -exec "$here/exec.sh $dir" "$@"
