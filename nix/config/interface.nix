# The terminal client's options. A server has no use for them; they are here because they have always been in this file.
{ lib, ... }:
let
  inherit (lib) types;
  t = import ./types.nix { inherit lib; };
in
{
  options = {
    theme = t.option types.str "Theme.";
    keybinds = t.option (types.attrsOf types.str) "Keys by action.";
    layout = t.option (types.enum [
      "auto"
      "stretch"
    ]) "Layout.";
    tui = t.object "Terminal client." {
      theme = t.option types.str "Theme.";
      scroll_speed = t.option types.number "Lines for each turn of the wheel.";
      diff_style = t.option (types.enum [
        "auto"
        "stacked"
      ]) "How changes are shown.";
    };
  };
}
