# The results, a line each: topology, system, column, value, packets that ran out of hops ("-" = not looked at). Gives what
# --json writes; table.jq makes the table of it. Times in seconds, idle in bytes/s. The targets are of the medians.
# Idle: 350 for each link, of which a node has 2 in the ring and 3 in the grid.
def targets($topology; $system):
  {"cold": 1.5, "down": 0.15, "silent": 0.8, "machine": 0.8, "process": 0.8, "idle": (if $topology == "grid" then 1050 else 700 end)}
  + if $system | endswith("+data") then {"silent": 0.5, "machine": 0.5, "process": 0.5} else {} end;

def median: sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2 * 1000 | round / 1000;

def summary($target):
  {"median": median, "least": min, "most": max, "times": length}
  | if $target == null then . else . + {"target": $target, "met": (.median <= $target)} end;

def loops($target):
  {"events": length, "with_a_loop": (map(select(. != "0")) | length), "packets": (map(tonumber) | add // 0)}
  | if $target == null then . else . + {"target": $target, "met": (.with_a_loop <= $target)} end;

def system:
  .[0].topology as $topology
  | .[0].system as $name
  | ($name | startswith("slow-")) as $ours
  | {"system": $name,
     "columns": (group_by(.column) | map({
       "key": .[0].column,
       "value": (.[0].column as $column | map(.value) | summary(if $ours then targets($topology; $name)[$column] else null end))
     }) | from_entries)}
  + (map(.loops | select(. != "-")) | if length == 0 then {} else {"loops": loops(if $ours then 0 else null end)} end);

[inputs | split(" ") | {"topology": .[0], "system": .[1], "column": .[2], "value": (.[3] | tonumber), "loops": .[4]}]
| group_by(.topology)
| map({"topology": .[0].topology, "systems": (group_by(.system) | map(system))})
