# What report.jq gives, as lines of cells with tabs between: of the topology $topology, systems in the order of $systems.
def text: if . >= 100 then round elif . >= 0.1 then . * 100 | round / 100 else . end | tostring;
def cell: if . == null then "-" else
  "\(.median | text) (\(.least | text)..\(.most | text))" + if .met == false then " *" else "" end end;
def loops_cell: if . == null then "-" else
  "\(.with_a_loop) of \(.events)" + (if .packets > 0 then ", \(.packets) packets" else "" end) + if .met == false then " *" else "" end end;
def target: if .target == null then "-" else "<= \(.target)" end;

["cold", "down", "silent", "machine", "process", "idle"] as $columns
| ["system", "cold start, s", "link down, s", "silent cut, s", "machine dies, s", "process killed, s", "idle, bytes/s/node", "events with a loop"],
  (.[] | select(.topology == $topology) | .systems as $all
   | $systems | split(" ")[] as $name | $all[] | select(.system == $name)
   | [.system, (.columns[$columns[]] | cell), (.loops | loops_cell)],
     (select(.system | startswith("slow-")) | ["  target", (.columns[$columns[]] | target), (.loops | target)]))
| join("\t")
