{
  description = "Many opencode servers on one host: isolated, observed, and told plainly what they may not reach";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-25.11";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      eachSystem = f: lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
      examples = lib.mapAttrs' (file: _: lib.nameValuePair (lib.removeSuffix ".nix" file) ./nix/examples/${file}) (
        builtins.readDir ./nix/examples
      );
    in
    {
      nixosModules = {
        opencode = ./nix/module.nix;
        default = ./nix/module.nix;
      }
      // lib.mapAttrs' (name: lib.nameValuePair "example-${name}") examples;

      lib = import ./nix/lib.nix { inherit lib; };

      overlays.default = final: _previous: {
        opencode-supervisor = final.callPackage ./nix/package.nix { };
      };

      packages = eachSystem (pkgs: rec {
        opencode-supervisor = pkgs.callPackage ./nix/package.nix { };
        default = opencode-supervisor;
      });

      checks = eachSystem (
        pkgs:
        import ./nix/checks-of-flake.nix {
          inherit nixpkgs pkgs examples;
          package = self.packages.${pkgs.stdenv.hostPlatform.system}.default;
          formatter = self.formatter.${pkgs.stdenv.hostPlatform.system};
          source = self;
        }
      );

      formatter = eachSystem (pkgs: pkgs.callPackage ./nix/formatter.nix { });

      devShells = eachSystem (pkgs: {
        default = pkgs.callPackage ./nix/dev-shell.nix {
          formatter = self.formatter.${pkgs.stdenv.hostPlatform.system};
        };
      });
    };
}
