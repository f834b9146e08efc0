"use strict";
/* The page: words in, clocks turning. */

const DATA = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const NAMES = DATA.tokens;
const NETWORK = DATA.kind !== "cascade";
const FIXED = DATA.words ? DATA.words.map((word) => word.tokens.flatMap(({ period, times }) => Array(times).fill(period).flat())) : null;
const SLICE = 12; // milliseconds of looking at a word between two frames
const LISTED = 48; // of so many tokens all are listed beside the clocks
const TAPE = 24; // tokens drawn on each side of the current one
const SPEEDS = [0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 20, 50, 100, 500, 2000, 10000, 100000];

const state = { t: 0, playing: false, arithmetic: "residues", preview: null, member: null, shown: null };
let lanes = [];

function newMachine() { return NETWORK ? new NetworkMachine(DATA) : new CascadeMachine(DATA, state.arithmetic); }
function newRun(word) {
  const run = new Run(newMachine(), new Truth(DATA));
  run.append(word);
  return run;
}
const length = () => lanes[0].run.word.length;
const ready = () => Math.min(...lanes.map(({ run }) => run.done));

/* Names and colours */

const ACCEPTING = DATA.points.accepting;
const INDEX = DATA.answers ? new Map() : null;
if (INDEX) {
  const rows = unpack(DATA.answers), degree = DATA.width;
  for (let i = 0; i * degree < rows.length; i++) INDEX.set(rows.subarray(i * degree, (i + 1) * degree).join(), i);
}

function nameOf(row) {
  if (row === null) return "nothing: its numbers are no state";
  if (DATA.points.labels) return DATA.points.labels[row[0]] + (ACCEPTING ? (ACCEPTING[row[0]] ? " · accepted" : " · not accepted") : "");
  const text = cycles(row);
  if (text.length <= 60 || !INDEX) return text;
  return `#${INDEX.get(Array.prototype.join.call(row))}`;
}

/** Tokens have hues in their order, spread over the circle; equal cosets stand near each other in the alphabet. */
const hue = (token) => Math.round((360 * token) / NAMES.length + 20) % 360;

/** Where names are long the layers list tokens by position, which then also stands beside the names. */
const NUMBERED = NAMES.length <= LISTED && NAMES.join("").length > 300;

function chip(token, attributes, tag = "button", text = NAMES[token]) {
  const element = make(tag, { ...attributes, class: `chip ${attributes.class ?? ""}`, title: `${NAMES[token]} · position ${token}`, type: tag === "button" ? "button" : null }, text);
  element.style.setProperty("--hue", hue(token));
  return element;
}

/* Drawing */

function buildLayers(lane) {
  const { machine } = lane.run;
  const rows = DATA.layers.map((layer, k) => {
    const number = k + 1;
    const parts = NETWORK
      ? Array.from({ length: Math.min(16, machine.real[k].length) }, (_, i) => [i, new Plane(`layer ${number}, channel ${i + 1}`, layer.complex)])
      : machine.channels.map((channel, c) => [channel, c]).filter(([, c]) => DATA.channels[c].layer === number)
        .map(([channel, c], i) => [c, new Clock(channel.modulus, `layer ${number}, channel ${i + 1}`)]);
    const hidden = NETWORK ? machine.real[k].length - parts.length : 0;
    const size = NETWORK || parts.length > 8 ? (parts.length > 24 ? "dense" : "many") : "";
    const below = number === 1 ? "reads the token alone" : number === 2 ? "reads layer 1" : `reads layers 1–${number - 1}`;
    const element = make("section", { class: "card layer", id: `layer-${lane.name}${number}`, "aria-label": `Layer ${number}` },
      make("header", {}, make("div", { class: "quiet" }, `layer ${number}`),
        make("h3", {}, typeset(layer.carries ?? layer.title)),
        make("div", { class: "quiet" }, layer.carries ? `${layer.family}, ` : "", below),
        layer.note ? make("div", { class: "quiet" }, layer.note) : null),
      make("div", { class: `clocks ${size}` }, ...parts.map(([, part]) => part.element), hidden ? make("p", { class: "quiet" }, `… and ${hidden} more channels`) : null));
    const adds = !NETWORK && NAMES.length <= LISTED && parts.length <= 2 ? make("div", { class: "adds" }) : null;
    if (adds) element.append(adds);
    return { element, parts, k, adds };
  });
  lane.layers = rows;
  return rows.map((row) => row.element);
}

function buildResult(lane) {
  lane.said = make("div", { class: "value" });
  lane.true = make("div", { class: "value" });
  lane.sign = make("div", { class: "sign" });
  lane.extra = make("div");
  lane.wires = make("div");
  const who = NETWORK ? "the network answers" : "the machine decodes to";
  lane.result = make("div", { class: "lane" },
    DATA.words ? make("div", { class: "tape-name" }, DATA.words[lane.number].name) : null,
    make("div", { class: "pair" }, make("div", { class: "what" }, who), lane.said),
    make("div", { class: "pair" }, make("div", { class: "what" }, DATA.points.what), lane.true),
    lane.sign, lane.wires, lane.extra);
  return lane.result;
}

function drawTape(lane) {
  const { run } = lane, t = state.t, word = run.word;
  const at = (i) => chip(word[i], { class: run.firstWrong === i + 1 ? "wrong" : "", tabindex: "-1", onclick: () => go(i + 1) });
  const past = make("div", { class: "side past" }), next = make("div", { class: "side" });
  for (let i = Math.max(0, t - 1 - TAPE); i < t - 1; i++) past.append(at(i));
  for (let i = t; i < Math.min(word.length, t + TAPE); i++) next.append(at(i));
  if (t > 1 || t === 1) past.prepend(...(t - 1 <= TAPE ? [make("span", { class: "quiet" }, "start")] : []));
  const now = t ? chip(word[t - 1], { class: `now ${run.firstWrong === t ? "wrong" : ""}` }, "span") : make("span", { class: "start" }, "start");
  lane.tape.replaceChildren(past, now, next);
}

function changesOf(machine, token) {
  return token === null || token === undefined ? null : machine.channels.map((_, c) => machine.change(c, token));
}

/** What each token does to a layer, given what the lower layers hold now: tokens that do the same in one line. */
function drawAdds(element, machine, parts) {
  const lines = new Map();
  NAMES.forEach((_, token) => {
    const changes = parts.map(([c]) => machine.change(c, token));
    const texts = changes.map(({ set, amount }, i) => (set ? "→ " : "") + turns(amount, parts[i][1].modulus));
    const text = texts.length > 1 ? `(${texts.join(", ")})` : texts[0];
    const rank = changes.reduce((sum, { set, amount }, i) => sum * 2 * parts[i][1].modulus + amount + (set ? parts[i][1].modulus : 0), 0);
    if (!lines.has(text)) lines.set(text, { rank, tokens: [] });
    lines.get(text).tokens.push(token);
  });
  const key = [...lines].map(([text, { tokens }]) => text + tokens).join("|");
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  const rows = [...lines].sort((a, b) => a[1].rank - b[1].rank).flatMap(([text, { tokens }]) =>
    [make("span", {}, text), make("span", {}, ...tokens.map((token) => chip(token, {}, "span", NUMBERED ? String(token) : undefined)))]);
  element.replaceChildren(...rows);
}

function drawLane(lane, fresh) {
  const { run } = lane, { machine } = run, t = state.t;
  let last = null;
  if (!NETWORK && t > 0 && run.at === t) {
    run.seek(t - 1);
    last = changesOf(machine, run.word[t - 1]);
  }
  run.seek(t);
  const token = state.preview ?? (t < run.word.length ? run.word[t] : null);
  const next = NETWORK ? null : changesOf(machine, token);
  for (const { parts, k, adds } of lane.layers) {
    if (adds) drawAdds(adds, machine, parts);
    for (const [c, part] of parts) {
      if (NETWORK) part.show(machine.real[k][c], machine.imaginary[k][c], fresh);
      else part.show(machine.hand(c), machine.residues[c], fresh ? null : last?.[c] ?? null, next?.[c] ?? null);
    }
  }
  const said = machine.answer(), truth = run.truth.answer();
  const right = equal(said, truth);
  for (const [element, row] of [[lane.said, said], [lane.true, truth]]) {
    const text = nameOf(row);
    element.textContent = text;
    element.classList.toggle("long", text.length > 36);
  }
  lane.sign.replaceChildren(make("span", { class: right ? "good" : "bad" }, right ? "= equal" : "≠ different"));
  const permutation = !DATA.points.labels && truth.length <= 10;
  lane.wires.replaceChildren(...(permutation && !DATA.words ? [wires(said && !right ? said : truth)] : []));
  if (DATA.points.labels && DATA.points.labels.length <= 24) {
    lane.extra.replaceChildren(make("div", { class: "states", "aria-hidden": "true" },
      ...DATA.points.labels.map((label, q) => make("span", { class: q === truth[0] ? "on" : "" }, ACCEPTING?.[q] ? `✓ ${label}` : label))));
  }
  if (NETWORK) lane.extra.replaceChildren(logits(machine));
  drawTape(lane);
}

function logits(machine) {
  if (!machine.logits) return make("span");
  const order = Array.from(machine.logits.keys()).sort((a, b) => machine.logits[b] - machine.logits[a]).slice(0, 4);
  const top = machine.logits[order[0]], bottom = Math.min(...machine.logits);
  return make("div", { class: "bars", "aria-label": "largest logits" }, ...order.flatMap((k) => {
    const bar = make("i");
    bar.style.width = `${4 + (96 * (machine.logits[k] - bottom)) / (top - bottom || 1)}%`;
    const row = machine.answers.subarray(k * machine.degree, (k + 1) * machine.degree);
    return [make("span", {}, nameOf(row)), bar, make("span", {}, number(machine.logits[k]))];
  }));
}

function draw() {
  const fresh = state.shown === null || Math.abs(state.t - state.shown) > 1;
  document.body.style.setProperty("--turning", state.playing && SPEEDS[$("speed").value] > 4 ? "0s" : "0.28s");
  lanes.forEach((lane) => drawLane(lane, fresh));
  state.shown = state.t;
  const count = length();
  $("position").max = count;
  $("position").value = state.t;
  $("position").setAttribute("aria-valuetext", `token ${state.t} of ${count}`);
  for (const id of ["first", "back"]) $(id).disabled = state.t === 0;
  for (const id of ["forward", "last"]) $(id).disabled = state.t >= ready();
  $("play").disabled = count === 0;
  if (DATA.words) drawDistance();
  drawStatus();
  if (DATA.lattice) drawMember();
}

function drawStatus() {
  const { run } = lanes[0], count = length();
  const parts = [`token ${state.t.toLocaleString("en")} of ${count.toLocaleString("en")}`];
  if (!DATA.words && run.done < count) parts.push(`looked at ${run.done.toLocaleString("en")}`);
  const status = $("status");
  status.replaceChildren(parts.join(" · "));
  if (DATA.words) return;
  const how = NETWORK ? "float64" : state.arithmetic;
  if (run.firstWrong !== null) {
    status.append(" · ", make("span", { class: "bad" }, `${how}: first wrong symbol at token ${run.firstWrong.toLocaleString("en")}`),
      make("button", { type: "button", onclick: () => go(run.firstWrong) }, "show"));
  } else if (run.done === count && count) {
    status.append(" · ", make("span", { class: "good" }, `${how}: all ${count.toLocaleString("en")} symbols right`));
  }
  const mark = $("mark");
  mark.hidden = run.firstWrong === null;
  if (!mark.hidden) mark.style.left = `calc(${(100 * run.firstWrong) / count}% + ${8 - (16 * run.firstWrong) / count}px)`;
}

/* Two words that end in one state */

let plot = null;

function drawDistance() {
  const [a, b] = lanes.map((lane) => lane.run.machine);
  const apart = Math.max(...a.distances(b));
  $("distance").textContent = `largest distance of the two states: ${apart === 0 ? "0" : apart.toExponential(1).replace("-", "−")}`;
  plot.setAttribute("x1", state.t);
  plot.setAttribute("x2", state.t);
}

function buildDistance() {
  const [a, b] = lanes.map((lane) => lane.run), count = length();
  const rows = [];
  const stride = Math.max(1, Math.ceil(count / 2000));
  for (let t = 0; t <= count; t += 1) {
    a.seek(t);
    b.seek(t);
    const apart = Math.max(...a.machine.distances(b.machine));
    if ((t % stride === 0 || t === count) && apart > 0) rows.push([t, apart]);
  }
  const logs = rows.map(([t, d]) => [t, Math.log10(d)]);
  const low = Math.floor(Math.min(...logs.map(([, y]) => y))), high = Math.ceil(Math.max(...logs.map(([, y]) => y), low + 1));
  const y = (value) => (100 * (high - value)) / (high - low);
  plot = svg("line", { y1: 0, y2: 100 });
  return make("div", { class: "pair apart" },
    make("div", { class: "what", id: "distance" }),
    svg("svg", { class: "plot", viewBox: `0 0 ${count} 100`, preserveAspectRatio: "none", role: "img", "aria-label": `the distance of the two states, from 10^${high} down to 10^${low}, token by token` },
      svg("path", { d: logs.map(([t, value], i) => `${i ? "L" : "M"}${t} ${y(value)}`).join("") }), plot),
    make("div", { class: "what" }, `from 10${superscript(low)} to 10${superscript(high)}, on a logarithmic scale`));
}

/* The series */

function bit(bytes, i) { return (bytes[i >> 3] >> (i & 7)) & 1; }

function drawMember() {
  const box = $("member");
  document.querySelectorAll("[data-node]").forEach((node) => {
    const on = Number(node.dataset.node) === state.member;
    node.classList.toggle("on", on);
    node.setAttribute("aria-pressed", on);
  });
  const node = state.member === null ? null : DATA.lattice.nodes[state.member];
  for (const button of $("tokens").children) button.classList.remove("out");
  if (!node) {
    box.replaceChildren(make("p", { class: "quiet" }, "Choose a subgroup to see what it holds, a factor to see its layer."));
    return;
  }
  const rows = [];
  const add = (term, value) => rows.push(make("dt", {}, term), make("dd", {}, value));
  add("order", typeset(node.order));
  if (node.catalogue) add("which", node.catalogue);
  if (node.generators?.length) add("generated by", make("code", {}, node.generators.join("  ")));
  if (node.splits) add("G splits over it", node.splits);
  const layer = node.series === null ? null : DATA.layers[node.series];
  if (layer) add("next factor", `${typeset(layer.carries)}, carried by layer ${node.series + 1}`);
  if (node.members) {
    const members = unpack(node.members);
    const element = INDEX.get(Array.prototype.join.call(lanes[0].run.truth.answer()));
    add("product now", bit(members, element) ? "inside" : "outside");
    const moves = unpack(DATA.points.moves), d = DATA.points.degree;
    [...$("tokens").children].forEach((button, i) => {
      const token = Number(button.dataset.token ?? i);
      button.classList.toggle("out", !bit(members, INDEX.get(moves.subarray(token * d, (token + 1) * d).join())));
    });
  }
  const title = node.name ? memberName(node.name) : "a normal subgroup";
  box.replaceChildren(make("strong", {}, title), make("dl", {}, ...rows));
}

function pick(i) {
  state.member = state.member === i ? null : i;
  drawMember();
}

function follow(number) {
  const layer = $(`layer-${number}`);
  document.querySelectorAll(".layer").forEach((other) => other.classList.toggle("lit", other === layer));
  layer.scrollIntoView({ block: "nearest", behavior: "smooth" });
}

/* Moving */

function go(t) {
  state.t = Math.max(0, Math.min(t, ready()));
  draw();
}

function work() {
  const done = lanes.map(({ run }) => run.look(SLICE)).every(Boolean);
  draw();
  if (!done) requestAnimationFrame(work);
}

function setWord(word) {
  pause();
  lanes[0].run = newRun(word);
  state.t = 0;
  state.shown = null;
  work();
}

function append(tokens) {
  const { run } = lanes[0];
  const end = state.t === length();
  run.append(tokens);
  if (tokens.length > 2000) return work();
  run.look();
  if (end || tokens.length === 1) state.t = length();
  draw();
}

let before = 0, owed = 0;

function play() {
  if (state.playing) return pause();
  if (state.t >= length()) state.t = 0;
  state.playing = true;
  before = performance.now();
  owed = 1;
  $("play").replaceChildren(icon("pause"));
  $("play").setAttribute("aria-label", "pause");
  $("results").setAttribute("aria-live", "off");
  requestAnimationFrame(tick);
}

function pause() {
  state.playing = false;
  $("play").replaceChildren(icon("play"));
  $("play").setAttribute("aria-label", "play");
  $("results").setAttribute("aria-live", "polite");
}

function tick(now) {
  if (!state.playing) return;
  owed += ((now - before) / 1000) * SPEEDS[$("speed").value];
  before = now;
  if (owed >= 1) {
    go(state.t + Math.floor(owed));
    owed %= 1;
  }
  if (state.t >= length()) pause();
  else requestAnimationFrame(tick);
}

function showSpeed() {
  const speed = SPEEDS[$("speed").value];
  $("rate").textContent = `${speed.toLocaleString("en")}/s`;
}

function chooseArithmetic(name) {
  state.arithmetic = name;
  document.querySelector(`#arithmetic [value="${name}"]`).checked = true;
  const word = lanes[0].run.word, t = state.t;
  lanes[0].run = newRun(word);
  state.shown = null;
  state.t = 0;
  if (word.length <= 20000) {
    lanes[0].run.look();
    state.t = t;
  }
  work();
}

/* Words from text */

function entered(use) {
  try {
    const word = parseWord($("text").value, NAMES);
    $("problem").textContent = word.length ? "" : "Write some tokens first.";
    if (word.length) { use(word); $("text").value = ""; }
  } catch (error) {
    $("problem").textContent = error.message;
  }
}

function buildPad() {
  const most = 120;
  NAMES.slice(0, most).forEach((_, token) => {
    const over = (value) => () => { state.preview = value; draw(); };
    const button = chip(token, { "data-token": token, "aria-label": `append ${NAMES[token]}`, onclick: (event) => {
      append([token]);
      if (event.detail) event.currentTarget.blur(); // a click with a mouse, after which Space should play
    }, onmouseenter: over(token), onmouseleave: over(null) });
    if (NUMBERED) button.prepend(make("small", {}, `${token} `));
    $("tokens").append(button);
  });
  if (NAMES.length > most) $("tokens").append(make("span", { class: "quiet" }, `… and ${NAMES.length - most} more, by position`));
  $("text").placeholder = `${NAMES.slice(0, 3).reverse().join(" ")} …`;
  $("entry").addEventListener("submit", (event) => { event.preventDefault(); entered(append); });
  $("text").addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); entered(append); } });
  $("replace").addEventListener("click", () => entered(setWord));
  $("random").addEventListener("click", () => setWord(Array.from({ length: Number($("length").value) }, () => Math.floor(Math.random() * NAMES.length))));
  $("repeat").addEventListener("click", () => {
    const word = lanes[0].run.word;
    if (word.length) setWord(Array.from({ length: Number($("length").value) }, (_, i) => word[i % word.length]));
    $("problem").textContent = word.length ? "" : "There is no word yet to repeat: choose some tokens first.";
  });
  $("clear").addEventListener("click", () => { setWord([]); $("problem").textContent = ""; });
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("textarea, select, input[type=radio]")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const moves = { ArrowLeft: () => go(state.t - 1), ArrowRight: () => go(state.t + 1), Home: () => go(0), End: () => go(length()) };
  const speed = (by) => { $("speed").value = Number($("speed").value) + by; showSpeed(); };
  const keys = {
    " ": play, "+": () => speed(1), "=": () => speed(1), "-": () => speed(-1),
    "/": () => $("text").focus(), "?": () => $("help").click(),
    "w": () => { if (lanes[0].run.firstWrong) go(lanes[0].run.firstWrong); },
    "Backspace": () => { if (!FIXED && length()) { lanes[0].run.cut(length() - 1); go(Math.min(state.t, length())); } },
  };
  const range = event.target.matches("input[type=range]");
  if (event.target.matches("button, .node") && event.key === " ") return;
  if (range && event.target.id === "speed" && event.key in moves) return;
  const action = moves[event.key] ?? keys[event.key];
  if (action) { event.preventDefault(); action(); }
}

/* The beginning */

function setTheme(theme) { document.documentElement.dataset.theme = theme; }

function begin() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let own = false;
  setTheme(dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => { if (!own) setTheme(dark.matches ? "dark" : "light"); });
  $("theme").addEventListener("click", () => { own = true; setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"); });
  $("help").addEventListener("click", () => { $("keys").hidden = !$("keys").hidden; $("help").setAttribute("aria-expanded", String(!$("keys").hidden)); });
  $("heading").textContent = typeset(DATA.heading);
  $("summary").textContent = DATA.summary.join(" · ");
  $("footer").textContent = DATA.footer ?? "The hand of a clock is a channel's phase: 0 points right, phases grow anticlockwise. The dashed ring is where the next token takes it.";
  if (DATA.verdict) { $("verdict").textContent = DATA.verdict; $("verdict").hidden = false; }
  const words = FIXED ?? [DATA.word ?? []];
  lanes = words.map((word, i) => ({ number: i, name: FIXED ? `${i}-` : "", run: newRun(word) }));
  for (const lane of lanes) {
    lane.tape = make("div", { class: "tape", "aria-hidden": "true" });
    $("tapes").append(...(FIXED ? [make("div", { class: "tape-name" }, DATA.words[lane.number].name)] : []), lane.tape);
    $("results").append(buildResult(lane));
  }
  if (FIXED) {
    $("main").classList.add("two");
    $("pad").hidden = true;
    $("results").classList.add("lanes");
    const columns = lanes.map((lane) => make("div", { class: "lane" }, ...buildLayers(lane)));
    $("layers").append(make("div", { class: "lanes" }, ...columns));
  } else {
    $("layers").append(...buildLayers(lanes[0]));
    buildPad();
  }
  $("arithmetic").hidden = NETWORK;
  if (DATA.lattice) {
    $("series-title").textContent = DATA.lattice.what[0].toUpperCase() + DATA.lattice.what.slice(1);
    $("lattice").append(drawLattice(DATA.lattice, DATA.layers, pick, follow));
  } else {
    $("series").hidden = true;
    if (!FIXED) $("main").classList.add("plain");
  }
  for (const id of ["first", "back", "play", "forward", "last"]) $(id).append(icon(id));
  $("first").addEventListener("click", () => go(0));
  $("back").addEventListener("click", () => go(state.t - 1));
  $("forward").addEventListener("click", () => go(state.t + 1));
  $("last").addEventListener("click", () => go(length()));
  $("play").addEventListener("click", play);
  $("position").addEventListener("input", (event) => go(Number(event.target.value)));
  $("speed").addEventListener("input", showSpeed);
  $("arithmetic").addEventListener("change", (event) => chooseArithmetic(event.target.value));
  document.addEventListener("keydown", onKey);
  showSpeed();
  lanes.forEach(({ run }) => run.look());
  if (FIXED) {
    $("results").after(buildDistance());
    state.t = length();
  } else state.t = Math.min(length(), DATA.begin ?? 0);
  draw();
}

begin();
