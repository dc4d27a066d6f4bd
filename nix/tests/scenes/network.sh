# An isolated instance reaches what it is allowed; a refusal is in the log with instance and destination.
tries() { ask "$1" "timeout 2 bash -c 'exec 3<>/dev/tcp/$2/9' 2>&1; true"; }
since=$(date +%s)
case $(tries beta 192.0.2.200) in
*refused* | *unreachable* | *permitted* | *prohibited* | *"No route"*) ;;
*) fail "beta is not refused 192.0.2.200: $(tries beta 192.0.2.200)" ;;
esac
logged() { journalctl -k --since="@$since" -o cat | grep 'opencode-beta-blocked: .*DST=192\.0\.2\.200 ' >/dev/null; }
until_so "the refusal in the kernel's log" logged
tries beta 192.0.2.20 >/dev/null
if journalctl -k --since="@$since" -o cat | grep 'opencode-beta-blocked: .*DST=192\.0\.2\.20 ' >/dev/null; then
  fail "beta is refused what it is allowed"
fi
tries alpha 192.0.2.200 >/dev/null
if journalctl -k --since="@$since" -o cat | grep 'opencode-alpha-blocked' >/dev/null; then fail "alpha is not isolated"; fi
nft list table inet opencode_supervisor >/dev/null
