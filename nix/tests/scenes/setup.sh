# Hooks before and after, the config by a link, files beside it; again, nothing changes; a failing hook keeps main from starting.
[ "$(head -n 2 $STATE/alpha/order | tr '\n' ' ')" = "pre post " ]
config=$STATE/alpha/.config/opencode/opencode.json
case $(readlink $config) in /nix/store/*) ;; *) fail "the config is no link into the store" ;; esac
grep -q '"model":"local/coder"' $config
[ "$(cat $STATE/alpha/.config/opencode/agent/review.md)" = Review. ]
refused alpha "echo '{}' > $config"
tree() { find $STATE/beta /srv/beta -not -name order -not -name '.new*' -printf '%p %y %m %u %l %T@\n' | sort; }
systemctl stop opencode-beta.service
before=$(tree)
systemctl restart opencode-beta-setup.service
[ "$(tree)" = "$before" ] || fail "setup changed something when it ran again"
opencode-supervisor start beta
until_so "beta to run" runs beta
systemctl is-failed -q opencode-broken-setup.service || fail "the hook's failure is not setup's"
if runs broken; then fail "broken runs although its setup failed"; fi
