# A host with `count` instances, evaluated as far as it is built: for the speed of it.
{
  lib ? import <nixpkgs-lib>,
  count,
}:
let
  instances = lib.listToAttrs (
    lib.genList (
      index:
      lib.nameValuePair "project-${toString index}" {
        directory = "/srv/project-${toString index}";
        listen.port = 10000 + index;
        environment.INDEX = toString index;
        config.agent.reviewer.prompt = "Review.";
        networkIsolation = {
          enable = true;
          outboundAllowCidrs = [ "192.0.2.0/24" ];
        };
      }
    ) count
  );
  config = (import ./evaluate.nix { inherit lib; }).host [
    {
      services.opencode = {
        defaults.config.model = "a/b";
        inherit instances;
      };
    }
  ];
in
builtins.stringLength (builtins.toJSON config.services.opencode.instanceFile)
