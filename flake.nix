{
  description = "Many opencode servers on one host: isolated, observed, and told plainly what they may not reach";
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-25.11";
  outputs = { self, nixpkgs }: {
    nixosModules = rec { opencode = ./nix/module.nix; default = opencode; };
  };
}
