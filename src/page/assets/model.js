// Designs: numbers in display units and options of the choices; what the engine says of them; and
// their texts for the page's address, for specs and for the command line.

class Model {
  constructor(page, bytes) {
    Object.assign(this, page);
    this.quantities = page.quantities.map(([name, unit, factor, role, doc], index) =>
      ({name, unit, factor, role, doc, index}));
    this.byName = new Map(this.quantities.map(q => [q.name, q]));
    this.metrics = this.quantities.filter(q => q.role === 'metric');
    this.inputByName = new Map(this.inputs.map((input, i) => [input.name, i]));
    this.engine = new Engine(bytes, page.constants, this.choices.length,
                             this.quantities.length + this.rules.length);
  }

  made() {
    return {name: 'as made', numbers: this.inputs.map(i => i.value), picks: this.choices.map(c => c.now)};
  }

  // A number as it is shown, in base units. As made it is the spec's own number: it may have been
  // written in another unit, and rounds differently on the way back.
  base(i, shown) {
    const input = this.inputs[i];
    return shown === input.value ? input.base : shown * input.factor;
  }

  // Why these numbers are out of the spec's ranges.
  illegal(design) {
    const out = [];
    this.inputs.forEach((input, i) => {
      const x = design.numbers[i];
      // A table that the machine does not use has no values: as it came it is no error.
      if (x === input.value && !(x >= input.min && x <= input.max)) return;
      if (!(x >= input.min && x <= input.max))
        out.push(`${input.name} is out of ${fmt(input.min)} to ${withUnit(input.max, input.unit)}`);
      else if (input.whole && !Number.isInteger(x)) out.push(`${input.name} takes whole numbers`);
    });
    return out;
  }

  // {of(quantity), get(name), reasons, variant}: values in display units, NaN for what is not there.
  evaluate(design) {
    const {numbers, picks} = design;
    // Most questions are about the design that was asked about last, whose values the engine still holds.
    // Arrays of a design are replaced, never written to.
    if (!this.last || this.last.numbers !== numbers || this.last.picks !== picks)
      this.last = {numbers, picks, result: this.evaluated(design)};
    return this.last.result;
  }

  evaluated(design) {
    const variant = this.engine.variant(design.picks), count = this.quantities.length;
    if (!variant)
      return {of: () => NaN, get: () => NaN, variant: null, numbers: design.numbers, picks: design.picks,
              reasons: ['this page does not hold this combination of switches and names']};
    this.engine.run(variant, design.numbers.map((x, i) => this.base(i, x)));
    const values = Float64Array.from(this.quantities,
                                     q => this.engine.at(variant.places[q.index]) / q.factor);
    const reasons = this.illegal(design);
    this.rules.forEach((rule, r) => {
      const place = variant.places[count + r];
      if (place !== 0 && !(this.engine.at(place) <= 0)) reasons.push(rule);
    });
    const get = name => this.byName.has(name) ? values[this.byName.get(name).index] : NaN;
    return {of: q => values[q.index], get, reasons, variant, numbers: design.numbers, picks: design.picks};
  }

  // Elasticities of a metric by input.
  elasticities(design, name) {
    const result = this.evaluate(design), q = this.byName.get(name);
    return q && result.variant ? this.engine.elasticities(result.variant, result.variant.places[q.index])
                               : new Float64Array(this.inputs.length);
  }

  // Quantities over a grid of inputs, all else as in the design. axes: [{input, values}] in display
  // units, the last moving fastest. One array a name; NaN where there is no design.
  grid(design, names, axes) {
    const count = axes.reduce((n, axis) => n * axis.values.length, 1);
    let repeat = count;
    return this.points(design, names, axes.map(axis => {
      repeat /= axis.values.length;
      const every = repeat;
      return {input: axis.input, values: Float64Array.from({length: count}, (_, p) => axis.values[Math.floor(p / every) % axis.values.length])};
    }), count);
  }

  // Likewise at `count` points; varying: [{input, values}] with a value for each.
  points(design, names, varying, count) {
    const result = this.evaluate(design);
    if (!result.variant) return names.map(() => []);
    const legal = new Uint8Array(count).fill(1);
    const numbers = varying.map(({input, values}) => {
      const {min, max, whole, value} = this.inputs[input];
      values.forEach((x, p) => {
        if (x !== value && (!(x >= min && x <= max) || (whole && !Number.isInteger(x)))) legal[p] = 0;
      });
      return {input, numbers: values.map(x => this.base(input, x))};
    });
    const places = names.map(name => result.variant.places[this.byName.get(name).index]);
    const rules = this.rules.map((_, r) => result.variant.places[this.quantities.length + r])
                      .filter(place => place !== 0);
    const all = this.engine.sweep([...places, ...rules], numbers, count);
    return names.map((name, j) => {
      const factor = this.byName.get(name).factor;
      return all[j].map((x, p) => {
        for (let r = places.length; r < all.length; ++r) if (!(all[r][p] <= 0)) return NaN;
        return legal[p] ? x / factor : NaN;
      });
    });
  }

  // The ends that an input is moved to: as study::sensitivity has them.
  ends(i, x) {
    const {range, min, max, whole} = this.inputs[i];
    if (range) return range;
    const [low, high] = whole ? [Math.floor(x / 2), 2 * x] : [0.9 * x, 1.1 * x];
    return [Math.max(low, min), Math.min(high, max)];
  }

  // A metric with each input alone at both of its ends, largest swing first; without those that do not
  // move it. [{input, ends: [{at, value}, {at, value}], swing}], NaN where that is no design.
  swings(design, metric) {
    const result = this.evaluate(design), here = result.get(metric);
    const reached = this.engine.inputsOf(result.variant.places[this.byName.get(metric).index]);
    // A value of a table that the machine does not use is not there to be changed.
    const moved = this.inputs.map((_, i) => i).filter(i => reached[i] && design.numbers[i] >= this.inputs[i].min);
    const ends = moved.map(i => this.ends(i, design.numbers[i]));
    const [values] = this.points(design, [metric], moved.map((input, k) => {
      const all = new Float64Array(2 * moved.length).fill(design.numbers[input]);
      all.set(ends[k], 2 * k);
      return {input, values: all};
    }), 2 * moved.length);
    return moved.map((input, k) => {
      const [low, high] = values.slice(2 * k, 2 * k + 2);
      const sizes = [low - here, high - here, high - low].filter(Number.isFinite).map(Math.abs);
      return {input, ends: [{at: ends[k][0], value: low}, {at: ends[k][1], value: high}], swing: Math.max(0, ...sizes)};
    }).filter(s => s.swing > 0).sort((p, q) => q.swing - p.swing);
  }

  // ---- what is changed ----

  // [{path, of, text, shown, was}] against the specs; a list that is changed is written out whole.
  changes(design) {
    const out = [], lists = new Set();
    this.inputs.forEach((input, i) => {
      const x = design.numbers[i];
      if (x === input.value) return;
      const shown = withUnit(x, input.unit), was = withUnit(input.value, input.unit);
      if (!input.entries)
        out.push({path: input.path, name: input.name, of: input.of, shown, was,
                  text: input.unit ? `"${x} ${input.unit}"` : `${x}`});
      else if (!lists.has(input.path)) {
        lists.add(input.path);
        out.push({path: input.path, name: input.name, of: input.of, shown, was,
                  text: this.list(input.path, design)});
      }
    });
    this.choices.forEach((c, i) => {
      const pick = design.picks[i];
      if (pick === c.now) return;
      const text = c.options[pick].text;
      out.push({path: c.path, name: c.path, of: c.of, shown: c.options[pick].label,
                was: c.options[c.now].label,
                text: /^(true|false|\[.*|[0-9]+)$/.test(text) ? text : `"${text}"`});
    });
    return out;
  }

  list(path, design) {
    const entries = [];
    this.inputs.forEach((input, i) => {
      if (input.path !== path) return;
      for (let e = input.entries[0]; e <= input.entries[1]; ++e)
        entries[e] = input.unit ? `"${design.numbers[i]} ${input.unit}"` : `${design.numbers[i]}`;
    });
    return `[${entries.join(', ')}]`;
  }

  toml(design) {
    const lines = [`# ${this.command(design)}`];
    for (const of of ['hardware', 'model']) {
      const changed = this.changes(design).filter(c => c.of === of);
      if (changed.length) lines.push('', `# in the ${of} spec`);
      let open = '';
      for (const c of changed) {
        const [table, ...key] = c.path.split('.');
        if (table !== open) lines.push(`[${open = table}]`);
        lines.push(`${key.join('.')} = { value = ${c.text}, grade = "assumption", source = "set in the live page" }`);
      }
    }
    if (!this.changes(design).length) lines.push('', '# nothing is changed');
    return lines.join('\n') + '\n';
  }

  command(design) {
    const sets = this.changes(design).map(c => {
      const bare = c.text.startsWith('"') ? c.text.slice(1, -1) : c.text;
      return ` --set '${c.path}=${bare.replace(/'/g, `'\\''`)}'`;
    });
    return this.madeBy.replace(/ \(version.*$/, '').replace(/^tomestimate live/, 'tomestimate estimate') +
           sets.join('');
  }

  // ---- the page's address ----

  encode(design) {
    const parts = [];
    this.inputs.forEach((input, i) => {
      if (design.numbers[i] !== input.value) parts.push([input.name, design.numbers[i]]);
    });
    this.choices.forEach((c, i) => {
      if (design.picks[i] !== c.now) parts.push([c.path, c.options[design.picks[i]].label]);
    });
    return parts.map(part => part.map(encodeURIComponent).join('=')).join('&');
  }

  // The design of an encoded text; what it does not know is left as made.
  decode(text, name) {
    const design = {...this.made(), name};
    for (const part of text.split('&').filter(Boolean)) {
      const [key, value] = splitOnce(part, '=').map(decodeURIComponent);
      const i = this.inputByName.get(key), c = this.choices.findIndex(choice => choice.path === key);
      if (i !== undefined && value.trim() !== '' && Number.isFinite(Number(value)))
        design.numbers[i] = Number(value);
      const option = c < 0 ? -1 : this.choices[c].options.findIndex(o => o.label === value);
      if (option >= 0) design.picks[c] = option;
    }
    return design;
  }
}

function splitOnce(text, at) {
  const i = text.indexOf(at);
  return i < 0 ? [text, ''] : [text.slice(0, i), text.slice(i + at.length)];
}

// ---- numbers as people read them ----

// Four digits that count, thousands set apart.
function fmt(x) {
  if (Number.isNaN(x)) return '–';
  if (!Number.isFinite(x)) return x < 0 ? '-∞' : '∞';
  const size = Math.abs(x);
  if (size >= 1e15 || (size > 0 && size < 1e-4)) return x.toExponential(2).replace('e+', 'e');
  if (size >= 1e4) return Math.round(x).toLocaleString('en-US');
  const text = String(Number(x.toPrecision(4)));
  return size >= 1000 ? Number(text).toLocaleString('en-US') : text;
}
const withUnit = (x, unit) => unit ? `${fmt(x)} ${unit}` : fmt(x);
const words = name => name.replace(/_/g, ' ');

// "+12 %", "×3.1", "no change"; '' if there is nothing to compare.
function change(now, before) {
  if (Number.isNaN(now) || Number.isNaN(before)) return '';
  if (now === before) return 'same';
  if (before === 0) return 'was 0';
  const ratio = now / before;
  if (ratio >= 3) return `× ${fmt(Number(ratio.toPrecision(3)))}`;
  const percent = (ratio - 1) * 100;
  const size = Math.abs(percent);
  if (size < 0.01) return 'under 0.01 %';
  const text = size >= 10 ? size.toFixed(0) : String(Number(size.toPrecision(2)));
  return `${percent > 0 ? '+' : '−'}${text} %`;
}
