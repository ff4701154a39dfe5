// The charts of the report: small, so that the page needs no library. Whatever comes from a topology or a command line is
// put in as text, never as markup.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
for (const run of data.topologies.flatMap((t) => t.runs ?? [])) { // the cold start has a chart of its own
  run.events = run.events.filter((e) => e.kind !== "cold-start");
  run.figures.events = run.figures.events.filter((e) => e.kind !== "cold-start");
}
const SVG = document.querySelector("svg").namespaceURI;
const DASHES = ["", "9 4", "2.5 3.5", "12 4 2.5 4", "5 3", "16 5"];
const colour = (i) => `var(--s${i % 6})`;

function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
function draw(parent, name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

// ---- numbers for people

const UNKNOWN = "–";
const digits = (x) => (x === 0 ? "0" : x < 10 ? x.toFixed(1) : Math.round(x).toLocaleString("en"));
const known = (format) => (x) => (x === null || x === undefined ? UNKNOWN : format(x));
const ms = known((x) => (x >= 10000 ? digits(x / 1000) + " s" : digits(x) + " ms"));
const bytes = known((x) =>
  x >= 1e6 ? (x / 1e6).toFixed(x < 1e7 ? 1 : 0) + " MB" : x >= 1e3 ? (x / 1e3).toFixed(x < 1e4 ? 1 : 0) + " kB" : Math.round(x) + " B");
const count = known((x) => Math.round(x).toLocaleString("en"));
const percent = known((x) => Math.round(x * 100) + " %");
const factor = known((x) => x.toFixed(x < 10 ? 3 : 1));
const decimal = known(digits);

// ---- what is chosen

const chosen = { topology: 0, event: 0, strategy: 0, number: 0 };
const topology = () => data.topologies[chosen.topology];
const runs = () => topology().runs;
const events = () => runs()[0].events;
const eventOf = (run) => run.events[chosen.event];
const figuresOf = (run) => run.figures.events[chosen.event];
const caseOf = (run) => eventOf(run).cases[chosen.number];

function options(select, names, value, then) {
  select.replaceChildren(...names.map((name, i) => make("option", { value: i }, name)));
  select.value = value;
  select.onchange = () => then(Number(select.value));
}

// ---- what it shows, in words

/* What looks the same is the same. */
function best(values, format, better) {
  const there = values.filter((x) => x !== null && x !== undefined), top = better === "more" ? Math.max(...there) : Math.min(...there);
  const winners = values.map((x) => x !== null && x !== undefined && format(x) === format(top));
  return { winners, all: winners.every(Boolean) };
}
function listed(names) {
  return names.length < 2 ? names.join("") : names.slice(0, -1).join(", ") + " and " + names[names.length - 1];
}
/* "What: best 0 ms, next 7 ms", and of equal ones first who is better `behind`; null when nobody has a figure. */
function ranking(what, values, format, behind) {
  const shown = (i) => format(values[i]) + (behind ? ` (${format(behind[i])})` : "");
  const order = runs().map((_, i) => i).filter((i) => values[i] !== null && values[i] !== undefined);
  if (order.length === 0) return null;
  order.sort((i, k) => values[i] - values[k] || (behind ? behind[i] - behind[k] : 0));
  const all = order.length > 1 && order.every((i) => shown(i) === shown(order[0]));
  return make("li", {}, `${what}: `,
    make("b", {}, all ? `${shown(order[0])} with each` : order.map((i) => `${runs()[i].figures.routing} ${shown(i)}`).join(", ")), ".");
}
const COPY_BYTES = 100;
/* After how many messages copies cost more than the words that they save: of who sends many, against who says least without. */
function priceOfCopies() {
  const crossed = (r) => r.figures.transmissions_per_package, said = (r) => figuresOf(r)?.bytes_median;
  const known = runs().filter((r) => Number.isFinite(crossed(r)) && Number.isFinite(said(r)));
  const least = Math.min(...known.map(crossed)), frugal = known.filter((r) => crossed(r) < least * 1.5).sort((a, b) => said(a) - said(b))[0];
  return known.filter((r) => crossed(r) >= least * 1.5).map((r) => {
    const more = crossed(r) - crossed(frugal), messages = Math.ceil((said(frugal) - said(r)) / (more * COPY_BYTES));
    return make("li", {}, `${r.figures.routing} pays with every message: ${decimal(more)} links more than ${frugal.figures.routing}. ` +
      (messages > 0 ? `At ${COPY_BYTES} bytes a copy, ${count(messages)} ${messages === 1 ? "message costs" : "messages cost"} as much as all that ${frugal.figures.routing} says for one such event.`
        : "It saves no words for that."));
  });
}
function showVerdict() {
  const list = [];
  if (events().length > 0) {
    const e = figuresOf(runs()[0]);
    at("what").textContent = `Measured: ${eventOf(runs()[0]).title}; ${count(e.count)} times, ` +
      (e.splits > 0 ? `${count(e.splits)} of which split the network and are left out of the times.` : "each from a network at rest.");
    list.push(ranking("Whole again after the failure was noticed, in the median (and at the longest)", runs().map((r) => figuresOf(r).recovery_ms_median), ms,
      runs().map((r) => figuresOf(r).recovery_ms_max)),
      ranking("Said by all junctions together for it, in the median", runs().map((r) => figuresOf(r).bytes_median), bytes));
  } else {
    at("what").textContent = "Measured: a cold start, and what holds at rest after it.";
    list.push(ranking("All pairs reach each other, when all links are up, after", runs().map((r) => r.figures.cold_start_ms), ms),
      ranking("Said by all junctions together until then and after", runs().map((r) => r.figures.cold_start_bytes), bytes));
  }
  list.push(ranking("Links that each message crosses, with all its copies", runs().map((r) => r.figures.transmissions_per_package), decimal),
    ...(events().length > 0 ? priceOfCopies() : []));
  const loops = runs().filter((r) => r.figures.loops > 0).map((r) => `${r.figures.routing} (${count(r.figures.loops)} times)`);
  list.push(make("li", {}, loops.length === 0 ? "No next hops ever led in a circle, at any moment."
    : `For moments next hops led in a circle with ${listed(loops)}${loops.length < runs().length ? "; with the others never" : ""}.`));
  const failed = runs().filter((r) => r.figures.failure);
  if (failed.length === 0) list.push(make("li", {}, "Every check held, at every moment."));
  at("verdict").replaceChildren(...list.filter(Boolean),
    ...failed.map((r) => make("li", { class: "wrong" }, `${r.figures.routing} failed a check: ${r.figures.failure}`)));
  at("advice").hidden = runs().length < 2;
}

// ---- the table

const ROWS = [
  ["Cold start", "all links are up until all pairs reach each other", (r) => r.figures.cold_start_ms, ms, true],
  ["Whole again, median", "the failure is noticed until all connected pairs reach each other", (r) => figuresOf(r)?.recovery_ms_median, ms, true],
  ["Whole again, longest", "after the worst of the events", (r) => figuresOf(r)?.recovery_ms_max, ms, true],
  ["Noticed after", "the same for all strategies: the core does that", (r) => figuresOf(r)?.detection_ms_median, ms, false],
  ["Said for one event", "bytes between all junctions, median", (r) => figuresOf(r)?.bytes_median, bytes, true],
  ["Entries for one event", "words about a destination or a link, median", (r) => figuresOf(r)?.entries_median, count, true],
  ["Said for a cold start", "bytes between all junctions", (r) => r.figures.cold_start_bytes, bytes, true],
  ["Idle", "bytes a second that a junction sends when nothing happens", (r) => r.figures.idle_bytes_per_s, (x) => bytes(x) + "/s", true],
  ["Links a message crosses", "all copies counted, on average", (r) => r.figures.transmissions_per_package, decimal, true],
  ["Stretch, mean", "path taken : shortest path; 1 is shortest", (r) => r.figures.stretch_mean, factor, true],
  ["Stretch, largest", "of the worst pair", (r) => r.figures.stretch_max, factor, true],
  ["Pairs with an alternate", "a second next hop lies ready; higher is better", (r) => r.figures.alternates_cold, percent, "more"],
  ["Loops", "moments at which next hops led in a circle, in all that was measured", (r) => r.figures.loops, count, true],
  ["Missing · stale · not shortest", "routes, at rest after every event; 0 is right",
    (r) => r.figures.missing + r.figures.stale + r.figures.suboptimal,
    (x, r) => `${count(r.figures.missing)} · ${count(r.figures.stale)} · ${count(r.figures.suboptimal)}`, true],
  ["Memory", "of the strategy alone, a junction", (r) => r.figures.strategy_bytes_per_junction || null, bytes, true],
];
function head(names) {
  return make("thead", {}, make("tr", {}, ...names.map((n) => make("th", { scope: "col" }, n))));
}
function strategyKey(i) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "key");
  svg.setAttribute("viewBox", "0 0 26 10");
  svg.setAttribute("aria-hidden", "true");
  draw(svg, "line", { x1: 0, x2: 26, y1: 5, y2: 5, "stroke-width": 3, "stroke-dasharray": DASHES[i % 6], style: `stroke:${colour(i)}` });
  return svg;
}
function rowOf([name, help, value, format, better], list) {
  const values = list.map(value), b = best(values, (x) => format(x, list[0]), better);
  if (values.every((x) => x === null || x === undefined)) return [];
  const row = make("tr", {}, make("th", { scope: "row" }, name, make("small", {}, help)));
  list.forEach((r, i) => {
    const mark = name.startsWith("Missing") ? (values[i] > 0 ? "wrong" : "") : better && !b.all && b.winners[i] ? "best" : "";
    row.append(make("td", mark ? { class: mark } : {}, format(values[i], r)));
  });
  return [row];
}
function headOf(list) {
  const header = head(["", ...list.map((r) => r.figures.routing)]);
  [...header.querySelectorAll("th")].slice(1).forEach((th, i) => th.prepend(strategyKey(i)));
  return header;
}
const BEST = "Lower is better where nothing else is said; the best of a row is bold and green.";
function showTable() {
  at("table").replaceChildren(make("caption", {}, BEST), headOf(runs()), make("tbody", {}, ...ROWS.flatMap((row) => rowOf(row, runs()))));
}
/* The rows that a choice is made by, of all networks under each other. */
function showNetworks() {
  const several = data.topologies.filter((t) => t.runs.length > 0);
  at("networks-card").hidden = several.length < 2;
  if (several.length < 2) return;
  const wanted = ["Whole again, median", "Said for one event", "Said for a cold start", "Links a message crosses"];
  at("networks").replaceChildren(make("caption", {}, BEST), headOf(runs()), ...several.map((t) => make("tbody", {},
    make("tr", {}, make("th", { scope: "rowgroup", colspan: t.runs.length + 1, class: "group" }, t.name,
      make("small", {}, `${count(t.nodes.length)} junctions, ${count(t.links.length)} links`))),
    ...ROWS.filter((row) => wanted.includes(row[0])).flatMap((row) => rowOf(row, t.runs)))));
}
function showCrossings() {
  const values = runs().map((r) => r.figures.transmissions_per_package), most = Math.max(...values.filter(Number.isFinite), 1);
  at("crossings").replaceChildren(...runs().flatMap((r, i) => [make("span", {}, r.figures.routing),
    make("span", {}, make("span", { class: "bar", style: `width:${((100 * (values[i] ?? 0)) / most).toFixed(1)}%;background:${colour(i)}` })),
    make("b", {}, decimal(values[i]))]));
}
function showLegends() {
  for (const list of document.querySelectorAll("ul.legend:not(#map-legend)"))
    list.replaceChildren(...runs().map((r, i) => make("li", {}, strategyKey(i), r.figures.routing)));
}

// ---- charts of lines

function niceStep(span, wanted) {
  const rough = span / wanted, power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough);
}
function ticks(most, wanted) {
  const step = niceStep(most, wanted), out = [];
  for (let x = 0; x <= most * 1.0001; x += step) out.push(x);
  return out;
}
/* The value of steps [[x, y], ...] at x. */
function stepAt(points, x) {
  let y = 0;
  for (const p of points) {
    if (p[0] > x) break;
    y = p[1];
  }
  return y;
}
function placeTip(box, tip, x, y) {
  tip.style.display = "block";
  const left = x + tip.offsetWidth + 16 > box.clientWidth ? x - tip.offsetWidth - 12 : x + 12;
  tip.style.left = Math.max(0, left) + "px";
  tip.style.top = Math.max(0, y) + "px";
}
/* series: [{name, index, points}] of steps. */
function lineChart(id, series, { xLabel, yLabel, xFormat, yFormat, yMost, height = 280 }) {
  const box = at(id), width = Math.max(280, box.clientWidth), left = 58, right = 12, top = 10, bottom = 42;
  const xMost = Math.max(1, ...series.flatMap((s) => s.points.map((p) => p[0]))) * 1.04;
  const most = yMost || Math.max(100, ...series.flatMap((s) => s.points.map((p) => p[1]))) * 1.04;
  const px = (x) => left + (x / xMost) * (width - left - right), py = (y) => height - bottom - (y / most) * (height - top - bottom);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${yLabel} over ${xLabel}: ` +
    series.map((s) => `${s.name} ends at ${xFormat(s.points.at(-1)?.[0] ?? 0)}, ${yFormat(s.points.at(-1)?.[1] ?? 0)}`).join("; "));
  for (const y of ticks(most, 5)) {
    draw(svg, "line", { class: "grid", x1: left, x2: width - right, y1: py(y), y2: py(y) });
    draw(svg, "text", { x: left - 8, y: py(y) + 4, "text-anchor": "end" }, yFormat(y));
  }
  for (const x of ticks(xMost, width < 420 ? 4 : 7))
    draw(svg, "text", { x: px(x), y: height - bottom + 18, "text-anchor": "middle" }, x.toLocaleString("en"));
  draw(svg, "line", { class: "axis", x1: left, x2: width - right, y1: py(0), y2: py(0) });
  draw(svg, "text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, xLabel);
  for (const s of series) {
    let path = `M${px(0)} ${py(0)}`;
    for (const [x, y] of s.points) path += `H${px(x).toFixed(1)}V${py(y).toFixed(1)}`;
    draw(svg, "path", { class: "line", d: path + `H${px(xMost)}`, style: `stroke:${colour(s.index)}`, "stroke-dasharray": DASHES[s.index % 6] });
  }
  const cross = draw(svg, "line", { class: "cross", y1: top, y2: height - bottom, visibility: "hidden" });
  const tip = make("div", { class: "tip" });
  box.replaceChildren(svg, tip);
  svg.onpointermove = (e) => {
    const rect = svg.getBoundingClientRect(), x = ((e.clientX - rect.left) / rect.width) * width;
    if (x < left || x > width - right) return svg.onpointerleave();
    const value = ((x - left) / (width - left - right)) * xMost;
    cross.setAttribute("x1", x);
    cross.setAttribute("x2", x);
    cross.setAttribute("visibility", "visible");
    tip.replaceChildren(make("b", {}, xFormat(value)), ...series.map((s) =>
      make("div", {}, strategyKey(s.index), `${s.name}: ${yFormat(stepAt(s.points, value))}`)));
    placeTip(box, tip, e.clientX - rect.left, e.clientY - rect.top);
  };
  svg.onpointerleave = () => {
    cross.setAttribute("visibility", "hidden");
    tip.style.display = "none";
  };
}
function showRecovery() {
  const series = runs().map((r, index) => {
    const times = [...eventOf(r).recoveries_ms].sort((a, b) => a - b);
    return { name: r.figures.routing, index, points: times.map((t, i) => [t, (i + 1) / times.length]) };
  });
  lineChart("recovery", series, { xLabel: "milliseconds since it was noticed", yLabel: "share of events after which all was whole", xFormat: ms, yFormat: percent, yMost: 1.03 });
}
function showCold() {
  const series = runs().map((r, index) => ({ name: r.figures.routing, index, points: r.cold_start }));
  lineChart("cold", series, { xLabel: "milliseconds since the first junction started", yLabel: "bytes said", xFormat: ms, yFormat: bytes });
}
function showSaid() {
  const series = runs().map((r, index) => ({ name: r.figures.routing, index, points: caseOf(r)?.said ?? [] }));
  lineChart("said", series, { xLabel: "milliseconds since it happened", yLabel: "bytes said", xFormat: ms, yFormat: bytes, height: 250 });
}

// ---- the map

function neighboursOf(t) {
  const around = t.nodes.map(() => []);
  for (const [a, b, latency] of t.links) {
    around[a].push([b, latency]);
    around[b].push([a, latency]);
  }
  return around;
}
/* Lengths on the map: hops, stretched or shrunk a little by latency, so that far is far and near can be told apart. */
function hopsFrom(around, start, lengthOf) {
  const distance = new Float64Array(around.length).fill(Infinity), queue = [start];
  distance[start] = 0;
  for (let i = 0; i < queue.length; i++)
    for (const [to, latency] of around[queue[i]]) {
      const d = distance[queue[i]] + lengthOf(latency);
      if (distance[to] === Infinity) queue.push(to);
      if (d < distance[to]) distance[to] = d;
    }
  return distance;
}
/* Stress majorization (Gansner, Koren, North, 2004), from a start by distances to far-apart pivots. Of a large network only
 * the distances to the pivots count. Nothing in it is random. */
function layOut(t) {
  const n = t.nodes.length, around = neighboursOf(t), all = n <= 400;
  const sorted = t.links.map((l) => l[2]).sort((a, b) => a - b), middle = sorted[sorted.length >> 1] || 1;
  const lengthOf = (latency) => Math.min(2, Math.max(0.6, 0.4 + (0.6 * latency) / middle));
  const pivots = [0], far = new Float64Array(n).fill(Infinity), rows = [];
  const wanted = all ? n : 60;
  while (rows.length < wanted && rows.length < n) {
    const row = hopsFrom(around, pivots[rows.length], lengthOf);
    let next = 0;
    rows.push(row);
    for (let i = 0; i < n; i++) {
      if (!Number.isFinite(row[i])) row[i] = 20;
      far[i] = Math.min(far[i], row[i]);
      if (far[i] > far[next]) next = i;
    }
    pivots.push(next);
  }
  const [p, q] = [rows[1 % rows.length], rows[2 % rows.length]];
  const x = Float64Array.from({ length: n }, (_, i) => p[i] - rows[0][i] * 0.3 + 0.01 * Math.cos(i));
  const y = Float64Array.from({ length: n }, (_, i) => q[i] - rows[0][i] * 0.3 + 0.01 * Math.sin(i));
  for (let round = 0; round < (all ? 150 : 60); round++)
    for (let i = 0; i < n; i++) {
      let sx = 0, sy = 0, weights = 0;
      const pull = (k, d, w) => {
        const dx = x[i] - x[k], dy = y[i] - y[k], length = Math.hypot(dx, dy) || 1e-6;
        sx += w * (x[k] + (d * dx) / length);
        sy += w * (y[k] + (d * dy) / length);
        weights += w;
      };
      for (let r = 0; r < rows.length; r++) if (pivots[r] !== i) pull(pivots[r], rows[r][i], 1 / (rows[r][i] ** 2 || 1));
      for (const [k, latency] of around[i]) pull(k, lengthOf(latency), all ? 0.5 : 4);
      if (weights > 0) [x[i], y[i]] = [sx / weights, sy / weights];
    }
  return t.nodes.map((_, i) => [x[i], y[i]]);
}
/* Turned so that the long axis lies across, and fitted into a unit square. */
function fit(places, turn) {
  const n = places.length, mean = [0, 1].map((k) => places.reduce((s, p) => s + p[k], 0) / n);
  let [a, b, c] = [0, 0, 0];
  for (const [x, y] of places) {
    a += (x - mean[0]) ** 2;
    b += (x - mean[0]) * (y - mean[1]);
    c += (y - mean[1]) ** 2;
  }
  const angle = turn ? -0.5 * Math.atan2(2 * b, a - c) : 0, [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const turned = places.map(([x, y]) => [x * cos - y * sin, x * sin + y * cos]);
  const low = [0, 1].map((k) => Math.min(...turned.map((p) => p[k]))), high = [0, 1].map((k) => Math.max(...turned.map((p) => p[k])));
  const span = Math.max(high[0] - low[0], high[1] - low[1]) || 1;
  return { places: turned.map((p) => p.map((v, k) => (v - low[k]) / span)), tall: (high[1] - low[1]) / span, wide: (high[0] - low[0]) / span };
}
const layouts = new Map();
function layoutOf(t) {
  if (!layouts.has(t)) layouts.set(t, fit(t.places || layOut(t), !t.places));
  return layouts.get(t);
}
function brokenLinks(c) {
  return new Set(c?.links ?? []);
}
function showMap() {
  const t = topology(), c = caseOf(runs()[chosen.strategy]);
  const layout = layoutOf(t), box = at("map"), width = Math.max(280, box.clientWidth), pad = 34;
  const scale = (width - 2 * pad) / (layout.wide || 1), fitted = Math.min(scale, 520 / (layout.tall || 1));
  const height = layout.tall * fitted + 2 * pad, shift = (width - layout.wide * fitted) / 2;
  const spot = (i) => [shift + layout.places[i][0] * fitted, pad + layout.places[i][1] * fitted];
  const svg = document.createElementNS(SVG, "svg"), tip = make("div", { class: "tip" });
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "Map of the network. " + at("map-lead").textContent);
  const broken = brokenLinks(c), radius = t.nodes.length > 1500 ? 1.2 : t.nodes.length > 300 ? 2.2 : t.nodes.length > 100 ? 3.4 : 5;
  const thin = t.links.length > 2000 ? { style: "stroke-width:0.4" } : t.links.length > 400 ? { style: "stroke-width:0.8" } : {};
  const line = (i, name, extra) => {
    const [x1, y1] = spot(t.links[i][0]), [x2, y2] = spot(t.links[i][1]);
    return draw(svg, "line", { class: name, x1, y1, x2, y2, ...extra });
  };
  t.links.forEach((l, i) => broken.has(i) || hover(line(i, "link", thin), () => `${t.nodes[l[0]]} – ${t.nodes[l[1]]}: ${ms(l[2])}`));
  const path = (nodes, name) => nodes.length > 1 && draw(svg, "polyline", { class: name, points: nodes.map((i) => spot(i).map((v) => v.toFixed(1)).join(",")).join(" ") });
  if (c) {
    path(c.after, "after");
    path(c.before, "before");
    for (const i of broken) {
      line(i, "broken", { "stroke-dasharray": "5 4" });
      const [a, b] = [spot(t.links[i][0]), spot(t.links[i][1])], [x, y] = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
      if (broken.size <= 20) draw(svg, "path", { class: "broken", d: `M${x - 6} ${y - 6}l12 12m0 -12l-12 12` });
    }
  }
  const onPath = new Set(c ? [...c.before, ...c.after] : []), ends = c && c.pair ? c.pair : [];
  t.nodes.forEach((name, i) => {
    const [cx, cy] = spot(i), gone = c && c.junction === i;
    const kind = gone ? "gone" : ends.includes(i) ? "end" : "node";
    hover(draw(svg, "circle", { class: kind, cx, cy, r: gone || ends.includes(i) ? Math.max(6.5, radius) : onPath.has(i) ? Math.max(4, radius) : radius }), () => name);
  });
  const ruler = document.createElement("canvas").getContext("2d"), family = getComputedStyle(document.body).fontFamily;
  const taken = t.nodes.length <= 100 ? t.nodes.map((_, i) => [spot(i)[0] - 5, spot(i)[1] - 5, 10, 10]) : [];
  const overlaps = (a, b) => a[0] < b[0] + b[2] && b[0] < a[0] + a[2] && a[1] < b[1] + b[3] && b[1] < a[1] + a[3];
  /* At the first of four places where it hides nothing; what has none goes without, unless it must be seen. */
  const label = (i, kind, must) => {
    const [x, y] = spot(i), text = t.nodes[i].slice(0, 24), tall = must ? 13 : 11;
    ruler.font = must ? `600 12px ${family}` : `10.5px ${family}`;
    const wide = ruler.measureText(text).width;
    const spots = [[x + 9, y - 6 - tall / 2], [x + 9, y + 3], [x - 9 - wide, y - 6 - tall / 2], [x - 9 - wide, y + 3]]
      .filter(([left]) => left >= 0 && left + wide <= width);
    const free = spots.find(([left, high]) => !taken.some((other) => overlaps([left, high, wide, tall], other)));
    const [left, high] = free || (must && spots[0]) || [];
    if (left === undefined) return;
    taken.push([left, high, wide, tall]);
    draw(svg, "text", { class: kind, x: left < x ? left + wide : left, y: high + tall - 2, "text-anchor": left < x ? "end" : "start" }, text);
  };
  for (const i of ends) label(i, "name", true);
  for (const i of onPath) if (!ends.includes(i) && onPath.size <= 24) label(i, "small", false);
  if (t.nodes.length <= 60 && width > 430) t.nodes.forEach((_, i) => onPath.has(i) || label(i, "small", false));
  box.replaceChildren(svg, tip);
  function hover(element, text) {
    element.onpointermove = (e) => {
      const rect = svg.getBoundingClientRect();
      tip.textContent = text();
      placeTip(box, tip, e.clientX - rect.left, e.clientY - rect.top);
    };
    element.onpointerleave = () => (tip.style.display = "none");
  }
}
function caseName(c) {
  const t = topology();
  if (c.junction !== null && c.junction !== undefined) return t.nodes[c.junction];
  if (c.links.length === 1) return `${t.nodes[t.links[c.links[0]][0]]} – ${t.nodes[t.links[c.links[0]][1]]}`;
  return `${count(c.links.length)} links`;
}
function mapKey(name, text) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "key");
  svg.setAttribute("viewBox", "0 0 26 10");
  svg.setAttribute("aria-hidden", "true");
  draw(svg, "line", { class: name, x1: 2, x2: 24, y1: 5, y2: 5, ...(name === "broken" ? { "stroke-dasharray": "5 4" } : {}) });
  return make("li", { class: "map" }, svg, text);
}
function showCase() {
  const lists = runs().map((r) => eventOf(r).cases.length), least = Math.min(...lists);
  chosen.number = Math.max(0, Math.min(chosen.number, least - 1));
  at("case").max = Math.max(0, least - 1);
  at("case").value = chosen.number;
  const run = runs()[chosen.strategy], c = caseOf(run), t = topology();
  if (c) {
    at("case").setAttribute("aria-valuetext", caseName(c));
    const way = (nodes) => (nodes.length > 1 ? `${nodes.length - 1} ${nodes.length === 2 ? "hop" : "hops"}` : "none");
    at("map-lead").textContent = `Event ${chosen.number + 1} of ${least}: ${eventOf(run).title} (${caseName(c)}). ` +
      (!c.pair ? "No shortest path led there." : c.before.length > 1 || c.after.length > 1 ? `A message from ${t.nodes[c.pair[0]]} to ${t.nodes[c.pair[1]]} took the dotted path before, and ${c.after.length > 1 ? "takes the solid one now" : "has none now"}.`
        : `This strategy keeps no path: each message from ${t.nodes[c.pair[0]]} to ${t.nodes[c.pair[1]]} goes everywhere.`);
    const facts = [["Noticed after", ms(c.detection_ms)], ["Whole again after", c.splits ? "the network is in two parts" : ms(c.recovery_ms)],
      ["Path before, now", `${way(c.before)}, ${way(c.after)}`], ["Said", bytes(c.bytes)], ["Entries", count(c.entries)]];
    at("facts").replaceChildren(...facts.map(([k, v]) => make("div", {}, make("dt", {}, k), make("dd", {}, v))));
  } else at("map-lead").textContent = "No event was measured.";
  at("map-legend").replaceChildren(mapKey("before", "path before"), mapKey("after", "path after"), mapKey("broken", "broken"));
  showMap();
  showSaid();
}
function showCases() {
  const body = make("tbody"), list = events().length > 0 ? eventOf(runs()[0]).cases : [];
  list.forEach((c, i) => body.append(make("tr", {}, make("th", { scope: "row" }, caseName(c) + (c.splits ? " (splits the network)" : "")),
    ...runs().flatMap((r) => [make("td", {}, ms(eventOf(r).cases[i]?.recovery_ms)), make("td", {}, bytes(eventOf(r).cases[i]?.bytes))]))));
  at("cases").replaceChildren(make("caption", {}, "After how long the network was whole again, and bytes said, for each event that the map shows."),
    head(["", ...runs().flatMap((r) => [r.figures.routing + ": whole after", "said"])]), body);
}

const WORDS = [
  ["Whole again", "From the moment at which the junctions at the failure know of it until every pair of junctions that links still connect can reach each other. How soon a failure is noticed is the core's matter, the same for all strategies, and counted apart. Where a strategy chooses for each message, real messages go between a few pairs every 5 ms, one pair being that of the map."],
  ["Said", "Bytes of the strategies' own messages, with their frames, over all links together. What the core sends to see that a link lives is not in it: that is the idle figure."],
  ["Splits the network", "Without this link or junction the rest is in parts. Such events count for the checks, and not for the times."],
  ["Entry", "One word about one destination (distance vector) or about one junction's links (link state)."],
  ["Loop", "Next hops in use that lead in a circle, in the tables of one moment. With link state two neighbours may point at one another until the news has crossed the link between them; on links that keep the order the news is there before a message that could go round."],
  ["Stretch", "What the path in use costs against the shortest there is. Where a strategy chooses for each message, how long real messages took against how long they could have."],
  ["Alternate", "A second next hop that can be used at once, with no word to anybody, when the first dies."],
];
function showWords() {
  at("words").replaceChildren(...WORDS.flatMap(([word, meaning]) => [make("dt", {}, word), make("dd", {}, meaning)]));
  at("command").textContent = data.command;
}

// ---- together

function latencies() {
  const all = topology().links.map((l) => l[2]), short = (x) => Number(x.toPrecision(2)).toString();
  if (all.length === 0) return "";
  const [least, most] = all.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [Infinity, 0]);
  return short(least) === short(most) ? ` of ${short(least)} ms` : ` of ${short(least)} to ${short(most)} ms`;
}
function showTopology() {
  const f = runs()[0].figures;
  chosen.event = Math.min(chosen.event, Math.max(0, events().length - 1));
  at("title").textContent = `Routing strategies on ${topology().name}`;
  at("subtitle").textContent = `${count(f.junctions)} junctions, ${count(f.links)} links${latencies()}; whole junctions with the plugins that run in production, in virtual time; seed ${f.seed}`;
  document.title = at("title").textContent;
  options(at("event"), events().map((e) => `${e.title}`), chosen.event, (i) => { chosen.event = i; showEvent(); });
  options(at("strategy"), runs().map((r) => r.figures.routing), chosen.strategy, (i) => { chosen.strategy = i; showCase(); });
  showLegends();
  showEvent();
}
/* Long ways before and after say most, shown for the first strategy that has ways. */
function mostTelling() {
  const strategy = Math.max(0, runs().findIndex((r) => events().length > 0 && eventOf(r).cases.some((c) => c.after.length > 1)));
  const cases = events().length > 0 ? eventOf(runs()[strategy]).cases : [];
  chosen.strategy = strategy;
  at("strategy").value = strategy;
  const tells = (c) => (c.splits || c.after.join() === c.before.join() ? -1 : c.after.length + c.before.length);
  chosen.number = cases.reduce((most, c, i) => (tells(c) > tells(cases[most]) ? i : most), 0);
}
function showCharts() {
  showCold();
  if (events().length === 0) return;
  showRecovery();
  showCase();
}
function showEvent() {
  for (const id of ["event-choice", "recovery-card", "event-card", "cases-card"]) at(id).hidden = events().length === 0;
  at("charts").classList.toggle("alone", events().length === 0);
  mostTelling();
  showVerdict();
  showTable();
  showNetworks();
  showCrossings();
  showCharts();
  showCases();
}
options(at("topology"), data.topologies.map((t) => t.name), 0, (i) => { chosen.topology = i; chosen.event = 0; showTopology(); });
at("case").oninput = () => { chosen.number = Number(at("case").value); showCase(); };
at("previous").onclick = () => { chosen.number--; showCase(); };
at("next").onclick = () => { chosen.number++; showCase(); };
showWords();
showTopology();
let width = window.innerWidth;
window.addEventListener("resize", () => {
  if (window.innerWidth === width) return;
  width = window.innerWidth;
  showCharts();
});
