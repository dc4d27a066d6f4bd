# Paths of the host that instances are given: src/spec/checks/paths.ts, which says why. For each path the first rule that
# finds something speaks.
{ lib, text, tables }@args:
let
  inherit (text) quote;
  usesOf = import ./path-uses.nix args;

  below = top: if top == "/" then "/" else "${top}/";
  isBelow = path: top: path != top && lib.hasPrefix (below top) path;
  relation = path: other: if path == other then "is" else if isBelow path other then "lies in" else "contains";

  # Every directory above a path, nearest first.
  ancestors =
    path:
    let
      parts = lib.tail (lib.splitString "/" path);
      above = n: "/" + lib.concatStringsSep "/" (lib.take n parts);
    in
    lib.optionals (path != "/") (map above (lib.reverseList (lib.range 0 (lib.length parts - 1))));

  # What is wrong with a path for what it is; null when nothing is.
  protectedFault =
    { kind, path, ... }:
    let
      faultOf =
        row:
        if !lib.elem kind row.against then
          null
        else if path == row.path then
          row.because
        else if isBelow row.path path then
          "contains ${row.path}, which ${row.because}"
        else if row.scope == "tree" && isBelow path row.path then
          "lies in ${row.path}, which ${row.because}"
        else
          null;
    in
    lib.findFirst (fault: fault != null) null (map faultOf tables.protectedPaths);

  problem = use: what: fix: {
    inherit (use) instance field;
    inherit what fix;
  };
  naming =
    use: other:
    if use.instance == other.instance then
      "this instance's ${other.field}"
    else
      "the ${other.field} of instance ${quote other.instance}";
in
instances:
let
  uses = map (use: use // { refusal = protectedFault use; }) (
    lib.concatLists (lib.mapAttrsToList usesOf instances)
  );
  # What is refused for what it is counts for nothing: it is never bound.
  writers = lib.filter (use: lib.elem use.kind [ "write" "state" ] && use.refusal == null) uses;
  byPath = lib.groupBy (use: use.path);
  writersAt = byPath writers;
  statesAt = byPath (lib.filter (use: use.kind == "state") writers);
  homes = lib.groupBy (use: use.instance) (lib.filter (use: lib.elem use.field [ "directory" "stateDir" ]) writers);
  # States by every directory above them.
  statesBelow = lib.groupBy (entry: entry.above) (
    lib.concatMap (state: map (above: { inherit above state; }) (ancestors state.path)) (
      lib.concatLists (lib.attrValues statesAt)
    )
  );
  on = index: path: index.${path} or [ ];
  above = index: path: lib.concatMap (on index) (ancestors path);
  others = use: lib.filter (other: other.instance != use.instance);

  system =
    use:
    let
      states = others use (on statesAt use.path ++ above statesAt use.path);
      state = lib.head states;
      how = if states == [ ] then use.refusal else "${relation use.path state.path} ${naming use state}";
    in
    lib.optional (use.refusal != null) (
      problem use "${quote use.path} ${how}" "write a path that is this instance's alone"
    );

  apart =
    use:
    let
      other = lib.findFirst (home: home.field != use.field) null (homes.${use.instance} or [ ]);
      overlaps = use.path == other.path || isBelow use.path other.path || isBelow other.path use.path;
    in
    lib.optional (lib.elem use.field [ "directory" "stateDir" ] && other != null && overlaps) (
      problem use "${quote use.path} ${relation use.path other.path} ${naming use other}"
        "keep the project and the state in separate trees"
    );

  privacy =
    use:
    let
      states = others use (
        on statesAt use.path ++ above statesAt use.path ++ map (entry: entry.state) (on statesBelow use.path)
      );
    in
    lib.optionals (use.kind != "secret") (
      lib.concatMap (state: [
        (problem use "${quote use.path} ${relation use.path state.path} ${naming use state}"
          "write a path outside the state of other instances"
        )
        (problem state "${quote state.path} is reached by ${naming state use}, ${quote use.path}"
          "keep the two apart"
        )
      ]) states
    );

  # Of whom the path itself, not only what is above it, must be out of reach.
  isSame =
    use: writer:
    {
      config = true;
      secret = true;
      share = writer.instance == use.instance;
    }
    .${use.kind} or false;

  links =
    use:
    lib.concatMap (
      writer:
      let
        how = if use.path == writer.path then "is" else "lies in";
        mine =
          problem use
            "${quote use.path} ${how} ${naming use writer}, which the instance can write: it could put a link to anything there"
            "write a path outside ${quote writer.path}";
        theirs =
          problem writer
            "${quote writer.path} can be written by this instance and holds ${naming writer use}, ${quote use.path}"
            "keep the two apart";
      in
      [ mine ] ++ lib.optional (writer.instance != use.instance) theirs
    ) (lib.filter (isSame use) (on writersAt use.path) ++ above writersAt use.path);

  firstOf = use: lib.findFirst (found: found != [ ]) [ ] (map (rule: rule use) [ system apart privacy links ]);
in
lib.concatMap firstOf uses
