# What the scenes share. Each scene is one shell text: this file and its own; it fails at the first thing that is not so.
set -euo pipefail
STATE=/var/lib/opencode/instance-state

fail() { echo "FAIL: $*" >&2; exit 1; }

# until_so WHAT COMMAND…: waits half a minute at most.
until_so() {
  local what=$1
  shift
  for _ in $(seq 300); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  fail "$what"
}

# ask INSTANCE TEXT: runs shell text inside the instance, as its agent would; prints what it says, and succeeds if it does.
ask() {
  local project=/srv/$1 answer
  rm -f "$project/answer"
  printf '%s\n' "$2" >"$project/ask.new"
  mv "$project/ask.new" "$project/ask"
  until_so "an answer of $1" test -e "$project/answer"
  answer=$(cat "$project/answer")
  echo "${answer%$'\n'*}"
  [ "${answer##*$'\n'}" = 0 ]
}
refused() { if ask "$1" "$2" >/dev/null; then fail "$1 may: $2"; fi; }

pid() { systemctl show --value -p MainPID "opencode-$1.service"; }
runs() { [ "$(pid "$1")" != 0 ]; }
