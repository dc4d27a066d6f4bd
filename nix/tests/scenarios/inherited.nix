# Defaults in a file of their own.
{ name, ... }:
{
  imports = [ { environment.A = "imported"; } ];
  stateDir = "/srv/state/${name}";
}
