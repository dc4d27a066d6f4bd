# An instance sees its project, its state and what it was given; it writes where it may, and connects where it may.
ask alpha 'touch /srv/alpha/mine ~/mine /srv/shared/mine /tmp/mine'
[ -e /srv/alpha/mine ] && [ -e $STATE/alpha/mine ] && [ -e /srv/shared/mine ]
[ ! -e /tmp/mine ] || fail "/tmp is not private"
[ "$(ask alpha 'cat /srv/reference/review.md')" = Review. ]
refused alpha 'touch /srv/reference/mine'
for path in /srv/beta $STATE/beta /root /run/secrets/alpha.env /etc/opencode /etc/shadow /var/log /run/opencode-supervisor/credentials; do
  refused alpha "ls $path"
done
refused alpha 'touch /etc/mine'
refused alpha 'touch /nix/store/mine'
ask alpha 'test -S /run/allowed.sock'
refused alpha 'test -e /run/denied.sock'
