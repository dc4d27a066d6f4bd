#!/bin/bash
# Gets what a virtual machine boots from, once: vm.sh DESTINATION SUITE MIRROR
#   DESTINATION/{vmlinuz,initrd}   Debian's kernel as it is, and enough to mount the machine's file system (vm-init.sh)
#   DESTINATION/root/usr           its modules, and what loads them: laid below the machines' image
# Nothing is installed on the host. testbed/vm-boot.ts names DESTINATION after a hash; builders take turns by a lock.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
destination=$1 suite=$2 mirror=$3

exec 9>>"$destination.lock"
flock 9
[[ ! -d $destination ]] || exit 0
rm -rf "$destination.part" "$destination.all"
mkdir "$destination.part"

# The machine's own way out (proxy, certificates, retries) is also the build's.
options=$destination.apt.conf
apt-config dump | grep -E '^Acquire::(Retries|https?::(.*::)?(Proxy|CaInfo|Verify-Peer))[^ ]* ' >"$options" || true
printf 'Acquire::Languages "none";\nAcquire::Check-Valid-Until "false";\n' >>"$options"
mmdebstrap --quiet --mode=root --variant=extract --include=linux-image-amd64,busybox-static --aptopt="$options" \
  "$suite" "$destination.all" "$mirror"

cd "$destination.all"
release=$(basename usr/lib/modules/*)
# depmod of the tree itself, run by its own loader: this host may have none, and no kernel of its own.
usr/lib64/ld-linux-x86-64.so.2 --library-path usr/lib/x86_64-linux-gnu --argv0 depmod usr/bin/kmod -b usr "$release"
mkdir -p initrd/bin initrd/modules "$destination.part"/root/usr/{bin,lib,sbin}
cp usr/bin/busybox initrd/bin/
install -m 0755 "$here/vm-init.sh" initrd/init

# What is to be loaded first, as nothing (udev) does it later, each after what it needs (modules.dep(5)).
number=100
while read -r module; do
  usr/bin/busybox unxz -c "usr/lib/modules/$release/$module" >"initrd/modules/$number-$(basename "$module" .xz)"
  ((number += 1))
done < <(grep -E '^[^:]*/(9pnet_virtio|9p|overlay|virtio-rng)\.ko\.xz:' "usr/lib/modules/$release/modules.dep" | tr -d : |
  while read -ra line; do printf '%s\n' "${line[@]}" | tac; done | awk '!seen[$0]++')
(cd initrd && find . | ../usr/bin/busybox cpio -o -H newc | gzip) >"$destination.part/initrd"

cp boot/vmlinuz-* "$destination.part/vmlinuz"
mv usr/lib/modules "$destination.part/root/usr/lib/"
mv usr/bin/kmod "$destination.part/root/usr/bin/"
mv usr/sbin/{depmod,insmod,lsmod,modinfo,modprobe,rmmod} "$destination.part/root/usr/sbin/"
cd /
rm -rf "$destination.all" "$options"
mv "$destination.part" "$destination"
