// The recorded engine: operations in typed arrays, in an order in which operands come first. They are
// replayed as they stand, forward for values, backward for slopes, in blocks for sweeps.

// number::Fn, in its order.
const Fn = {constant: 0, input: 1, add: 2, sub: 3, mul: 4, div: 5, max: 6, min: 7, less: 8,
            lessEqual: 9, equal: 10, ceil: 11, floor: 12, log2: 13, exp2: 14, round: 15};
const isUnary = fn => fn >= Fn.ceil;
const block = 64;  // points a run of a sweep: long enough to hide the dispatch

class Engine {
  // bytes: as page::encode writes them; constants: its constants; choices, outputs: how many.
  constructor(bytes, constants, choices, outputs) {
    let at = 0;
    const next = () => {
      let value = 0, scale = 1, byte;
      do {
        byte = bytes[at++];
        value += (byte & 127) * scale;
        scale *= 128;
      } while (byte & 128);
      return value;
    };
    const n = this.nodes = next();
    this.constants = constants;
    this.fn = new Uint8Array(n);
    this.a = new Uint32Array(n);
    this.b = new Uint32Array(n);
    this.value = new Float64Array(n);
    this.inputs = [];  // node of each input
    this.plans = new Map();
    this.reached = new Map();
    for (let i = 0; i < n; ++i) this.fn[i] = next();
    for (let i = 0; i < n; ++i) {
      const fn = this.fn[i];
      if (fn === Fn.constant) this.value[i] = constants[next()];
      else if (fn === Fn.input) this.inputs[next()] = i;
      else {
        this.a[i] = i - next();
        this.b[i] = isUnary(fn) ? this.a[i] : i - next();
      }
    }
    this.variants = new Map();  // places of the outputs, by picks
    let first = new Uint32Array(outputs);
    for (let count = next(), v = 0; v < count; ++v) {
      const picks = [];
      for (let c = 0; c < choices; ++c) picks.push(next());
      const places = Uint32Array.from(first);
      for (let changes = next(), index = 0; changes > 0; --changes) places[index += next()] = next();
      if (v === 0) first = places;
      this.variants.set(picks.join(), {places, code: null});
    }
  }

  // The engine for these options of the choices, or undefined if the page does not hold it.
  variant(picks) {
    const v = this.variants.get(picks.join());
    if (v && !v.code) v.code = this.needed(v.places);
    return v;
  }

  // Operations that outputs hang on.
  needed(places) {
    const used = new Uint8Array(this.nodes);
    for (const p of places) if (p > 0 && p <= this.nodes) used[p - 1] = 1;
    let count = 0;
    for (let i = this.nodes; i-- > 0;) {
      if (!used[i] || this.fn[i] <= Fn.input) continue;
      used[this.a[i]] = used[this.b[i]] = 1;
      ++count;
    }
    const code = new Uint32Array(count);
    for (let i = 0, k = 0; k < count; ++i) if (used[i] && this.fn[i] > Fn.input) code[k++] = i;
    return code;
  }

  // Whether each input is in an output, wherever it stands. Kept, as plans are.
  inputsOf(place) {
    if (!this.reached.has(place)) {
      const used = new Uint8Array(this.nodes);
      if (place > 0 && place <= this.nodes) used[place - 1] = 1;
      for (const i of this.needed([place])) used[this.a[i]] = used[this.b[i]] = 1;
      this.reached.set(place, this.inputs.map(node => used[node] === 1));
    }
    return this.reached.get(place);
  }

  // Runs a variant on numbers in base units. at() then reads its outputs.
  run(variant, numbers) {
    const {fn, a, b, value} = this;
    for (let i = 0; i < numbers.length; ++i) value[this.inputs[i]] = numbers[i];
    const code = variant.code;
    for (let k = 0; k < code.length; ++k) {
      const i = code[k], x = value[a[i]], y = value[b[i]];
      switch (fn[i]) {
        case 2: value[i] = x + y; break;
        case 3: value[i] = x - y; break;
        case 4: value[i] = x * y; break;
        case 5: value[i] = x / y; break;
        case 6: value[i] = x < y ? y : x; break;
        case 7: value[i] = y < x ? y : x; break;
        case 8: value[i] = x < y ? 1 : 0; break;
        case 9: value[i] = x <= y ? 1 : 0; break;
        case 10: value[i] = x === y ? 1 : 0; break;
        case 11: value[i] = Math.ceil(x); break;
        case 12: value[i] = Math.floor(x); break;
        case 13: value[i] = Math.log2(x); break;
        case 14: value[i] = Math.pow(2, x); break;
        case 15: value[i] = Math.floor(x + 0.5); break;
      }
    }
  }

  // What an output is after run, in base units; NaN if this variant has none.
  at(place) {
    if (place === 0) return NaN;
    return place <= this.nodes ? this.value[place - 1] : this.constants[place - 1 - this.nodes];
  }

  // d ln(output) / d ln(input) for every input, at the values of the last run. In rounding the slope
  // is taken as 1, as study::Equations does.
  elasticities(variant, place) {
    const {fn, a, b, value, inputs} = this;
    const out = new Float64Array(inputs.length);
    if (place === 0 || place > this.nodes) return out;
    const slope = new Float64Array(this.nodes), code = variant.code;
    slope[place - 1] = 1;
    for (let k = code.length; k-- > 0;) {
      const i = code[k], s = slope[i];
      if (s === 0) continue;
      const l = a[i], r = b[i], x = value[l], y = value[r];
      switch (fn[i]) {
        case 2: slope[l] += s; slope[r] += s; break;
        case 3: slope[l] += s; slope[r] -= s; break;
        case 4: slope[l] += s * y; slope[r] += s * x; break;
        case 5: slope[l] += s / y; slope[r] -= s * x / (y * y); break;
        case 6: slope[x < y ? r : l] += s; break;
        case 7: slope[y < x ? r : l] += s; break;
        case 13: slope[l] += s / (x * Math.LN2); break;
        case 14: slope[l] += s * value[i] * Math.LN2; break;
        case 11: case 12: case 15: slope[l] += s; break;
      }
    }
    const whole = value[place - 1];
    for (let i = 0; i < out.length; ++i)
      out[i] = whole === 0 ? 0 : slope[inputs[i]] * value[inputs[i]] / whole;
    return out;
  }

  // Operations between some inputs and some outputs, in slots of a memory of blocks. Kept: a drag asks
  // for the same ones at each step.
  plan(places, inputs) {
    const key = `${places.join()}|${inputs.join()}`;
    if (this.plans.has(key)) return this.plans.get(key);
    const {fn, a, b} = this, slot = new Int32Array(this.nodes).fill(-1);
    const moves = new Uint8Array(this.nodes), constants = [], steps = [];
    let slots = 0;
    for (const input of inputs) {
      moves[this.inputs[input]] = 1;
      slot[this.inputs[input]] = slots++;
    }
    const slotOf = i => {
      if (slot[i] < 0) {
        slot[i] = slots++;
        constants.push(i, slot[i]);
      }
      return slot[i];
    };
    for (const i of this.needed(places)) {
      if (!moves[a[i]] && !moves[b[i]]) continue;
      moves[i] = 1;
      const x = slotOf(a[i]), y = slotOf(b[i]);
      slot[i] = slots++;
      steps.push(fn[i], slot[i] * block, x * block, y * block);
    }
    const outputs = places.map(p => p > 0 && p <= this.nodes && moves[p - 1] ? slot[p - 1] : -1);
    const made = {constants, steps: Int32Array.from(steps), outputs, memory: new Float64Array(slots * block)};
    if (this.plans.size > 20) this.plans.clear();
    this.plans.set(key, made);
    return made;
  }

  // Outputs at `count` points, all else as in the last run: varying is [{input, numbers}] in base
  // units, one number a point. Gives one Float64Array an output.
  sweep(places, varying, count) {
    const {constants, steps, outputs, memory} = this.plan(places, varying.map(v => v.input));
    const out = places.map(() => new Float64Array(count));
    for (let k = 0; k < constants.length; k += 2)
      memory.fill(this.value[constants[k]], constants[k + 1] * block, (constants[k + 1] + 1) * block);
    for (let from = 0; from < count; from += block) {
      const size = Math.min(block, count - from);
      varying.forEach((v, j) => memory.set(v.numbers.subarray(from, from + size), j * block));
      for (let k = 0; k < steps.length; k += 4) runBlock(memory, steps[k], steps[k + 1], steps[k + 2], steps[k + 3], size);
      outputs.forEach((slot, o) => {
        if (slot >= 0) out[o].set(memory.subarray(slot * block, slot * block + size), from);
        else out[o].fill(this.at(places[o]), from, from + size);
      });
    }
    return out;
  }
}

function runBlock(m, fn, to, x, y, n) {
  switch (fn) {
    case 2: for (let k = 0; k < n; ++k) m[to + k] = m[x + k] + m[y + k]; break;
    case 3: for (let k = 0; k < n; ++k) m[to + k] = m[x + k] - m[y + k]; break;
    case 4: for (let k = 0; k < n; ++k) m[to + k] = m[x + k] * m[y + k]; break;
    case 5: for (let k = 0; k < n; ++k) m[to + k] = m[x + k] / m[y + k]; break;
    case 6: for (let k = 0; k < n; ++k) m[to + k] = m[x + k] < m[y + k] ? m[y + k] : m[x + k]; break;
    case 7: for (let k = 0; k < n; ++k) m[to + k] = m[y + k] < m[x + k] ? m[y + k] : m[x + k]; break;
    case 8: for (let k = 0; k < n; ++k) m[to + k] = m[x + k] < m[y + k] ? 1 : 0; break;
    case 9: for (let k = 0; k < n; ++k) m[to + k] = m[x + k] <= m[y + k] ? 1 : 0; break;
    case 10: for (let k = 0; k < n; ++k) m[to + k] = m[x + k] === m[y + k] ? 1 : 0; break;
    case 11: for (let k = 0; k < n; ++k) m[to + k] = Math.ceil(m[x + k]); break;
    case 12: for (let k = 0; k < n; ++k) m[to + k] = Math.floor(m[x + k]); break;
    case 13: for (let k = 0; k < n; ++k) m[to + k] = Math.log2(m[x + k]); break;
    case 14: for (let k = 0; k < n; ++k) m[to + k] = Math.pow(2, m[x + k]); break;
    case 15: for (let k = 0; k < n; ++k) m[to + k] = Math.floor(m[x + k] + 0.5); break;
  }
}
