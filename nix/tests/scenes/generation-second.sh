# What runs in the second.
for name in same changed policy added; do until_so "$name to run" runs $name; done
stopped() { ! runs removed && ! runs disabled; }
until_so "removed and disabled to stop" stopped
if runs broken; then fail "broken runs"; fi
nft list table inet opencode_supervisor | grep '198\.51\.100\.0/24' >/dev/null
