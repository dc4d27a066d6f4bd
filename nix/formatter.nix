# `nix fmt`: nixfmt, and what statix and deadnix find.
{
  treefmt,
  nixfmt-rfc-style,
  statix,
  deadnix,
  writeShellApplication,
}:
let
  # statix takes one file at a time.
  statix-each = writeShellApplication {
    name = "statix-each";
    runtimeInputs = [ statix ];
    text = ''
      for file; do statix fix -- "$file"; done
    '';
  };
in
treefmt.withConfig {
  runtimeInputs = [
    nixfmt-rfc-style
    statix-each
    deadnix
  ];
  settings = {
    on-unmatched = "info";
    formatter = {
      deadnix = {
        command = "deadnix";
        options = [ "--edit" ];
        includes = [ "*.nix" ];
        priority = 1;
      };
      statix = {
        command = "statix-each";
        includes = [ "*.nix" ];
        priority = 2;
      };
      nixfmt = {
        command = "nixfmt";
        includes = [ "*.nix" ];
        priority = 3;
      };
    };
  };
}
