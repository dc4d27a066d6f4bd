# HOME is the state directory, closed to others, at a stable place that can be archived and put back.
[ "$(ask alpha 'echo $HOME')" = $STATE/alpha ]
[ "$(stat -c '%U %a' $STATE/alpha)" = "opencode-alpha 700" ]
ask alpha 'mkdir -p ~/.local/share/opencode && echo kept > ~/.local/share/opencode/kept'
refused beta "cat $STATE/alpha/.local/share/opencode/kept"
[ ! -e /srv/alpha/.local ] || fail "state is in the project"
systemctl stop opencode-alpha.service opencode-alpha-setup.service
tar -C / -cpf /root/alpha.tar ${STATE#/}/alpha
rm -rf $STATE/alpha
tar -C / -xpf /root/alpha.tar
opencode-supervisor start alpha
until_so "alpha to run" runs alpha
[ "$(ask alpha 'cat ~/.local/share/opencode/kept')" = kept ]
