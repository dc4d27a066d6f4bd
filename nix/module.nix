# services.opencode: opencode servers for unattended use, each in a sandbox of its own. See docs/nixos.md.
{
  imports = [
    ./options.nix
    ./assertions.nix
    ./render.nix
    ./host.nix
    ./monitoring.nix
  ];
}
