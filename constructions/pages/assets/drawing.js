"use strict";
/* What the page draws: clocks, planes, permutations, the lattice. */

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; names that SVG has are made as SVG inside `svg(…)`. */
function make(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A group's name with subscripts and signs: C2xC2 becomes C₂×C₂. */
function typeset(name) {
  return name
    .replace(/([\d)])\s*wr\s*(?=[A-Z(])/g, "$1 ≀ ")
    .replace(/([\d)])\s*x\s*(?=[A-Z(])/g, "$1×")
    .replace(/(^|[^A-Za-z])([A-Z])(\d+)/g, (_, before, letter, digits) => before + letter + subscript(digits))
    .replace(/\^(\d+)/g, (_, digits) => superscript(digits));
}

function superscript(number) {
  return [...String(number)].map((digit) => (digit === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit])).join("");
}

function subscript(number) {
  return [...String(number)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("");
}

function gcd(a, b) { return b ? gcd(b, a % b) : a; }

/** c/n of a turn, the nearest to 0: 1/3, −1/3, 1/2, 0. */
function turns(c, n) {
  if (c === 0) return "0";
  const signed = 2 * c <= n ? c : c - n;
  const divisor = gcd(Math.abs(signed), n);
  return `${signed < 0 ? "−" : ""}${Math.abs(signed) / divisor}/${n / divisor}`;
}

const point = (angle, radius) => [radius * Math.cos(2 * Math.PI * angle), -radius * Math.sin(2 * Math.PI * angle)];
const RADIUS = 40;

/** One channel that counts modulo n: the phase 0 points right, phases grow anticlockwise. */
class Clock {
  constructor(modulus, label) {
    this.modulus = modulus;
    this.label = label;
    this.turned = 0;
    const face = svg("g");
    if (modulus <= 60) {
      for (let r = 0; r < modulus; r++) {
        const [x, y] = point(r / modulus, RADIUS - 3.5), [u, v] = point(r / modulus, RADIUS + 3.5);
        face.append(svg("line", { class: "tick", x1: x, y1: y, x2: u, y2: v }));
        if (modulus <= 12) {
          const [a, b] = point(r / modulus, RADIUS + 17);
          face.append(svg("text", { class: "tick-name", x: a, y: b, "text-anchor": "middle", "dominant-baseline": "central" }, turns(r, modulus)));
        }
      }
    }
    this.arc = svg("path", { class: "arc" });
    this.ghost = svg("g", { class: "ghost" }, svg("circle", { cx: RADIUS, cy: 0, r: 6 }));
    this.hand = svg("g", { class: "hand" }, svg("line", { x1: 0, y1: 0, x2: RADIUS, y2: 0 }), svg("circle", { cx: RADIUS, cy: 0, r: 6.5 }));
    this.svg = svg("svg", { viewBox: "-66 -60 132 120", role: "img" },
      svg("circle", { class: "rim", r: RADIUS }), face, this.arc, this.ghost, this.hand);
    this.change = make("div", { class: "change" });
    this.element = make("div", { class: "clock" }, this.svg, this.change);
  }

  /** Show hand (real, imaginary) and residue; the last and the next change, each {set, amount} or null. */
  show([real, imaginary], residue, last, next) {
    const size = Math.hypot(real, imaginary);
    const lost = !(size > 0 && size < Infinity);
    const angle = lost ? 0 : Math.atan2(imaginary, real) / (2 * Math.PI);
    const step = angle - this.turned;
    this.turned += step - Math.round(step); // the short way round
    if (last && !last.set && 2 * last.amount === this.modulus && step - Math.round(step) < 0) this.turned += 1; // halves turn forwards
    const scale = lost ? 0 : Math.min(1.3, size);
    this.hand.style.transform = `rotate(${-360 * this.turned}deg) scale(${Math.round(scale * 1e4) / 1e4})`;
    this.element.classList.toggle("lost", lost);
    const n = this.modulus;
    const moved = last && !last.set && last.amount ? (2 * last.amount <= n ? last.amount : last.amount - n) : 0;
    this.arc.setAttribute("d", moved ? arc(angle - moved / n, moved / n) : "");
    const target = next && (next.set ? next.amount / n : angle + next.amount / n);
    this.ghost.setAttribute("visibility", next && (next.set || next.amount) ? "visible" : "hidden");
    if (next) this.ghost.setAttribute("transform", `rotate(${-360 * target})`);
    const said = next ? (next.set ? `set to ${turns(next.amount, n)}` : `next adds ${turns(next.amount, n)}`) : "";
    this.change.replaceChildren(make("b", {}, turns(residue, n)), said ? `  ${said}` : "");
    this.svg.setAttribute("aria-label", `${this.label}, ${lost ? "lost" : `at ${turns(residue, n)} turn`}, modulo ${n}${said ? `; ${said}` : ""}`);
  }
}

function arc(from, by) {
  const radius = RADIUS - 9;
  const [x, y] = point(from, radius), [u, v] = point(from + by, radius);
  return `M${x} ${y}A${radius} ${radius} 0 0 ${by > 0 ? 0 : 1} ${u} ${v}`;
}

/** One channel of a network: h in the plane, with the unit circle and the way that it came. */
class Plane {
  constructor(label, complex) {
    this.label = label;
    this.complex = complex;
    this.size = 1;
    this.path = [];
    this.rim = svg("circle", { class: "rim" });
    this.trail = svg("path", { class: "trail" });
    this.dot = svg("circle", { class: "dot", r: 5.5 });
    this.svg = svg("svg", { viewBox: "-50 -50 100 100", role: "img" },
      svg("line", { class: "axis", x1: -48, x2: 48 }), svg("line", { class: "axis", y1: -48, y2: 48 }), this.rim, this.trail, this.dot);
    this.change = make("div", { class: "change" });
    this.element = make("div", { class: "clock" }, this.svg, this.change);
  }

  /** Show h; `fresh` when it did not come from the state shown before. */
  show(real, imaginary, fresh) {
    this.size = Math.max(fresh ? 1 : this.size, Math.hypot(real, imaginary));
    const unit = RADIUS / this.size;
    this.path = fresh ? [] : this.path.slice(-11);
    this.path.push([real, imaginary]);
    this.rim.setAttribute("r", unit);
    this.trail.setAttribute("d", this.path.map(([x, y], i) => `${i ? "L" : "M"}${x * unit} ${-y * unit}`).join(""));
    this.dot.setAttribute("cx", real * unit);
    this.dot.setAttribute("cy", -imaginary * unit);
    const text = number(real) + (this.complex ? ` ${imaginary < 0 ? "−" : "+"} ${number(Math.abs(imaginary))}i` : "");
    this.change.textContent = text;
    this.svg.setAttribute("aria-label", `${this.label}, h = ${text}`);
  }
}

function number(x) {
  const size = Math.abs(x);
  return (size !== 0 && (size >= 1e4 || size < 1e-3) ? x.toExponential(1) : x.toFixed(size < 100 ? 2 : 0)).replace("-", "−");
}

const memberName = (name) => name.replace(/(?<=G)\d+$/, subscript);

/** A permutation as wires: point p above is led to the point below that it goes to. */
function wires(row) {
  const width = 26 * row.length, height = 74;
  const lines = Array.from(row, (q, p) => {
    const x = 13 + 26 * p, y = 13 + 26 * q;
    const path = svg("path", { d: `M${x} 20C${x} 46 ${y} 30 ${y} 56` });
    path.style.stroke = `oklch(var(--edge-l) var(--edge-c) ${(360 * p) / row.length})`;
    return path;
  });
  const names = Array.from(row, (_, p) => [12, height - 4].map((y) => svg("text", { x: 13 + 26 * p, y, "text-anchor": "middle" }, String(p + 1))));
  return svg("svg", { class: "wires", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true", style: `max-width:${Math.min(290, width * 1.35)}px` }, ...lines, ...names.flat());
}

/** Lays out the lattice: higher orders higher up, the series straight down. Returns an SVG; `pick(i)` on a click. */
function drawLattice(lattice, layers, pick, follow) {
  const { nodes, edges } = lattice;
  const sizes = [...new Set(nodes.map((node) => node.size))].sort((a, b) => b - a);
  const step = Math.max(38, Math.min(70, 420 / sizes.length));
  const place = [];
  let widest = 0;
  for (const [level, size] of sizes.entries()) {
    const inside = nodes.map((node, i) => [node, i]).filter(([node]) => node.size === size);
    const others = inside.filter(([node]) => node.series === null);
    for (const [node, i] of inside) if (node.series !== null) place[i] = [0, 22 + step * level];
    others.forEach(([, i], k) => {
      const x = 46 * (k % 2 ? -(k + 1) / 2 : k / 2 + 1); // right, left, further right: never on the series' own line
      place[i] = [x, 22 + step * level];
      widest = Math.max(widest, x);
    });
  }
  const left = Math.min(0, ...place.map(([x]) => x));
  const width = widest - left + 130, height = 44 + step * (sizes.length - 1);
  const drawing = svg("svg", { viewBox: `${left - 36} 0 ${width} ${height}`, width, height, role: "group", "aria-label": lattice.what });
  for (const [i, j] of edges) {
    const both = nodes[i].series !== null && nodes[j].series === nodes[i].series + 1;
    drawing.append(svg("line", { class: both ? "cover in" : "cover", x1: place[i][0], y1: place[i][1], x2: place[j][0], y2: place[j][1] }));
  }
  for (const [i, j] of edges) {
    if (nodes[i].series === null || nodes[j].series !== nodes[i].series + 1) continue;
    const number = nodes[j].series, layer = layers[number - 1];
    if (!layer) continue;
    const y = (place[i][1] + place[j][1]) / 2, text = typeset(layer.carries), wide = 14 + 7.4 * [...text].length;
    if (place[j][1] - place[i][1] < 36) continue;
    drawing.append(svg("g", { class: "factor", onclick: () => follow(number) },
      svg("rect", { x: -wide / 2, y: y - 10, width: wide, height: 20, rx: 10 }),
      svg("text", { x: 0, y, "text-anchor": "middle", "dominant-baseline": "central" }, text)));
  }
  nodes.forEach((node, i) => {
    const [x, y] = place[i], inside = node.series !== null;
    const name = memberName(node.name);
    const label = node.order === "1" ? "" : typeset(node.order);
    const choose = () => pick(i);
    const crowded = !inside && nodes.some((other, j) => j !== i && place[j][1] === y && place[j][0] > x);
    const group = svg("g", { class: inside ? "node in" : "node", tabindex: "0", role: "button", "data-node": i,
      "aria-label": `${inside ? `${node.name}, in the series` : "normal subgroup"}, order ${node.order}`, onclick: choose,
      onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); event.stopPropagation(); choose(); } } },
    svg("circle", { cx: x, cy: y, r: inside ? 7.5 : 6 }));
    const rightmost = !nodes.some((other, j) => j !== i && place[j][1] === y && place[j][0] > x);
    if (rightmost && !crowded) {
      group.append(svg("text", { x: x + 14, y, "dominant-baseline": "central" }, name, svg("tspan", { class: "order", dx: name ? 7 : 0 }, label)));
    } else if (inside && name) {
      group.append(svg("text", { x: x - 12, y: y - 10, "text-anchor": "end" }, name));
    }
    drawing.append(group);
  });
  return drawing;
}

const ICONS = { first: "M5 4v12M16 4 8 10l8 6z", back: "M14 4 6 10l8 6z", play: "M6 3.5 16 10 6 16.5z", pause: "M6.5 4v12M13.5 4v12", forward: "M6 4l8 6-8 6z", last: "M15 4v12M4 4l8 6-8 6z" };

/** A button's sign. */
function icon(name) {
  return svg("svg", { viewBox: "0 0 20 20", class: "icon", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
}
