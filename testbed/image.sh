#!/bin/bash
# Builds the machines' root file system, once: image.sh DESTINATION SUITE MIRROR PACKAGES NODE OPENCODE
# NODE and OPENCODE are where the two programs stand in the tree that is mounted at /usr/lib/opencode-supervisor.
# testbed/image.ts names DESTINATION after a hash of this file and of the arguments; builders take turns by a lock.
set -euo pipefail
destination=$1 suite=$2 mirror=$3 packages=$4 node=$5 opencode=$6

exec 9>>"$destination.lock"
flock 9
[[ ! -d $destination ]] || exit 0
rm -rf "$destination.part"

# The machine's own way out (proxy, certificates, retries) is also the build's.
options=$destination.apt.conf
apt-config dump | grep -E '^Acquire::(Retries|https?::(.*::)?(Proxy|CaInfo|Verify-Peer))[^ ]* ' >"$options" || true
# A mirror may stand still (a frozen copy, an archive): what it has is signed all the same, only no longer fresh.
printf 'Acquire::Languages "none";\nAcquire::Check-Valid-Until "false";\n' >>"$options"
# Backports come beside their release, and before it where they have something.
sources=("deb $mirror ${suite%-backports} main")
if [[ $suite == *-backports ]]; then
  sources+=("deb $mirror $suite main")
  printf 'APT::Default-Release "%s";\n' "$suite" >>"$options"
fi

mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" --aptopt="$options" \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/i18n/*' \
  "${suite%-backports}" "$destination.part" "${sources[@]}"

cd "$destination.part"
rm -rf etc/resolv.conf etc/hostname var/cache/apt/*.bin var/lib/apt/lists/*
: >etc/machine-id
printf '127.0.0.1 localhost\n::1 localhost\n' >etc/hosts
mkdir -p usr/lib/opencode-supervisor
ln -s "../lib/opencode-supervisor/$node" usr/bin/node
ln -s "../lib/opencode-supervisor/$opencode" usr/bin/opencode
# A machine lives for a minute and has no terminal, no disk and nobody who logs in (first line), and shares its kernel
# with the host, whose settings are not its business (the others).
for unit in getty.target systemd-logind.service systemd-firstboot.service remote-fs.target timers.target \
  systemd-sysctl.service systemd-binfmt.service systemd-modules-load.service systemd-random-seed.service \
  systemd-pstore.service kmod-static-nodes.service proc-sys-fs-binfmt_misc.automount modprobe@.service \
  dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount; do
  ln -sf /dev/null "etc/systemd/system/$unit"
done
ln -sf /usr/lib/systemd/system/multi-user.target etc/systemd/system/default.target
touch -r usr etc/.updated var/.updated # ConditionNeedsUpdate=: nothing to do at boot

rm "$options"
mv "$destination.part" "$destination"
