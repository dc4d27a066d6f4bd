# Two instances, each with its process, user and state; what happens to one does not touch the other.
[ "$(systemctl show --value -p User opencode-alpha.service)" = opencode-alpha ]
[ "$(systemctl show --value -p User opencode-beta.service)" = opencode-beta ]
alpha=$(pid alpha) beta=$(pid beta)
systemctl restart opencode-alpha.service
until_so "alpha to run again" runs alpha
[ "$(pid alpha)" != "$alpha" ] || fail "alpha was not restarted"
alpha=$(pid alpha)
kill -KILL "$alpha"
again() { runs alpha && [ "$(pid alpha)" != "$alpha" ]; }
until_so "alpha to come back after it was killed" again
[ "$(pid beta)" = "$beta" ] || fail "beta was restarted"
[ "$(ask alpha 'ls /proc | grep -c "^[0-9]"')" -lt 12 ] || fail "alpha sees processes of others"
refused alpha "kill -0 $beta"
