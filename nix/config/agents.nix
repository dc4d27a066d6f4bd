# Agents, commands, skills, and what agents may do.
{ lib, ... }:
let
  inherit (lib) types;
  t = import ./types.nix { inherit lib; };
  agent = {
    model = t.option types.str "Model of this agent, `provider/model`.";
    variant = t.option types.str "Variant of the model.";
    temperature = t.option types.number "Randomness of the answers.";
    top_p = t.option types.number "Share of the likeliest words to choose from.";
    prompt = t.option types.str "System prompt.";
    description = t.option types.str "When to use this agent: read by the other agents.";
    mode = t.option (types.enum [
      "subagent"
      "primary"
      "all"
    ]) "Whether people, other agents, or both use it.";
    disable = t.option types.bool "Take this agent away.";
    hidden = t.option types.bool "Do not list this agent.";
    options = t.option (types.attrsOf t.json) "Options of the provider.";
    color = t.option types.str "Colour, `#ff5733` or one of the theme's.";
    steps = t.option types.ints.positive "Most steps of one turn.";
    maxSteps = t.option types.ints.positive "Older name of `steps`.";
    tools = t.option (types.attrsOf types.bool) "Tools that are switched on or off. Newer: `permission`.";
    permission = t.option t.permission "What this agent may do.";
  };
in
{
  options = {
    agent = t.objects "Agents by name; `build`, `plan`, `general`, `explore` are there already." agent;
    mode = t.objects "Older name of `agent`." agent;
    command = t.objects "Commands by name." {
      template = t.option types.str "Prompt; `$ARGUMENTS` stands for what follows the command.";
      description = t.option types.str "What the command does.";
      agent = t.option types.str "Agent that carries it out.";
      model = t.option types.str "Model to use.";
      variant = t.option types.str "Variant of the model.";
      subtask = t.option types.bool "Carry it out in a session of its own.";
    };
    skills = t.object "Where skills come from besides the usual places." {
      paths = t.option t.strings "Directories that are searched for `SKILL.md`.";
      urls = t.option t.strings "Addresses that serve a list of skills.";
    };
    permission = t.option t.permission ''
      What agents may do: one action, or one for each tool, or patterns of a tool. Keys are written in the order of the
      alphabet, so that `*` comes first; the last one that matches decides. Nobody answers an `ask` of an unattended server.
    '';
    tools = t.option (types.attrsOf types.bool) "Tools that are switched on or off. Newer: `permission`.";
    instructions = t.option t.strings "Files with instructions for all agents.";
    default_agent = t.option types.str "Agent that is used when none is named.";
    subagent_depth = t.option t.count "How deep agents may start other agents.";
  };
}
