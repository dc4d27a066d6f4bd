# Providers and their models.
{ lib, ... }:
let
  inherit (lib) types;
  t = import ./types.nix { inherit lib; };
  patience = types.either types.ints.positive (types.enum [ false ]);
  media = types.listOf (
    types.enum [
      "text"
      "audio"
      "image"
      "video"
      "pdf"
    ]
  );
  model = {
    id = t.option types.str "Name of the model at the provider.";
    name = t.option types.str "Name that is shown.";
    family = t.option types.str "Family of the model.";
    release_date = t.option types.str "Date of its release.";
    attachment = t.option types.bool "Whether files can be attached.";
    reasoning = t.option types.bool "Whether it reasons.";
    temperature = t.option types.bool "Whether it takes a temperature.";
    tool_call = t.option types.bool "Whether it calls tools.";
    interleaved = t.option (types.oneOf [
      types.bool
      types.str
      (types.attrsOf types.str)
    ]) "Whether reasoning and tools alternate, and in which field.";
    cost = t.option (types.attrsOf t.json) "Prices for a million tokens: `input`, `output`, …";
    limit = t.object "Most tokens." {
      context = t.option t.count "Of the whole context.";
      input = t.option t.count "Of what is put in.";
      output = t.option t.count "Of an answer.";
    };
    modalities = t.object "What goes in and comes out." {
      input = t.option media "What goes in.";
      output = t.option media "What comes out.";
    };
    experimental = t.option types.bool "Whether it is experimental.";
    status = t.option (types.enum [
      "alpha"
      "beta"
      "deprecated"
      "active"
    ]) "State of the model.";
    provider = t.option (types.attrsOf t.json) "Where this model has another `npm` package or `api`.";
    options = t.option (types.attrsOf t.json) "Options of the provider's package.";
    headers = t.option t.stringMap "Headers of its requests.";
    variants = t.option (types.attrsOf (types.attrsOf t.json)) "Variants by name.";
  };
in
{
  options = {
    provider = t.objects "Providers by name." {
      api = t.option types.str "Address of the API.";
      name = t.option types.str "Name that is shown.";
      env = t.option t.strings "Environment variables that hold its key.";
      id = t.option types.str "Id, where it is not the name here.";
      npm = t.option types.str "Package that speaks to it, such as `@ai-sdk/openai-compatible`.";
      whitelist = t.option t.strings "Models to offer, and no others.";
      blacklist = t.option t.strings "Models not to offer.";
      options = t.object "Options of the provider's package." {
        apiKey = t.option types.str ''Key. Write "{env:NAME}" and put NAME in `environmentFile`: this file can be read by everybody.'';
        baseURL = t.option types.str "Address of the API.";
        enterpriseUrl = t.option types.str "Address of an enterprise server.";
        setCacheKey = t.option types.bool "Send a key for the prompt cache.";
        timeout = t.option patience "Milliseconds a request may take, or false.";
        headerTimeout = t.option patience "Milliseconds until an answer begins, or false.";
        chunkTimeout = t.option patience "Milliseconds between parts of an answer, or false.";
      };
      models = t.objects "Models by name; `{ }` takes one as the provider has it." model;
    };
    enabled_providers = t.option t.strings "Providers to use, and no others.";
    disabled_providers = t.option t.strings "Providers not to use.";
    model = t.option types.str "Model, `provider/model`.";
    small_model = t.option types.str "Model for small things such as titles.";
  };
}
