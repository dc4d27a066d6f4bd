# What runs in the first generation.
for name in same changed policy removed disabled; do until_so "$name to run" runs $name; done
for name in added broken; do if runs $name; then fail "$name runs"; fi; done
nft list table inet opencode_supervisor | grep '192\.0\.2\.0/25' >/dev/null
