#!/bin/bash
# capture.sh KERNEL-DIR TREE: boot a stock kernel (test/vm/kernel.sh gets one)
# with 8 CPUs, two NVMe and two virtio disks, a partition, a volume as LVM maps
# it, swap, three NICs of which two are bonded, and a cgroup of version 2 with
# limits; use all of it a little; and keep what the inputs read, with the same
# counters as the kernel shows them elsewhere, in TREE.
set -euo pipefail

kernel=$(readlink -f "$1") tree=$2
release=$(cat "$kernel/release")
export PATH=$PATH:/sbin:/usr/sbin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root"/{bin,proc,sys,dev,run,tmp,etc,cap,data,boot,lib/modules}
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$(command -v dmsetup)" "$root/bin/dmsetup"
ldd "$(command -v dmsetup)" | grep -o '/[^ ]*' | while read -r lib; do
	mkdir -p "$root$(dirname "$lib")"
	cp -L "$lib" "$root$lib"
done
for m in virtio_pci virtio_blk virtio_net nvme dm_mod ext4 bonding nf_conntrack; do
	modprobe -d "$kernel" -S "$release" -D "$m" 2>/dev/null || true
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
	case $file in
	*.xz) xz -dc "$file" ;;
	*) cat "$file" ;;
	esac > "$root/lib/modules/$(basename "${file%.xz}")"
	basename "${file%.xz}" >> "$root/lib/modules/order"
done

cat > "$root/init" <<'GUEST'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
mount -t tmpfs run /run; mount -t cgroup2 cgroup2 /sys/fs/cgroup
while read -r module; do insmod "/lib/modules/$module"; done < /lib/modules/order
sleep 1

printf 'n\np\n1\n\n\nw\n' | fdisk /dev/nvme0n1 > /dev/null
mke2fs /dev/nvme0n1p1 > /dev/null; mount -t ext4 /dev/nvme0n1p1 /boot || mount -t ext2 /dev/nvme0n1p1 /boot
dmsetup create vg0-data --uuid LVM-0123456789abcdef0123456789abcdef --table "0 65536 linear /dev/nvme1n1 2048"
node=/dev/$(basename /sys/block/dm-*); [ -e $node ] || node=/dev/mapper/vg0-data
mke2fs $node > /dev/null; mount -t ext4 $node /data || mount -t ext2 $node /data
dd if=/dev/zero of=/data/file bs=64k count=100 2> /dev/null
dd if=/dev/vda of=/dev/null bs=64k count=50 2> /dev/null
mkswap /dev/vdb > /dev/null; swapon /dev/vdb

ip link set lo up
[ -e /sys/class/net/bond0 ] || echo +bond0 > /sys/class/net/bonding_masters
echo active-backup > /sys/class/net/bond0/bonding/mode
echo 100 > /sys/class/net/bond0/bonding/miimon
for nic in eth0 eth1; do ip link set $nic down; echo +$nic > /sys/class/net/bond0/bonding/slaves; done
ip link set bond0 up; ip addr add 10.0.2.15/24 dev bond0; ip link set eth2 up; sleep 1
ping -c 5 -i 0.2 10.0.2.2; ping -c 3 127.0.0.1

cd /sys/fs/cgroup && mkdir pods && echo '+cpu +memory +io' > cgroup.subtree_control; echo '+cpu +memory +io' > pods/cgroup.subtree_control
mkdir pods/app; echo '150000 100000' > pods/app/cpu.max; echo 67108864 > pods/app/memory.max
cd /
sh -c 'echo 0 > /sys/fs/cgroup/pods/app/cgroup.procs; dd if=/dev/vda of=/run/some bs=64k count=100 2> /dev/null; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exec sleep 1000' &
app=$!
sleep 3; sync; sleep 1

# The first reading counts: that of a virtio disk's serial number is a request.
keep() { for f; do [ -f $f ] && [ ! -f /cap$f ] && mkdir -p /cap$(dirname $f) && cat $f > /cap$f; done 2> /dev/null; }
keep /proc/stat /proc/meminfo /proc/vmstat /proc/diskstats /proc/loadavg /proc/uptime /proc/filesystems /proc/cpuinfo /proc/swaps
keep /proc/pressure/* /proc/sys/fs/file-nr /proc/sys/kernel/osrelease /proc/sys/net/netfilter/nf_conntrack_count /proc/sys/net/netfilter/nf_conntrack_max
for pid in 1 2 $app; do for f in stat status io cmdline cgroup mountinfo net/dev net/snmp net/stat/nf_conntrack; do keep /proc/$pid/$f; done; done
rm -rf /cap/proc/2/mountinfo /cap/proc/2/net /cap/proc/$app/mountinfo /cap/proc/$app/net
echo $app > /cap/app
for link in /sys/class/net/* /sys/class/block/* /sys/dev/block/*; do
	mkdir -p /cap$(dirname $link); [ -L $link ] && ln -s $(readlink $link) /cap$link
	at=$(readlink -f $link)
	keep $at/stat $at/flags $at/dev $at/partition $at/size $at/statistics/rx_bytes $at/statistics/tx_bytes $at/statistics/rx_packets $at/statistics/tx_packets $at/dm/name $at/dm/uuid
	if [ -L $at/device ] && [ ! -L /cap$at/device ]; then ln -s $(readlink $at/device) /cap$at/device 2> /dev/null; keep $(readlink -f $at/device)/serial; fi
done
keep /sys/devices/*/*/virtio*/block/*/serial
keep /sys/class/dmi/id/product_name /sys/class/dmi/id/sys_vendor
keep /sys/fs/cgroup/pods/app/cpu.stat /sys/fs/cgroup/pods/app/cpu.max /sys/fs/cgroup/pods/app/memory.current /sys/fs/cgroup/pods/app/memory.max /sys/fs/cgroup/pods/app/memory.stat /sys/fs/cgroup/pods/app/memory.events /sys/fs/cgroup/pods/app/io.stat /sys/fs/cgroup/cgroup.procs
df -k / /boot /data > /cap/df 2> /dev/null
tar cf /dev/vdc -C /cap .
sync
poweroff -f
GUEST
chmod 755 "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet) > "$work/initrd"

for disk in nvme0 nvme1 vda vdb out; do truncate -s 48M "$work/$disk"; done
drive() { echo "-drive file=$work/$1,if=none,id=$1,format=raw"; }
# shellcheck disable=SC2046
timeout 300 qemu-system-x86_64 -accel tcg,thread=single -cpu max -machine q35 -m 768 -smp 8 \
	-nodefaults -no-reboot -display none -monitor none -serial "file:$work/console" \
	$(drive nvme0) -device nvme,drive=nvme0,serial=NVME-A-0001 $(drive nvme1) -device nvme,drive=nvme1,serial=NVME-B-0002 \
	$(drive vda) -device virtio-blk-pci,drive=vda,serial=VIRTIO-A-01 $(drive vdb) -device virtio-blk-pci,drive=vdb,serial=VIRTIO-B-02 \
	$(drive out) -device virtio-blk-pci,drive=out \
	-nic user,model=virtio-net-pci -nic user,model=virtio-net-pci -nic user,model=virtio-net-pci \
	-kernel "$kernel/vmlinuz" -initrd "$work/initrd" -append "console=ttyS0 quiet panic=-1 psi=1 net.ifnames=0" < /dev/null || true

rm -rf "$tree"
mkdir -p "$tree"
tar xf "$work/out" -C "$tree" || { tail -40 "$work/console"; exit 1; }
[ "${DEBUG:-}" = "" ] || cat "$work/console"
