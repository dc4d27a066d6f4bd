#!/bin/busybox sh
# The first program of a virtual machine's kernel: mounts what the host shares (9p, read-only) with memory over it, as
# init.sh does for a machine in namespaces, and hands over to systemd. When it fails the machine goes off, having said why.
set -eu
/bin/busybox --install -s /bin
export PATH=/bin
trap 'echo "vm-init.sh failed"; poweroff -f' EXIT
mkdir -p /dev /proc /image /kernel /disk /root
mount -t devtmpfs dev /dev
mount -t proc proc /proc
for module in /modules/*; do insmod "$module"; done

# share TAG DIRECTORY
share() { mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=1048576 "$1" "$2"; }
share image /image
share kernel /kernel
mount -t tmpfs -o mode=0755,size=75% tmpfs /disk
mkdir /disk/upper /disk/work
mount -t overlay -o lowerdir=/image:/kernel,upperdir=/disk/upper,workdir=/disk/work overlay /root
tree=usr/lib/opencode-supervisor
share tree "/root/$tree"

tr -d - </proc/sys/kernel/random/uuid >/root/etc/machine-id
echo vm >/root/etc/hostname
system=/root/etc/systemd/system
mkdir -p $system/multi-user.target.wants
ln -s "/$tree/testbed/vm-agent.service" $system/
ln -s ../vm-agent.service $system/multi-user.target.wants/
mount -o move /dev /root/dev
mount -o move /proc /root/proc
exec env -i switch_root /root /sbin/init
