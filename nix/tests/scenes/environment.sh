# Required values, then environment, then environmentFile; no secret where others can read it.
[ "$(ask alpha 'echo $OPENCODE_FOO')" = bar ]
[ "$(ask alpha 'echo $OPENCODE_DISABLE_AUTOUPDATE')" = 1 ]
[ "$(ask alpha 'echo $API_BASE $TOKEN')" = "https://secret-override secret" ]
if systemctl show opencode-alpha.service | grep secret-override >/dev/null; then fail "a secret is in the unit's properties"; fi
if grep -rqs secret-override /etc/opencode /etc/systemd/system; then fail "a secret is below /etc"; fi
