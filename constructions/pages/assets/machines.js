"use strict";
/* The machines of the page, without anything that is drawn. They run from the tables of the exact machine.

A word is an array of tokens, positions in the alphabet. Every machine has
  step(token)         read a token
  answer()            a row of points (what it outputs), or null where its numbers have become useless
  save(), load(copy)  its state
*/

/** A packed array {type, data}: little-endian numbers in base64. */
function unpack(packed) {
  const kinds = { u1: Uint8Array, u2: Uint16Array, i4: Int32Array, f4: Float32Array, f8: Float64Array };
  const text = atob(packed.data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new kinds[packed.type](bytes.buffer);
}

const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);

/** The nearest bfloat16, ties to even. */
function bfloat16(x) {
  float[0] = x;
  if ((bits[0] & 0x7fffffff) > 0x7f800000) return NaN;
  bits[0] = (bits[0] + 0x7fff + ((bits[0] >>> 16) & 1)) & 0xffff0000;
  return float[0];
}

const ROUNDING = { float32: Math.fround, bfloat16 };

/** The nearest integer, ties to even. */
function nearest(x) {
  const below = Math.floor(x);
  const rest = x - below;
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
}

/** What the words really come to: every token is a map of points, applied to the start. */
class Truth {
  constructor(data) {
    this.moves = unpack(data.points.moves);
    this.initial = unpack(data.points.start);
    this.degree = data.points.degree;
    this.row = Int32Array.from(this.initial);
  }
  step(token) {
    const offset = token * this.degree;
    for (let i = 0; i < this.row.length; i++) this.row[i] = this.moves[offset + this.row[i]];
  }
  answer() { return this.row; }
  save() { return this.row.slice(); }
  load(copy) { this.row.set(copy); }
}

/** For each number of channels the states of so many first ones, by their residues as a text, in the order of the rows:
those are in lexicographic order, and channels of one layer read the same. */
function numbersOf(rows, width) {
  const found = Array.from({ length: width + 1 }, () => new Map());
  for (let at = 0; at < rows.length; at += width) {
    for (let c = 0; c <= width; c++) {
      const key = rows.subarray(at, at + c).join();
      if (!found[c].has(key)) found[c].set(key, found[c].size);
    }
  }
  return found;
}

/** Channels that count: each adds to its residue, or sets it, what the residues that it reads and the token say.

In residues exactly. In float32 or bfloat16 a channel holds h = exp(2πi r/n): adding multiplies it, every product and
sum rounded, and the residue is the one with the nearest angle. */
class CascadeMachine {
  constructor(data, arithmetic = "residues") {
    const tables = {};
    this.tokens = data.tokens.length;
    this.arithmetic = arithmetic;
    this.round = ROUNDING[arithmetic];
    this.channels = data.channels.map((channel) => ({
      modulus: channel.modulus,
      reads: channel.reads,
      weights: channel.reads.map((_, i) =>
        channel.reads.slice(i + 1).reduce((product, other) => product * data.channels[other].modulus, 1)),
      table: (tables[channel.table.data] ??= unpack(channel.table)),
      circle: this.round && Array.from({ length: channel.modulus }, (_, r) =>
        [Math.cos, Math.sin].map((part) => this.round(part((2 * Math.PI * r) / channel.modulus)))),
    }));
    this.places = this.channels.map((_, i) =>
      this.channels.slice(i + 1).reduce((product, other) => product * other.modulus, 1));
    this.decoding = data.decode;
    this.numbers = data.reached && numbersOf(unpack(data.reached), this.channels.length);
    this.degree = data.width;
    if (data.decode.lifts) {
      const lifts = unpack(data.decode.lifts);
      this.powers = this.channels.map(({ modulus }, c) => {
        const rows = new Int32Array(modulus * this.degree);
        for (let p = 0; p < this.degree; p++) rows[p] = p;
        for (let i = this.degree; i < rows.length; i++) rows[i] = lifts[c * this.degree + rows[i - this.degree]];
        return rows;
      });
    } else {
      this.answers = unpack(data.answers);
      this.decode = unpack(data.decode.states);
    }
    this.residues = Int32Array.from(data.start);
    this.lost = false; // a number that is none any more
    this.real = Float64Array.from(this.channels, (channel, c) => (this.round ? channel.circle[data.start[c]][0] : 0));
    this.imaginary = Float64Array.from(this.channels, (channel, c) => (this.round ? channel.circle[data.start[c]][1] : 0));
    this.row = new Int32Array(this.degree);
  }

  /** What a token would do to a channel now: {set, amount}. */
  change(c, token) {
    const channel = this.channels[c];
    let state = 0;
    if (this.numbers) {
      state = this.numbers[channel.reads.length].get(this.residues.subarray(0, channel.reads.length).join());
      if (state === undefined) return { set: false, amount: 0 }; // rounding has led to where no word leads
    } else for (let i = 0; i < channel.reads.length; i++) state += this.residues[channel.reads[i]] * channel.weights[i];
    const entry = channel.table[state * this.tokens + token];
    return entry < channel.modulus ? { set: false, amount: entry } : { set: true, amount: entry - channel.modulus };
  }

  step(token) {
    // From the last channel to the first: a channel reads what earlier ones hold before the token.
    for (let c = this.channels.length - 1; c >= 0; c--) {
      const channel = this.channels[c];
      const { set, amount } = this.change(c, token);
      if (!this.round) {
        this.residues[c] = set ? amount : (this.residues[c] + amount) % channel.modulus;
        continue;
      }
      const [x, y] = channel.circle[amount];
      const [u, v] = set ? [1, 0] : [this.real[c], this.imaginary[c]];
      const round = this.round;
      const real = set ? x : round(round(u * x) - round(v * y));
      const imaginary = set ? y : round(round(u * y) + round(v * x));
      this.real[c] = real;
      this.imaginary[c] = imaginary;
      const size = real * real + imaginary * imaginary;
      if (!(size > 0 && size < Infinity)) this.lost = true;
      else {
        const residue = nearest((Math.atan2(imaginary, real) * channel.modulus) / (2 * Math.PI)) % channel.modulus;
        this.residues[c] = residue < 0 ? residue + channel.modulus : residue;
      }
    }
  }

  answer() {
    if (this.lost) return null;
    const { row, degree } = this;
    if (this.powers) {
      for (let p = 0; p < degree; p++) row[p] = p;
      for (let c = this.channels.length - 1; c >= 0; c--) {
        if (!this.residues[c]) continue;
        const offset = this.residues[c] * degree;
        for (let p = 0; p < degree; p++) row[p] = this.powers[c][offset + row[p]];
      }
      return row;
    }
    let state = 0;
    if (this.numbers) {
      state = this.numbers[this.channels.length].get(this.residues.join());
      if (state === undefined) return null; // rounding has led to a state that cannot be reached
    } else for (let c = 0; c < this.places.length; c++) state += this.residues[c] * this.places[c];
    const offset = this.decode[state] * degree;
    for (let p = 0; p < degree; p++) row[p] = this.answers[offset + p];
    return row;
  }

  /** Where a channel's hand stands: [real, imaginary]. */
  hand(c) {
    if (this.round) return [this.real[c], this.imaginary[c]];
    const angle = (2 * Math.PI * this.residues[c]) / this.channels[c].modulus;
    return [Math.cos(angle), Math.sin(angle)];
  }

  save() {
    return { residues: this.residues.slice(), lost: this.lost,
      real: this.round && this.real.slice(), imaginary: this.round && this.imaginary.slice() };
  }
  load(copy) {
    this.residues.set(copy.residues);
    this.lost = copy.lost;
    if (this.round) { this.real.set(copy.real); this.imaginary.set(copy.imaginary); }
  }
}

const erf = (x) => { // Abramowitz and Stegun 7.1.6, and for large |x| the continued fraction 7.1.14
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  if (size < 2.5) {
    let term = size, sum = size;
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) { term *= (2 * size * size) / (2 * n + 1); sum += term; }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-size * size) * sum;
  }
  let fraction = 0;
  for (let n = 80; n > 0; n--) fraction = n / 2 / (size + fraction);
  return Math.sign(x) * (1 - Math.exp(-size * size) / Math.sqrt(Math.PI) / (size + fraction));
};

const ACTIVATIONS = {
  relu: (x) => Math.max(x, 0),
  gelu: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
  silu: (x) => x / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  identity: (x) => x,
};

const delta = (raw) => (raw > 0 ? 1 + raw : Math.exp(raw)); // 1 + elu

/** For each kind of transition (algebra/depth/families.py): the multiplier a = [real, imaginary] and the drive b of a channel, from phi's outputs. */
const TRANSITIONS = {
  STEPPED_TURN: (raw, d, i) => [...turn(delta(raw[i]) * raw[d + i]), raw[2 * d + i], raw[3 * d + i]],
  TURN: (raw, d, i) => [...turn(raw[i]), raw[d + i], raw[2 * d + i]],
  DECAY: (raw, d, i, own) => [Math.exp(-delta(raw[i]) * Math.exp(own.log_rate[i])), 0, raw[d + i], 0],
  SIGNED_DECAY: (raw, d, i, own) => [2 * Math.exp(-delta(raw[i]) * Math.exp(own.log_rate[i])) - 1, 0, raw[d + i], 0],
  CONSTANT: (raw, d, i, own) => {
    const step = Math.exp(own.log_step[i]);
    const size = Math.exp(-step * Math.exp(own.log_rate[i]));
    return [size * Math.cos(step * own.frequency[i]), size * Math.sin(step * own.frequency[i]), raw[i], raw[d + i]];
  },
};

function turn(turns) {
  const angle = 2 * Math.PI * (turns - Math.round(turns));
  return [Math.cos(angle), Math.sin(angle)];
}

/** weight · input + bias, the weight in rows. */
function affine({ weight, bias }, input) {
  const width = input.length;
  return Float64Array.from(bias, (sum, row) => {
    for (let i = 0, at = row * width; i < width; i++) sum += weight[at + i] * input[i];
    return sum;
  });
}

/** A network of diagonal state-space layers, run in float64 from its own weights, token by token. */
class NetworkMachine {
  constructor(data) {
    const open = (value) => (value.type ? unpack(value)
      : Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, open(inner)])));
    this.embedding = unpack(data.embedding);
    this.size = data.embedding_size;
    this.layers = data.layers.map((layer) => ({ ...layer, weights: open(layer.weights) }));
    this.head = open(data.head);
    this.answers = unpack(data.answers);
    this.degree = data.width;
    this.real = this.layers.map(({ weights, complex }) =>
      Float64Array.from(complex ? weights.initial.filter((_, i) => i % 2 === 0) : weights.initial));
    this.imaginary = this.layers.map(({ weights, complex }) =>
      complex ? Float64Array.from(weights.initial.filter((_, i) => i % 2 === 1)) : new Float64Array(weights.initial.length));
    this.logits = null;
    this.before = unpack(data.points.start); // the empty word has no logits; its product is known
  }

  step(token) {
    const embedded = this.embedding.subarray(token * this.size, (token + 1) * this.size);
    let below = [];
    this.layers.forEach((layer, k) => {
      const { weights, transition } = layer;
      const hidden = affine(weights.hidden, [...below, ...embedded]);
      if (layer.phi === "relu") hidden.forEach((x, i) => { hidden[i] = Math.max(x, 0); });
      const raw = affine(weights.out, hidden);
      const real = this.real[k], imaginary = this.imaginary[k], d = real.length;
      if (transition === "TANH") {
        const h = affine({ weight: weights.own.weight, bias: raw }, real);
        real.set(h.map(Math.tanh));
      } else {
        for (let i = 0; i < d; i++) {
          const [a, c, re, im] = TRANSITIONS[transition](raw, d, i, weights.own);
          const x = real[i], y = imaginary[i];
          real[i] = a * x - c * y + re;
          imaginary[i] = a * y + c * x + im;
        }
      }
      const scores = affine(weights.psi, [...below, ...real, ...(layer.complex ? imaginary : [])]);
      below = [...below, ...this.read(layer, scores)];
    });
    this.logits = affine(this.head, below);
  }

  read({ activation, groups }, scores) {
    if (activation in ACTIVATIONS) return scores.map(ACTIVATIONS[activation]);
    let start = 0;
    for (const size of groups) {
      const part = scores.subarray(start, start + size);
      const best = part.indexOf(Math.max(...part));
      if (activation === "hard") part.forEach((_, i) => { part[i] = i === best ? 1 : best < 0 ? NaN : 0; });
      else {
        const powers = part.map((x) => Math.exp(x - part[best]));
        const sum = powers.reduce((x, y) => x + y, 0);
        part.set(powers.map((x) => x / sum));
      }
      start += size;
    }
    return scores;
  }

  /** The class with the largest logit, or -1. */
  choice() { return this.logits.indexOf(Math.max(...this.logits)); }

  answer() {
    if (!this.logits) return this.before;
    const choice = this.choice();
    return choice < 0 ? null : this.answers.subarray(choice * this.degree, (choice + 1) * this.degree);
  }

  save() {
    return { real: this.real.map((h) => h.slice()), imaginary: this.imaginary.map((h) => h.slice()), logits: this.logits };
  }
  load(copy) {
    copy.real.forEach((h, k) => this.real[k].set(h));
    copy.imaginary.forEach((h, k) => this.imaginary[k].set(h));
    this.logits = copy.logits;
  }

  /** The largest |Δh| over the channels of each layer between this machine and another. */
  distances(other) {
    return this.real.map((h, k) => Math.max(...Array.from(h, (x, i) =>
      Math.hypot(x - other.real[k][i], this.imaginary[k][i] - other.imaginary[k][i]))));
  }
}

function equal(a, b) {
  if (a === null || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A machine and the truth on one word, with the way back: states are kept every `EVERY` tokens. */
class Run {
  static EVERY = 64;

  constructor(machine, truth) {
    this.machine = machine;
    this.truth = truth;
    this.word = [];
    this.done = 0; // tokens looked at
    this.at = 0; // where machine and truth stand
    this.firstWrong = null; // counted from 1
    this.kept = [[machine.save(), truth.save()]];
  }

  append(tokens) { for (const token of tokens) this.word.push(token); }

  /** Drops all tokens after the first `length`. */
  cut(length) {
    this.word.length = length;
    if (this.done > length) {
      this.done = length;
      this.kept.length = Math.floor(length / Run.EVERY) + 1;
      if (this.firstWrong > length) this.firstWrong = null;
    }
    if (this.at > length) this.seek(length);
  }

  /** Looks at the rest of the word, for at most so many milliseconds; returns whether all of it is done. */
  look(milliseconds = Infinity) {
    const end = performance.now() + milliseconds;
    if (this.done < this.word.length) this.seek(this.done);
    while (this.done < this.word.length) {
      if (this.done % 256 === 0 && performance.now() > end) return false;
      this.forward();
      this.done += 1;
      if (this.firstWrong === null && !this.right()) this.firstWrong = this.done;
      if (this.done % Run.EVERY === 0) this.kept.push([this.machine.save(), this.truth.save()]);
    }
    return true;
  }

  forward() {
    const token = this.word[this.at];
    this.machine.step(token);
    this.truth.step(token);
    this.at += 1;
  }

  right() { return equal(this.machine.answer(), this.truth.answer()); }

  /** Machine and truth after the first t tokens, t at most `done`. */
  seek(t) {
    if (t < this.at || t - this.at > Run.EVERY) {
      const place = Math.floor(t / Run.EVERY);
      const [machine, truth] = this.kept[place];
      this.machine.load(machine);
      this.truth.load(truth);
      this.at = place * Run.EVERY;
    }
    while (this.at < t) this.forward();
  }
}

/** A permutation's cycles, points counted from 1, as GAP writes them. */
function cycles(row) {
  let text = "";
  const seen = new Uint8Array(row.length);
  for (let p = 0; p < row.length; p++) {
    if (seen[p] || row[p] === p) continue;
    const cycle = [];
    for (let q = p; !seen[q]; q = row[q]) { seen[q] = 1; cycle.push(q + 1); }
    text += `(${cycle.join(",")})`;
  }
  return text || "()";
}

/** Tokens from a text: names, or positions in the alphabet, apart by spaces, semicolons or ·; one-letter names may stand
close together. Throws an Error that names the first word it cannot read. */
function parseWord(text, names) {
  const places = new Map(names.map((name, i) => [name, i]));
  const short = names.every((name) => [...name].length === 1);
  const found = [];
  for (const part of text.replace(/,\s+/g, " ").split(/[\s;·]+/)) {
    if (!part) continue;
    if (places.has(part)) found.push(places.get(part));
    else if (short && [...part].every((letter) => places.has(letter))) {
      for (const letter of part) found.push(places.get(letter));
    } else if (/^\d+$/.test(part) && Number(part) < names.length) found.push(Number(part));
    else if (/^\d+(,\d+)+$/.test(part) && part.split(",").every((n) => Number(n) < names.length)) {
      for (const number of part.split(",")) found.push(Number(number));
    } else {
      const example = names.slice(0, 3).join("  ");
      throw new Error(`“${part.slice(0, 30)}” is no token; write for example  ${example}  or positions 0 to ${names.length - 1}`);
    }
  }
  return found;
}
