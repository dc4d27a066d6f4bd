#!/bin/bash
# PID 1 of a machine's namespaces, until systemd takes its place. Started by guard.sh as
#   init.sh join RECORD CGROUP IMAGE TREE NAME
# The first half runs with the host's /proc and cgroups in view, the second in the machine's own cgroup namespace.
set -euo pipefail
stage=$1 record=$2 cgroup=$3 image=$4 tree=$5 name=$6

if [[ $stage == join ]]; then
  read -r pid _ </proc/self/stat # /proc is still the host's: this is the pid the host knows us by
  echo "$pid" >"$record/pid.new"
  mv "$record/pid.new" "$record/pid"
  echo 0 >"$cgroup/cgroup.procs"
  exec unshare --cgroup -- bash "$0" boot "${@:2}"
fi

# From here on every mount is private to the machine and goes when it goes. Its disk is memory.
mount -t tmpfs -o mode=0755 tmpfs "$record"
root=$record/root
mkdir "$root" "$record/upper" "$record/work"
# Short names, as a disk's: the kernel repeats them in /proc/self/mountinfo for every path that is bound from the root.
cd "$record"
ln -s "$image" image
mount -i -t overlay -o lowerdir=image,upperdir=upper,workdir=work overlay root
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t sysfs -o nosuid,nodev,noexec sysfs "$root/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o nosuid,nodev,mode=0755 tmpfs "$root/run"
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o nosuid,mode=0755 tmpfs "$root/dev"

# Kernel documentation, admin-guide/devices.txt.
while read -r node major minor; do
  mknod -m 0666 "$root/dev/$node" c "$major" "$minor"
done <<'NODES'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
kmsg 1 11
tty 5 0
NODES
mkdir -m 0755 "$root/dev/pts"
mkdir -m 1777 "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for fd in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${fd%:*}" "$root/dev/${fd#*:}"; done
touch "$root/dev/console"

mount --bind "$tree" "$root/usr/lib/opencode-supervisor"
mount -o remount,bind,ro "$root/usr/lib/opencode-supervisor"

echo "$name" >/proc/sys/kernel/hostname
echo "$name" >"$root/etc/hostname"
read -r uuid </proc/sys/kernel/random/uuid
echo "${uuid//-/}" >"$root/etc/machine-id"
ip link set lo up

cd "$root"
pivot_root . .
umount -l .
cd /
mount --make-rshared / # as on any host: systemd leaves that to the container it is in, and what it mounts later goes that way
exec env -i container=opencode-testbed PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin /sbin/init
