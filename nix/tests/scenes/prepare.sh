# Projects, secrets and what is shared; then the supervisor is told.
for name in alpha beta broken; do
  install -d -o "opencode-$name" -g "opencode-$name" "/srv/$name"
  cat >"/srv/$name/serve" <<'SERVE'
trap 'exit 0' TERM
while :; do
  if [ -e ask ]; then
    { sh ./ask 2>&1 && echo 0 || echo 1; } >answer.new
    rm -f ask
    mv answer.new answer
  fi
  sleep 0.05
done
SERVE
done
install -d -o opencode-alpha /srv/shared
install -d /srv/reference /run/secrets
echo 'Review.' >/srv/reference/review.md
printf 'API_BASE=https://secret-override\nTOKEN=secret\n' >/run/secrets/alpha.env
chmod 600 /run/secrets/alpha.env
for socket in allowed denied; do
  systemctl is-active -q "socket-$socket.socket" ||
    systemd-run -q --unit="socket-$socket" --socket-property="ListenStream=/run/$socket.sock" --socket-property=Accept=yes true
done
# A network in which nobody answers.
ip link show scene0 >/dev/null 2>&1 || ip link add scene0 type veth peer name scene1
ip addr replace 192.0.2.1/24 dev scene0
ip link set scene0 up
ip link set scene1 up
systemctl start opencode.target
opencode-supervisor reload || true
until_so "alpha to run" runs alpha
until_so "beta to run" runs beta
