# The two projects of the demo.
{ imports = [ ../../examples/two-projects.nix ]; }
