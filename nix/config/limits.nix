# How much of the context is kept and shown, and what is experimental.
{ lib, ... }:
let
  inherit (lib) types;
  t = import ./types.nix { inherit lib; };
in
{
  options = {
    compaction = t.object "How long sessions are made shorter." {
      auto = t.option types.bool "When the context is full.";
      prune = t.option types.bool "Drop old output of tools.";
      tail_turns = t.option t.count "Last turns that stay as they are.";
      preserve_recent_tokens = t.option t.count "Last tokens that stay as they are.";
      reserved = t.option t.count "Tokens kept free for it.";
    };
    tool_output = t.object "Output of tools that the model sees." {
      max_lines = t.option types.ints.positive "Most lines.";
      max_bytes = t.option types.ints.positive "Most bytes.";
    };
    experimental = t.object "Experimental features." {
      disable_paste_summary = t.option types.bool "Show what is pasted in full.";
      batch_tool = t.option types.bool "Several tool calls at once.";
      openTelemetry = t.option types.bool "Traces.";
      primary_tools = t.option t.strings "Tools of primary agents only.";
      continue_loop_on_deny = t.option types.bool "Go on when a tool call is denied.";
      mcp_timeout = t.option types.ints.positive "Milliseconds a request to an MCP server may take.";
      policies = t.option (types.listOf (types.attrsOf t.json)) "Policies on providers.";
    };
  };
}
