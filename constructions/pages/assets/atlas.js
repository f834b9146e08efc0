"use strict";
/* The table of all groups. */

const { columns, rows } = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const COLUMN = Object.fromEntries(columns.map((name, i) => [name, i]));
const TITLES = { order: "order", names: "names", depth: "AUSSM layers", negative_mamba_depth: "Negative Mamba layers",
  derived_series: "derived series", factors: "factors", channels: "channels", margin: "margin, turns",
  block_2: "real 2×2", block_3: "real 3×3", complex_block_2: "complex 2×2", block_4: "real 4×4", complex_block_3: "complex 3×3" };
const BLOCKS = ["block_2", "block_3", "complex_block_2", "block_4", "complex_block_3"]; // layers of them
const SHOWN = ["order", "names", "depth", "negative_mamba_depth", "derived_series", "factors", "channels", "margin", ...BLOCKS];
const STEP = 100; // rows added at a time

let sorted = { column: "order", up: true };
let chosen = rows;
let drawn = 0;

const idOf = (row) => `SmallGroup(${row[COLUMN.order]},${row[COLUMN.id]})`;
const nameOf = (row) => (row[COLUMN.names] ? String(row[COLUMN.names]).split(", ")[0] : idOf(row));
const factors = (text) => String(text).split(";").filter(Boolean).map((layer) => typeset(layer.split(" ").map((n) => `C${n}`).join("x"))).join(", ");
const compile = (row) => `python -m subnormal compile '${nameOf(row)}'`;

const key = (text) => text.toLowerCase().replace(/[\s×]/g, (sign) => (sign === "×" ? "x" : ""));
const haystack = rows.map((row) => key(`${row[COLUMN.names]}|${idOf(row)}|${String(row[COLUMN.factors]).split(";").map((layer) => layer.split(" ").map((n) => `c${n}`).join("x")).join(",")}`));

function matches(row, i) {
  const text = key($("search").value);
  if (text) {
    const order = /^order(\d+)$/.exec(text);
    const pair = /^\(?(\d+),(\d+)\)?$/.exec(text);
    if (order) { if (row[COLUMN.order] !== Number(order[1])) return false; }
    else if (pair) { if (row[COLUMN.order] !== Number(pair[1]) || row[COLUMN.id] !== Number(pair[2])) return false; }
    else if (!haystack[i].includes(text)) return false;
  }
  const range = /^\s*(\d+)\s*(?:[-–]\s*(\d+))?\s*$/.exec($("order").value);
  if (range && (row[COLUMN.order] < Number(range[1]) || row[COLUMN.order] > Number(range[2] ?? range[1]))) return false;
  for (const [id, column] of [["depth", "depth"], ["negative", "negative_mamba_depth"]]) {
    if ($(id).value !== "any" && String(row[COLUMN[column]]) !== $(id).value) return false;
  }
  return !$("named").checked || row[COLUMN.names] !== "";
}

/** What a cell is sorted by; what there is none of comes last, whichever way. */
function rank(row) {
  const value = row[COLUMN[sorted.column]];
  if (value === "") return null;
  if (sorted.column === "margin") { const [a, b] = value.split("/").map(Number); return a / b; }
  if (sorted.column === "derived_series") return String(value).split(" ").length;
  return value;
}

function compare(a, b) {
  const x = rank(a), y = rank(b);
  if (x === null || y === null) return (x === null) - (y === null) || a[COLUMN.order] - b[COLUMN.order] || a[COLUMN.id] - b[COLUMN.id];
  const way = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
  return (sorted.up ? way : -way) || a[COLUMN.order] - b[COLUMN.order] || a[COLUMN.id] - b[COLUMN.id];
}

function refresh() {
  chosen = rows.filter(matches).sort(compare);
  drawn = 0;
  $("rows").replaceChildren();
  more();
  $("count").textContent = `${chosen.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} groups`;
  for (const head of $("head").children) {
    if (head.dataset.column) head.setAttribute("aria-sort", head.dataset.column !== sorted.column ? "none" : sorted.up ? "ascending" : "descending");
  }
}

function more() {
  for (const row of chosen.slice(drawn, drawn + STEP)) {
    const cells = SHOWN.map((name) => {
      const value = row[COLUMN[name]];
      if (name === "names") return make("td", {}, make("strong", {}, typeset(String(value).replaceAll("wr", " wr "))), make("span", { class: "quiet" }, ` ${idOf(row)}`));
      if (name === "factors") return make("td", {}, factors(value));
      if (name === "derived_series") return make("td", {}, String(value).replaceAll(" ", " > "));
      const never = value === "" && (name.endsWith("depth") || BLOCKS.includes(name));
      return make("td", { class: never ? "quiet" : "" }, never ? "never" : String(value));
    });
    const trackable = row[COLUMN.depth] !== "" && row[COLUMN.depth] !== 0;
    const button = trackable ? make("button", { type: "button", title: compile(row), "aria-label": `copy: ${compile(row)}`, onclick: (event) => copy(event.currentTarget, row) }, "compile") : "";
    $("rows").append(make("tr", {}, ...cells, make("td", {}, button)));
  }
  drawn = Math.min(chosen.length, drawn + STEP);
  $("more").textContent = drawn < chosen.length ? "… more below" : chosen.length ? "" : "No group is like that.";
}

async function copy(button, row) {
  const text = compile(row);
  try { await navigator.clipboard.writeText(text); }
  catch {
    const area = make("textarea", {}, text); // where a file may not use the clipboard
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  $("copied").textContent = `copied: ${text}`;
  button.textContent = "copied";
  setTimeout(() => { button.textContent = "compile"; }, 1500);
}

function begin() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const setTheme = (theme) => { document.documentElement.dataset.theme = theme; };
  setTheme(dark.matches ? "dark" : "light");
  $("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
  $("largest").textContent = rows.reduce((largest, row) => Math.max(largest, row[COLUMN.order]), 0);
  for (const [id, column] of [["depth", "depth"], ["negative", "negative_mamba_depth"]]) {
    const values = [...new Set(rows.map((row) => row[COLUMN[column]]))].sort((a, b) => (a === "") - (b === "") || a - b);
    $(id).append(make("option", { value: "any" }, "any"), ...values.map((value) => make("option", { value }, value === "" ? "never" : String(value))));
    $(id).addEventListener("change", refresh);
  }
  for (const name of SHOWN) {
    const sort = () => { sorted = { column: name, up: sorted.column === name ? !sorted.up : true }; refresh(); };
    $("head").append(make("th", { "data-column": name, scope: "col" }, make("button", { type: "button", onclick: sort }, TITLES[name])));
  }
  $("head").append(make("th", { scope: "col" }, make("span", { class: "hidden" }, "command")));
  for (const id of ["search", "order"]) $(id).addEventListener("input", refresh);
  $("named").addEventListener("change", refresh);
  new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting) && drawn < chosen.length) more(); }, { rootMargin: "600px" }).observe($("more"));
  refresh();
}

begin();
