#!/bin/bash
# The outer process of one disposable machine: it makes the machine's record and cgroup, starts its PID 1 in new
# namespaces, and takes all of it away again when the owner is gone (stdin at its end), on SIGTERM, or when the machine
# stops by itself. Started by testbed/machine.ts:
#   guard.sh run RECORDS NAME OWNER CGROUP IMAGE TREE   OWNER is a pid, or "none" for a machine made by hand
#   guard.sh sweep RECORDS                              clears the records whose guard is dead
# A record is RECORDS/NAME/{lock,guard,owner,cgroup,pid}; a living guard holds `lock`, so nothing here trusts a pid.
set -euo pipefail
shopt -s nullglob
here=$(dirname "$(realpath "$0")")
action=$1 records=$2

# Ends every process in the machine's cgroup, removes the cgroup, then the record ($1).
clear_record() {
  local cgroup
  cgroup=$(cat "$1/cgroup" 2>/dev/null || true)
  if [[ $cgroup == */opencode-testbed-* && -d $cgroup ]]; then
    echo 1 >"$cgroup/cgroup.kill"
    for _ in {1..500}; do
      find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null && break
      sleep 0.02
    done
  fi
  rm -rf "$1"
}

# Call with the lock of all records held, so that no record is half made.
sweep() {
  for record in "$records"/*/; do
    exec 7>>"$record/lock"
    if flock --nonblock 7; then clear_record "${record%/}"; fi
    exec 7>&-
  done
}

mkdir -p "$records"
exec 8>>"$records/.lock"
flock 8
sweep
[[ $action == run ]] || exit 0

name=$3 owner=$4 cgroup=$5 image=$6 tree=$7
record=$records/$name
mkdir "$record" 2>/dev/null || { echo "a machine named $name exists already" >&2; exit 1; }
exec 9>"$record/lock"
flock 9
exec 8>&-
echo "$cgroup" >"$record/cgroup"
echo "$owner" >"$record/owner"
echo $$ >"$record/guard"
trap 'clear_record "$record"' EXIT
trap 'exit 0' TERM INT HUP
mkdir "$cgroup"
# A packet logged in a machine is in no "first" network namespace; without this the kernel keeps it to itself.
echo 1 2>/dev/null >/proc/sys/net/netfilter/nf_log_all_netns || true

exec 3<&0
setpriv --pdeathsig KILL -- unshare --mount --pid --fork --kill-child --net --uts --ipc -- \
  bash "$here/init.sh" join "$record" "$cgroup" "$image" "$tree" "$name" 3<&- 9>&- </dev/null &
machine=$!
if [[ $owner == none ]]; then
  wait "$machine"
else
  cat <&3 >/dev/null 9>&- &
  wait -n || true # the machine has stopped, or the owner is gone
fi
