// Figures, drawn by d3 from quantities by name. What a design does not have, it is not drawn with; a
// figure for which nothing is left returns null. Each gives its title, which says what is to be seen,
// and draws into an <svg> of a given width.

const colours = ['#0072b2', '#e69f00', '#009e73', '#d55e00', '#56b4e9', '#cc79a7', '#b8a000', '#777777'];
const colourOf = keys => {
  const scale = new Map(keys.map((key, i) => [key, colours[i % colours.length]]));
  return key => scale.get(key) || '#999999';
};
// Black or white, whichever is read on a colour.
const inkOn = fill => d3.lab(fill).l > 58 ? '#000' : '#fff';
const share = x => `${(100 * x).toFixed(x >= 0.0995 || x === 0 ? 0 : 1)} %`;
const sumOf = (list, of) => list.reduce((sum, x) => sum + of(x), 0);
const largest = (list, of) => list.reduce((best, x) => of(x) > of(best) ? x : best);
const unitLabel = (name, unit) => unit ? `${words(name)} [${unit}]` : words(name);

// What is drawn, before it is in the page: making elements costs more than all else, and of a change
// most of them stay.
class Shape {
  constructor(tag) {
    this.tag = tag;
    this.attributes = {};
    this.children = [];
    this.words = '';
  }
  append(tag) {
    const child = new Shape(tag);
    this.children.push(child);
    return child;
  }
  attr(name, value) {
    this.attributes[name] = String(value);
    return this;
  }
  text(words) {
    this.words = words;
    return this;
  }

  // What a pointer is told, in order.
  tips() { return this.children.flatMap(child => child.tag === 'title' ? [child.words] : child.tips()); }

  element() {
    const node = document.createElementNS('http://www.w3.org/2000/svg', this.tag);
    for (const [name, value] of Object.entries(this.attributes)) node.setAttribute(name, value);
    if (this.words) node.textContent = this.words;
    node.append(...this.children.map(child => child.element()));
    return node;
  }

  // Makes the element of `old` that of this.
  replace(node, old) {
    for (const name in this.attributes)
      if (this.attributes[name] !== old.attributes[name]) node.setAttribute(name, this.attributes[name]);
    for (const name in old.attributes) if (!(name in this.attributes)) node.removeAttribute(name);
    if (this.words !== old.words) {
      if (node.firstChild && node.firstChild.nodeType === Node.TEXT_NODE) node.firstChild.data = this.words;
      else node.textContent = this.words;
    }
    const common = Math.min(this.children.length, old.children.length);
    let at = node.firstChild;
    for (let i = 0; i < common; ++i) {
      const next = at.nextSibling, child = this.children[i];
      if (child.tag === old.children[i].tag) child.replace(at, old.children[i]);
      else at.replaceWith(child.element());
      at = next;
    }
    for (let i = common; i < old.children.length; ++i) node.lastChild.remove();
    for (let i = common; i < this.children.length; ++i) node.append(this.children[i].element());
  }
}

const canvas = (svg, width, height) =>
  svg.attr('viewBox', `0 0 ${width} ${height}`).attr('width', width).attr('height', height);
// To a tenth of a pixel.
const pixel = x => Math.round(10 * x) / 10;
const textAt = (to, x, y, text, anchor = 'start', style = '') => {
  const shape = to.append('text').attr('x', pixel(x)).attr('y', pixel(y)).attr('text-anchor', anchor).text(text);
  return style ? shape.attr('class', style) : shape;
};
const boxAt = (to, x, y, width, height, fill) =>
  to.append('rect').attr('x', pixel(x)).attr('y', pixel(y)).attr('width', pixel(Math.max(0, width)))
    .attr('height', pixel(height)).attr('fill', fill);
const lineAt = (to, style, x1, y1, x2, y2) =>
  to.append('line').attr('class', style).attr('x1', pixel(x1)).attr('y1', pixel(y1)).attr('x2', pixel(x2)).attr('y2', pixel(y2));
const dotAt = (to, x, y, radius, fill) =>
  to.append('circle').attr('cx', pixel(x)).attr('cy', pixel(y)).attr('r', pixel(radius)).attr('class', 'dot').attr('fill', fill);
const tip = (to, text) => to.append('title').text(text);

// Numbers on an axis: few, and short.
function tickText(x) {
  const size = Math.abs(x);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return x.toExponential(0).replace('e+', 'e');
  return size >= 1000 ? x.toLocaleString('en-US') : String(Number(x.toPrecision(3)));
}

// An axis of length `room` below ("bottom") or on the left of a picture, at [x, y].
function axis(svg, scale, side, at, room) {
  const ticks = Math.max(2, Math.floor(room / (side === 'bottom' ? 70 : 36)));
  lettered(svg, scale, side, at, typeof scale.base === 'function' ? decadesOf(scale.domain(), ticks) : scale.ticks(ticks), tickText);
}

// Ticks of a log axis: 1, or 1 and 3, or 1, 2 and 5 of each decade.
function decadesOf([low, high], ticks) {
  const decades = Math.log10(high / low), values = [];
  const steps = decades > ticks ? [1] : decades * 3 > ticks ? [1, 3] : [1, 2, 5];
  for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); ++p)
    for (const step of steps) {
      const x = Number(`${step}e${p}`);
      if (x >= low * 0.999 && x <= high * 1.001) values.push(x);
    }
  return values;
}

function lettered(svg, scale, side, at, values, words) {
  const g = svg.append('g').attr('class', 'axis').attr('transform', `translate(${at.map(pixel)})`);
  const [from, to] = scale.range().map(pixel), below = side === 'bottom';
  g.append('path').attr('d', below ? `M${from},0H${to}` : `M0,${from}V${to}`).attr('fill', 'none');
  for (const value of values) {
    const x = scale(value);
    if (below) {
      lineAt(g, 'tick', x, 0, x, 6);
      textAt(g, x, 18, words(value), 'middle');
    } else {
      lineAt(g, 'tick', -6, x, 0, x);
      textAt(g, -9, x + 4, words(value), 'end');
    }
  }
}

// Boxes with names, in rows; the picture ends below them.
function legend(svg, width, top, entries) {
  let x = 0, y = top;
  for (const [name, fill] of entries) {
    const size = 20 + name.length * 6.6;
    if (x > 0 && x + size > width) {
      x = 0;
      y += 17;
    }
    boxAt(svg, x, y, 11, 11, fill);
    textAt(svg, x + 15, y + 10, name);
    x += size + 8;
  }
  canvas(svg, width, y + 17);
}

// ---- time: the ops of a layer, one after the other ----

const opPattern = /^([a-z]+)\.(.+)\.cycles$/;
function passesOf(model) {
  const names = model.quantities.map(q => opPattern.exec(q.name)).filter(Boolean).map(m => m[1]);
  return [...new Set(names)];
}

// [{op, cycles, binds}] in order; binds: the resources that take longest.
function opsOf(model, result, pass) {
  const out = [];
  for (const q of model.quantities) {
    const m = opPattern.exec(q.name), cycles = result.of(q);
    if (!m || m[1] !== pass || !(cycles > 0)) continue;
    const all = model.resources.map(([id, words]) => [words, result.get(`${pass}.${m[2]}.${id}`) || 0]);
    const most = Math.max(...all.map(r => r[1]));
    const binds = most > 0 ? all.filter(r => r[1] === most).map(r => r[0]).join(' = ') : 'latency';
    out.push({op: m[2], cycles, most, binds});
  }
  return out;
}

const timeFigure = {
  id: 'time',
  options: model => passesOf(model),
  draw(svg, width, {model, now, reference}, pass) {
    const ops = opsOf(model, now, pass);
    if (!ops.length) return null;
    const before = new Map(opsOf(model, reference, pass).map(o => [o.op, o.cycles]));
    const total = sumOf(ops, o => o.cycles);
    const small = ops.filter(o => o.cycles < total / 100);
    const rows = ops.filter(o => o.cycles >= total / 100);
    let at = 0;
    for (const o of ops) {
      o.from = at;
      at += o.cycles;
    }
    const kinds = [...new Set(ops.map(o => o.binds))];
    const colour = colourOf(kinds);
    const left = 104, right = 62, step = 16;
    const x = d3.scaleLinear([0, total], [left, width - right]);
    rows.forEach((o, i) => {
      const y = i * step;
      textAt(svg, left - 6, y + 11, o.op.slice(0, 16), 'end');
      const g = svg.append('g');
      boxAt(g, x(o.from), y + 1, Math.max(1.5, x(o.from + o.cycles) - x(o.from)), step - 4, colour(o.binds));
      const was = before.get(o.op);
      if (was !== undefined && was !== o.cycles)
        boxAt(g, x(o.from), y + step - 4, Math.min(x(total) + right - 4, x(o.from + was)) - x(o.from), 2, 'var(--ink)');
      tip(g, `${o.op}: ${fmt(o.cycles)} cycles, ${share(o.cycles / total)}; ${o.binds} binds` +
             (was === undefined ? '' : `; ${change(o.cycles, was)}`));
      const end = x(o.from + o.cycles) + 4;
      textAt(svg, Math.min(end, width - right + 4), y + 11, fmt(o.cycles), 'start', 'value');
    });
    const bottom = rows.length * step + 2;
    axis(svg, x, 'bottom', [0, bottom], width - left - right);
    legend(svg, width, bottom + 24, kinds.filter(k => rows.some(o => o.binds === k)).map(k => [`${k} binds`, colour(k)]));
    const longest = largest(ops, o => o.cycles);
    const by = kinds.map(k => [k, sumOf(ops.filter(o => o.binds === k), o => o.cycles)]);
    const kind = largest(by, k => k[1]);
    return {title: `${kind[0]} binds ${share(kind[1] / total)} of the ops' ${fmt(total)} cycles; ` +
                   `${longest.op} takes ${share(longest.cycles / total)}`,
            note: 'Ops of a layer in order, in cycles; what is below 1 % has no row' +
                  (small.length ? ` (${small.length} ops, ${share(sumOf(small, o => o.cycles) / total)})` : '') +
                  '. Where a design overlaps ops, they take less than they add up to. A thin line: what the op took in the design compared with.'};
  },
};

// ---- what moves a metric ----

const driversFigure = {
  id: 'drivers',
  options: model => model.leads,
  draw(svg, width, {model, now, design}, metric) {
    if (!now.variant) return null;
    const slopes = model.elasticities(design, metric);
    const all = model.inputs.map((input, i) => ({name: input.name, by: slopes[i]}))
                    .filter(d => Number.isFinite(d.by) && Math.abs(d.by) >= 0.005)
                    .sort((p, q) => Math.abs(q.by) - Math.abs(p.by)).slice(0, 12);
    if (!all.length) return null;
    const left = Math.min(190, width * 0.45), step = 18, height = all.length * step + 26;
    canvas(svg, width, height);
    const most = Math.max(1, d3.max(all, d => Math.abs(d.by)));
    const low = Math.min(0, d3.min(all, d => d.by)) < 0 ? -most : 0;
    const x = d3.scaleLinear([low, most], [left + 6, width - 44]);
    all.forEach((d, i) => {
      const y = i * step;
      textAt(svg, left - 4, y + 12, d.name.length > 27 ? `${d.name.slice(0, 26)}…` : d.name, 'end');
      boxAt(svg, Math.min(x(0), x(d.by)), y + 2, Math.abs(x(d.by) - x(0)), step - 5,
            d.by > 0 ? colours[0] : colours[3]);
      textAt(svg, d.by > 0 ? x(d.by) + 4 : x(0) + 4, y + 12, (d.by > 0 ? '+' : '−') + Math.abs(d.by).toFixed(2), 'start', 'value');
    });
    lineAt(svg, 'zero', x(0), 0, x(0), all.length * step);
    axis(svg, x, 'bottom', [0, all.length * step + 1], width - left - 50);
    const first = all[0];
    return {title: `${words(metric)} hangs most on ${first.name}: 1 % more of it is ${first.by > 0 ? '+' : '−'}${Math.abs(first.by).toFixed(2)} %`,
            note: 'Elasticities at this design, roundings passed over. Where two resources bind together, the first of them gets it all.'};
  },
};

// ---- a metric at both ends of each input ----

const tornadoFigure = {
  id: 'tornado',
  options: model => model.leads,
  draw(svg, width, {model, now, design}, metric) {
    const here = now.get(metric);
    if (!now.variant || !Number.isFinite(here)) return null;
    const q = model.byName.get(metric), rows = model.swings(design, metric).slice(0, 10);
    if (!rows.length) return null;
    const left = Math.min(190, width * 0.45), step = 30, bottom = rows.length * step + 4;
    canvas(svg, width, bottom + 44);
    const [low, high] = d3.extent([here, ...rows.flatMap(r => r.ends.map(e => e.value))].filter(Number.isFinite));
    const x = d3.scaleLinear([low, high], [left + 8, width - 10]);
    const fill = ['var(--low)', colours[0]];
    rows.forEach((r, i) => {
      const y = i * step, input = model.inputs[r.input];
      textAt(svg, left - 4, y + 12, input.name.length > 27 ? `${input.name.slice(0, 26)}…` : input.name, 'end');
      const g = svg.append('g');
      // Where both ends are on one side, the longer bar is below.
      const size = e => Number.isFinite(e.value) ? Math.abs(e.value - here) : 0;
      for (const e of [0, 1].sort((a, b) => size(r.ends[b]) - size(r.ends[a]))) {
        const {value} = r.ends[e];
        if (Number.isFinite(value) && value !== here)
          boxAt(g, Math.min(x(here), x(value)), y + 2, Math.abs(x(value) - x(here)), 13, fill[e]);
      }
      const said = e => `${fmt(e.at)} → ${Number.isFinite(e.value) ? fmt(e.value) : 'no design'}`;
      tip(g, `${input.name} at ${r.ends.map(said).join(', at ')} ${q.unit}`);
      textAt(svg, left - 4, y + 25, `${fmt(r.ends[0].at)} to ${withUnit(r.ends[1].at, input.unit)}`, 'end', 'small');
      const lost = r.ends.filter(e => !Number.isFinite(e.value)).map(e => fmt(e.at));
      if (lost.length) textAt(svg, x(here) > (left + width) / 2 ? x(low) : x(here) + 4, y + 25, `no design at ${lost.join(' and ')}`, 'start', 'small');
    });
    lineAt(svg, 'zero', x(here), 0, x(here), bottom);
    axis(svg, x, 'bottom', [0, bottom + 1], width - left - 18);
    textAt(svg, width - 10, bottom + 38, unitLabel(metric, q.unit), 'end');
    const first = rows[0], name = model.inputs[first.input].name;
    const said = e => `${Number.isFinite(e.value) ? fmt(e.value) : 'no design'} at ${withUnit(e.at, model.inputs[first.input].unit)}`;
    return {title: `${words(metric)} is ${withUnit(here, q.unit)}; ${name} moves it most: ${said(first.ends[0])}, ${said(first.ends[1])}`,
            note: 'Each input at the ends of its range (below its name): the spec\'s, or else 10 % around the value, or half and twice a whole one. Light: at the low end; dark: at the high end.'};
  },
};

// ---- power by component, gated and not ----

// [{name, value}]: W of the components while decoding ("decode"), and without gating ("ungated").
// Switching is paid for once in the time between tokens, which lockstep makes shorter than a step;
// leakage for as long as the step takes.
function powerOf(model, result, pass) {
  const longer = result.get(`${pass}.total_cycles`) / result.get('decode.total_cycles');
  const chip = result.get('decode.chip_time'), between = result.get('decode.tokens') / result.get('throughput') * 1e6;
  const lockstep = between < chip * (1 - 1e-9), step = chip * longer, interval = lockstep ? between : step;
  return model.energies.map(([id, name]) => ({
    name, value: result.get(`${pass}.energy.${id}`) / (id.endsWith('leakage') ? step : interval),
  })).filter(p => p.value > 0);
}

const powerFigure = {
  id: 'power',
  draw(svg, width, {model, now, reference}) {
    const parts = powerOf(model, now, 'decode').sort((p, q) => q.value - p.value);
    if (!parts.length) return null;
    const of = list => new Map(list.map(p => [p.name, p.value]));
    const before = of(powerOf(model, reference, 'decode')), open = of(powerOf(model, now, 'ungated'));
    const left = 148, step = 20, total = sumOf(parts, p => p.value);
    const most = Math.max(d3.max(parts, p => p.value), ...before.values());
    const height = parts.length * step + 44;
    canvas(svg, width, height);
    const x = d3.scaleLinear([0, most * 1.02], [left, width - 84]);
    parts.forEach((p, i) => {
      const y = i * step, was = before.get(p.name), ungated = open.get(p.name);
      textAt(svg, left - 6, y + 13, words(p.name), 'end');
      const g = svg.append('g');
      boxAt(g, left, y + 2, x(p.value) - left, step - 6, colours[0]);
      if (was !== undefined) boxAt(g, x(was) - 1.5, y, 3, step - 2, 'var(--ink)');
      tip(g, `${words(p.name)}: ${withUnit(p.value, 'W')}, ${share(p.value / total)}` +
             (ungated ? `; ungated ${withUnit(ungated, 'W')}` : '') + (was ? `; ${change(p.value, was)}` : ''));
      const end = Math.max(x(p.value), was === undefined ? 0 : x(was)) + 6;
      textAt(svg, end, y + 13, fmt(p.value) + (ungated > p.value * 1.05 ? ` (${fmt(ungated)})` : ''), 'start', 'value');
    });
    axis(svg, x, 'bottom', [0, parts.length * step + 2], width - left - 84);
    textAt(svg, left, parts.length * step + 40, 'W, averaged over a decode step', 'start');
    const without = now.get('power_ungated'), first = parts[0];
    return {title: `${words(first.name)} takes ${share(first.value / total)} of ${withUnit(total, 'W')}` +
                   (without > total * 1.001 ? `; ungated it would be ${withUnit(without, 'W')}` : ''),
            note: 'In brackets: without power gating. A mark: the design compared with.'};
  },
};

// ---- from ungated power to gated ----

// [{name, change}] of the components that gating moves by at least 1 %, most taken off first, then
// the others in one: as the figure of a report has it.
function fallsOf(open, gated) {
  const before = new Map(open.map(p => [p.name, p.value])), after = new Map(gated.map(p => [p.name, p.value]));
  const total = sumOf(open, p => p.value), out = [];
  let others = 0;
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const moved = (after.get(name) || 0) - (before.get(name) || 0);
    if (Math.abs(moved) < 0.01 * total) others += moved;
    else out.push({name, change: moved});
  }
  out.sort((p, q) => p.change - q.change);
  return [...out, {name: 'others', change: others}];
}

const waterfallFigure = {
  id: 'waterfall',
  draw(svg, width, {model, now, reference}) {
    const open = powerOf(model, now, 'ungated'), gated = powerOf(model, now, 'decode');
    if (!open.length || !gated.length) return null;
    const from = sumOf(open, p => p.value), to = sumOf(gated, p => p.value), steps = fallsOf(open, gated);
    const left = 148, step = 22, count = steps.length + 2, bottom = count * step;
    canvas(svg, width, bottom + 44);
    // The highest that the bars come to: what gating costs may stand above what it starts from.
    let at = from, most = Math.max(from, to);
    for (const s of steps) most = Math.max(most, at += s.change);
    const x = d3.scaleLinear([0, most], [left, width - 66]);
    const bar = (row, low, high, name, text, fill) => {
      textAt(svg, left - 6, row * step + 14, words(name), 'end');
      const g = svg.append('g');
      boxAt(g, x(Math.min(low, high)), row * step + 3, Math.max(1, Math.abs(x(high) - x(low))), step - 7, fill);
      tip(g, `${words(name)}: ${text}`);
      textAt(svg, x(Math.max(low, high)) + 5, row * step + 14, text, 'start', 'value');
    };
    bar(0, 0, from, 'without gating', withUnit(from, 'W'), 'var(--whole)');
    at = from;
    steps.forEach((s, i) => {
      lineAt(svg, 'joint', x(at), (i + 1) * step - 4, x(at), (i + 1) * step + 3);
      const none = Math.abs(s.change) < 5e-4 * from;
      bar(i + 1, at, at + s.change, s.name, none ? '0' : `${s.change < 0 ? '−' : '+'}${withUnit(Math.abs(s.change), 'W')}`,
          s.change < 0 ? colours[2] : colours[3]);
      at += s.change;
    });
    bar(count - 1, 0, to, 'with gating', withUnit(to, 'W'), 'var(--whole)');
    axis(svg, x, 'bottom', [0, bottom + 2], width - left - 66);
    textAt(svg, left, bottom + 40, 'W, averaged over a decode step', 'start');
    const was = sumOf(powerOf(model, reference, 'decode'), p => p.value);
    const first = steps[0];
    return {title: steps.length < 2 || from <= to * 1.001 ? `Gating takes nothing off ${withUnit(to, 'W')}`
              : `Gating takes ${withUnit(from, 'W')} to ${withUnit(to, 'W')}; ${words(first.name)} is ${share(first.change / (to - from))} of what it takes off`,
            note: 'From the power without gating to that with it, by component' +
                  (was > 0 && was !== to ? `; with gating, the design compared with takes ${withUnit(was, 'W')}.` : '.')};
  },
};

// ---- area and power as treemaps ----

// [{name, value}]: mm^2 of what the chip's area is the sum of.
const areasOf = (model, result) =>
  model.areas.map(([id, name]) => ({name, value: result.get(id)})).filter(p => p.value > 0);

// Lines of at most so many letters, a long word alone.
function wrapped(text, letters) {
  const lines = [];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1];
    if (last !== undefined && last.length + 1 + word.length <= letters) lines[lines.length - 1] += ` ${word}`;
    else lines.push(word);
  }
  return lines;
}

// Boxes as large as their parts, in a picture as large as the whole, beside the design compared with.
// parts, before: [{name, value}]; colour: of a name.
function drawTreemap(svg, width, {parts, before, unit, colour}) {
  const total = sumOf(parts, p => p.value), was = sumOf(before, p => p.value);
  const old = new Map(before.map(p => [p.name, p.value]));
  const height = Math.min(300, width * 0.6), scale = Math.sqrt(total / Math.max(total, was));
  canvas(svg, width, height);
  if (was > total) boxAt(svg, 1, 1, width - 2, height - 2, 'none').attr('class', 'outline');
  const root = d3.treemap().size([width * scale - 2, height * scale - 2]).padding(2)(
    d3.hierarchy({children: parts}).sum(p => p.value || 0).sort((p, q) => q.value - p.value));
  const unnamed = [];
  for (const leaf of root.leaves()) {
    const g = svg.append('g').attr('transform', `translate(${leaf.x0 + 1},${leaf.y0 + 1})`);
    const w = leaf.x1 - leaf.x0, h = leaf.y1 - leaf.y0, p = leaf.data;
    boxAt(g, 0, 0, w, h, colour(p.name));
    const moved = old.has(p.name) ? change(p.value, old.get(p.name)) : '';
    tip(g, `${p.name}: ${withUnit(p.value, unit)}, ${share(p.value / total)}${moved ? `; ${moved}` : ''}`);
    const name = wrapped(p.name, (w - 8) / 6.6), lines = [...name, withUnit(p.value, unit), share(p.value / total)];
    if (moved && moved !== 'same') lines.push(moved);
    const room = Math.floor((h - 4) / 14), widest = d3.max(name, line => line.length);
    if (widest * 6.6 + 8 > w || name.length > room) unnamed.push(p);
    else
      lines.slice(0, room).filter(line => line.length * 6.6 + 8 < w).forEach((line, i) => {
        textAt(g, 5, 15 + 14 * i, line).attr('style', `fill: ${inkOn(colour(p.name))}`);
      });
  }
  const told = unnamed.filter(p => p.value / total >= 0.001), tiny = unnamed.length - told.length;
  const rest = told.map(p => `${p.name} ${share(p.value / total)}`).join(', ') + (tiny ? `${told.length ? '; ' : ''}${tiny} below 0.1 %` : '');
  const first = largest(parts, p => p.value);
  return {title: `${first.name} is ${share(first.value / total)} of ${withUnit(total, unit)}`,
          note: (unnamed.length ? ` Without room for a name: ${rest}.` : '') +
                (was > total ? ' Dashed: the design compared with.' : '')};
}

const areaFigure = {
  id: 'area',
  draw(svg, width, {model, now, reference}) {
    const parts = areasOf(model, now);
    if (!parts.length) return null;
    const colour = colourOf(model.areas.map(a => a[1]));
    const drawn = drawTreemap(svg, width, {parts, before: areasOf(model, reference), unit: 'mm²', colour});
    return {title: `Area: ${drawn.title}`, note: `Areas true to scale.${drawn.note}`};
  },
};

const powerSharesFigure = {
  id: 'power-shares',
  draw(svg, width, {model, now, reference}) {
    const parts = powerOf(model, now, 'decode');
    if (!parts.length) return null;
    const colour = colourOf(model.energies.map(e => e[1]));
    const drawn = drawTreemap(svg, width, {parts, before: powerOf(model, reference, 'decode'), unit: 'W', colour});
    return {title: `Power: ${drawn.title}`, note: `Watts of a decode step, gating as it is, true to scale.${drawn.note}`};
  },
};

// ---- roofline ----

// [{name, kind, intensity, rate}] of the matrix ops of a decode step, and the roofs: what is read of which
// memory, and how fast.
const memories = [['ROM', 'rom_bits', 'memory_cycles'], ['DRAM', 'dram_bits', 'memory_cycles'], ['SRAM', 'sram_read_bits', 'sram_cycles']];
function rooflineOf(model, result) {
  const perUs = result.get('decode.total_cycles') / result.get('decode.chip_time');  // cycles
  const at = name => result.get(`decode.${name}`);
  const tokens = at('tokens'), bits = numberOf(model, result, 'weights.bits');
  const points = [], ports = new Map();
  for (const q of model.quantities) {
    const m = opPattern.exec(q.name);
    if (!m || m[1] !== 'decode') continue;
    const op = m[2];
    for (const [kind, read, port] of memories) {
      const moved = at(`${op}.${read}`);
      const macs = kind === 'SRAM' ? at(`${op}.dense_macs`) : result.get(`layer0.${op}.stored_bits`) / bits * tokens;
      if (!(moved > 0) || !(macs > 0)) continue;
      points.push({name: op, kind, intensity: 2 * macs / (moved / 8), rate: 2 * macs / at(`${op}.cycles`) * perUs / 1e6,
                   cycles: at(`${op}.cycles`)});
      const rate = moved / 8 / at(`${op}.${port}`) * perUs / 1e6;  // TB/s
      if (rate > (ports.get(kind) || 0)) ports.set(kind, rate);
      break;
    }
  }
  return {points, ports, peak: result.get('peak_rate')};
}
const numberOf = (model, result, name) => {
  const i = model.inputByName.get(name);
  return i === undefined ? NaN : result.numbers[i];
};

const rooflineFigure = {
  id: 'roofline',
  draw(svg, width, {model, now, reference}) {
    const {points, ports, peak} = rooflineOf(model, now);
    if (points.length < 2 || !(peak > 0)) return null;
    const before = new Map(rooflineOf(model, reference).points.map(p => [p.name, p]));
    const left = 50, height = 300, top = 12, bottom = height - 58;
    canvas(svg, width, height);
    const low = d3.min(points, p => p.intensity) / 2;
    const high = Math.max(d3.max(points, p => p.intensity), ...[...ports.values()].map(b => peak / b)) * 3;
    const x = d3.scaleLog([low, high], [left, width - 10]);
    const rates = [...points.map(p => p.rate), ...[...before.values()].map(p => p.rate)];
    const y = d3.scaleLog([d3.min(rates) / 2, Math.max(peak, d3.max(rates)) * 2], [bottom, top]);
    axis(svg, x, 'bottom', [0, bottom], width - left);
    axis(svg, y, 'left', [left, 0], bottom - top);
    textAt(svg, width - 10, bottom + 32, 'operations a byte read', 'end');
    textAt(svg, left + 4, top + 2, 'TOPS', 'start');
    const fill = {ROM: colours[0], DRAM: colours[2], SRAM: colours[1]}, clip = r => Math.max(y.domain()[0], r);
    for (const [kind, rate] of ports) {
      const ridge = peak / rate, start = Math.max(low, y.domain()[0] / rate);
      svg.append('path').attr('class', 'roof').attr('stroke', fill[kind])
        .attr('d', d3.line()([[x(start), y(clip(start * rate))], [x(Math.min(high, ridge)), y(Math.min(peak, rate * high))], [x(high), y(Math.min(peak, rate * high))]]));
    }
    textAt(svg, width - 12, y(peak) - 5, `${fmt(peak)} TOPS peak`, 'end', 'value');
    const most = d3.max(points, p => p.cycles);
    for (const p of points) {
      const g = svg.append('g'), was = before.get(p.name);
      if (was && was.rate !== p.rate)
        lineAt(g, 'was', x(Math.max(low, was.intensity)), y(was.rate), x(p.intensity), y(p.rate));
      dotAt(g, x(p.intensity), y(p.rate), 3 + 6 * Math.sqrt(p.cycles / most), fill[p.kind]);
      tip(g, `${p.name}: ${fmt(p.rate)} TOPS at ${fmt(p.intensity)} op/B, ${fmt(p.cycles)} cycles`);
    }
    const named = points.slice().sort((p, q) => q.cycles - p.cycles).slice(0, 3), taken = [];
    for (const p of named) {
      const at = y(p.rate);
      if (taken.some(t => Math.abs(t[1] - at) < 13 && Math.abs(t[0] - x(p.intensity)) < 60)) continue;
      taken.push([x(p.intensity), at]);
      textAt(svg, x(p.intensity) - 11, at + 4, p.name, 'end', 'value');
    }
    legend(svg, width, bottom + 42, [...ports].map(([kind, rate]) => [`reads ${kind}, ${fmt(rate)} TB/s`, fill[kind]]));
    const longest = largest(points, p => p.cycles);
    return {title: `${longest.name}, the longest matrix op, runs at ${share(longest.rate / peak)} of the peak`,
            note: 'Circles by cycles. A line leads from where the op was in the design compared with.'};
  },
};

// ---- context ----

const contextFigure = {
  id: 'context',
  // The design compared with stays as one drags.
  kept(model, design, names, input, values) {
    const key = [design.numbers, design.picks, names, values].join(';');
    if (key !== this.key) this.lines = model.grid(design, names, [{input, values}]);
    this.key = key;
    return this.lines;
  },
  draw(svg, width, {model, now, reference, design, referenceDesign}) {
    const input = model.inputs.findIndex(i => i.path.endsWith('.context'));
    const names = ['throughput', 'power'].filter(n => model.byName.has(n));
    if (input < 0 || !names.length || !now.variant) return null;
    const here = design.numbers[input], limit = now.get('max_context');
    const most = Math.max(4 * here, Math.min(limit > 0 ? 1.6 * limit : 0, 32 * here), 64);
    const values = [...new Set(d3.range(49).map(i => Math.round(most ** (i / 48))))];
    const old = reference.variant ? this.kept(model, referenceDesign, names, input, values) : null;
    const lines = model.grid(design, names, [{input, values}]);
    const left = 58, each = 130, height = names.length * each + 34;
    canvas(svg, width, height);
    const x = d3.scaleLog([1, most], [left, width - 14]);
    names.forEach((name, j) => {
      const top = j * each + 20, bottom = j * each + each - 6;
      const all = [...lines[j], ...(old ? old[j] : [])].filter(Number.isFinite);
      if (!all.length) return;
      const y = d3.scaleLinear([0, d3.max(all) * 1.08], [bottom, top]);
      axis(svg, y, 'left', [left, 0], bottom - top);
      textAt(svg, left + 4, top - 6, unitLabel(name, model.byName.get(name).unit), 'start', 'strong');
      const line = d3.line().defined(d => Number.isFinite(d[1])).x(d => pixel(x(d[0]))).y(d => pixel(y(d[1])));
      if (old) svg.append('path').attr('class', 'series was').attr('d', line(values.map((v, i) => [v, old[j][i]])));
      svg.append('path').attr('class', 'series').attr('stroke', colours[j === 0 ? 0 : 3]).attr('d', line(values.map((v, i) => [v, lines[j][i]])));
      const value = now.get(name);
      if (Number.isFinite(value)) {
        dotAt(svg, x(here), y(value), 4.5, colours[j === 0 ? 0 : 3]);
        textAt(svg, Math.min(width - 14, x(here) + 8), y(value) - 8, fmt(value), x(here) > width - 70 ? 'end' : 'start', 'value');
      }
      const last = d3.max(values.filter((_, i) => Number.isFinite(lines[j][i])));
      if (last < most) {
        boxAt(svg, x(last) + 1, top, x(most) - x(last) - 1, bottom - top, 'var(--line)').attr('opacity', 0.5);
        if (x(most) - x(last) > 66) textAt(svg, x(last) + 5, bottom - 6, 'no design', 'start');
      }
    });
    axis(svg, x, 'bottom', [0, names.length * each - 6], width - left);
    textAt(svg, width - 14, height - 4, 'context [positions]', 'end');
    const first = lines[0].filter(Number.isFinite);
    const fall = first.length ? change(first[first.length - 1], first[0]) : '';
    const reach = d3.max(values.filter((_, i) => Number.isFinite(lines[0][i])));
    return {title: first.length ? `From 1 to ${fmt(reach)} positions ${words(names[0])} goes ${fall}` : 'No design at any context',
            note: (limit > 0 ? `The SRAM holds ${fmt(limit)} positions. ` : '') + (old ? 'Dashed: the design compared with.' : '')};
  },
};

// ---- the chip ----

// [{name, lines}] of what a chip is made of; a part without area is not there.
function blocksOf(model, result) {
  const at = name => numberOf(model, result, name), shown = (x, unit) => withUnit(x, unit);
  const space = model.choices.some((c, i) => c.path === 'base.sharing' && c.options[result.picks[i]].label === 'space');
  const units = (kind, name) => ({name, lines: [
    kind === 'base' && space ? `${fmt(result.get('units'))} units, each with weights of its own`
                             : `${fmt(at(`${kind}.lanes`))} lanes × ${fmt(at(`${kind}.per_lane`))}`,
    `each ${fmt(at(`${kind}.rows`))} × ${fmt(at(`${kind}.width`))} weights a step`]});
  const blocks = [units('base', 'base units')];
  if (result.get('area.side') > 0) blocks.push(units('side', 'side units'));
  if (result.get('area.rom') > 0) blocks.push({name: 'ROM', lines: [shown(result.get('rom.stored'), 'MiB'), `${fmt(result.get('rom.banks'))} banks`]});
  if (result.get('area.sram') > 0) blocks.push({name: 'SRAM', lines: [shown(at('sram.capacity'), 'MiB'), 'adapters, KV cache']});
  if (result.get('area.vector') > 0) blocks.push({name: 'vector units', lines: [`${fmt(at('vector.count'))} × ${fmt(at('vector.width'))}`, 'norms, softmax']});
  return blocks;
}

const chipFigure = {
  id: 'chip',
  draw(svg, width, {model, now}) {
    const blocks = blocksOf(model, now), total = now.get('area');
    if (!(total > 0)) return null;
    const colour = colourOf(model.areas.map(a => a[1])), each = 58, across = width < 420 ? 1 : 2;
    const w = (width - 26 - 10 * (across - 1)) / across, rows = Math.ceil(blocks.length / across), bus = 30 + rows * (each + 10);
    canvas(svg, width, bus + 80);
    boxAt(svg, 1, 1, width - 2, bus + 28, 'none').attr('class', 'block');
    textAt(svg, 12, 19, `chip, ${withUnit(total, 'mm²')}`, 'start', 'strong');
    blocks.forEach((b, i) => {
      const x = 13 + i % across * (w + 10), y = 28 + Math.floor(i / across) * (each + 10);
      const g = svg.append('g'), fill = colour(b.name);
      boxAt(g, x, y, w, each, fill);
      [b.name, ...b.lines].forEach((line, k) => textAt(g, x + 8, y + 17 + 16 * k, line, 'start', k ? '' : 'strong').attr('style', `fill: ${inkOn(fill)}`));
      tip(g, [b.name, ...b.lines].join(', '));
    });
    lineAt(svg, 'wire', 13, bus + 4, width - 13, bus + 4);
    textAt(svg, 13, bus + 20, `broadcast bus, ${withUnit(numberOf(model, now, 'bus.width'), 'bit/cycle')}`);
    lineAt(svg, 'wire', width / 2, bus + 29, width / 2, bus + 50);
    textAt(svg, width / 2 + 6, bus + 44, `host link, ${withUnit(numberOf(model, now, 'host.bandwidth'), 'GB/s')}`);
    boxAt(svg, width / 4, bus + 50, width / 2, 26, 'none').attr('class', 'block');
    textAt(svg, width / 2, bus + 67, 'host', 'middle');
    return {title: `${fmt(now.get('units'))} units at ${withUnit(numberOf(model, now, 'chip.clock'), 'MHz')}, ${withUnit(now.get('peak_rate'), 'TOPS')} at peak, make ${withUnit(now.get('throughput'), 'token/s')}`,
            note: 'What the chip is made of; sizes of boxes mean nothing.'};
  },
};

const allFigures = [chipFigure, timeFigure, contextFigure, powerFigure, waterfallFigure, rooflineFigure, areaFigure, powerSharesFigure, driversFigure,
                    tornadoFigure];

// ---- sweeps ----

function drawLine(svg, width, {model, xs, values, x: input, metric, here, value}) {
  const left = 62, height = 300, bottom = height - 40;
  canvas(svg, width, height);
  const log = isLog(model.inputs[input], xs), all = values.filter(Number.isFinite);
  const x = (log ? d3.scaleLog : d3.scaleLinear)([xs[0], xs[xs.length - 1]], [left, width - 16]);
  axis(svg, x, 'bottom', [0, bottom], width - left);
  textAt(svg, width - 14, height - 6, unitLabel(model.inputs[input].name, model.inputs[input].unit), 'end');
  const q = model.byName.get(metric);
  textAt(svg, left + 4, 12, unitLabel(metric, q.unit), 'start', 'strong');
  if (!all.length) {
    textAt(svg, (left + width) / 2, bottom / 2, 'no design at any of these', 'middle', 'strong');
    return;
  }
  const [low, high] = d3.extent(all), y = d3.scaleLinear([Math.min(0, low), high * 1.08 || 1], [bottom, 22]);
  axis(svg, y, 'left', [left, 0], bottom);
  svg.append('path').attr('class', 'series').attr('stroke', colours[0])
    .attr('d', d3.line().defined(d => Number.isFinite(d[1])).x(d => pixel(x(d[0]))).y(d => pixel(y(d[1])))(xs.map((v, i) => [v, values[i]])));
  xs.forEach((v, i) => {
    if (!Number.isFinite(values[i])) boxAt(svg, x(v) - 2, bottom - 7, 4, 7, colours[3]);
    else if (xs.length < 30) dotAt(svg, x(v), y(values[i]), 2.6, colours[0]);
  });
  if (here >= xs[0] && here <= xs[xs.length - 1] && Number.isFinite(value)) {
    dotAt(svg, x(here), y(value), 4.5, colours[0]);
    textAt(svg, x(here) + (x(here) > width - 110 ? -8 : 8), y(value) - 8, `here ${fmt(value)}`, x(here) > width - 110 ? 'end' : 'start', 'value');
  }
}

// The cells are a picture of one pixel each, so that a drag redraws them at once.
function drawMap(svg, width, {model, xs, ys, values, x: ix, y: iy, metric, design}) {
  const left = 70, height = 380, bottom = height - 90, top = 8, right = width - 10;
  canvas(svg, width, height);
  const all = values.filter(Number.isFinite), [low, high] = all.length ? d3.extent(all) : [0, 1];
  const colour = d3.scaleSequential(d3.interpolateViridis).domain(low === high ? [low - 1, high + 1] : [low, high]);
  const board = document.createElement('canvas');
  board.width = xs.length;
  board.height = ys.length;
  const pen = board.getContext('2d'), image = pen.createImageData(xs.length, ys.length);
  for (let j = 0; j < ys.length; ++j)
    for (let i = 0; i < xs.length; ++i) {
      const v = values[i * ys.length + j], at = 4 * ((ys.length - 1 - j) * xs.length + i);
      const c = Number.isFinite(v) ? d3.rgb(colour(v)) : {r: 150, g: 150, b: 150};
      image.data.set([c.r, c.g, c.b, Number.isFinite(v) ? 255 : 60], at);
    }
  pen.putImageData(image, 0, 0);
  svg.append('image').attr('href', board.toDataURL()).attr('x', left).attr('y', top).attr('width', right - left)
    .attr('height', bottom - top).attr('preserveAspectRatio', 'none').attr('style', 'image-rendering: pixelated')
    .attr('class', 'map');
  // Cells are of one size whatever their values: axes count them, and are lettered with the values.
  const cells = (list, range) => {
    const half = (range[1] - range[0]) / list.length / 2;
    return d3.scaleLinear([0, list.length - 1], [range[0] + half, range[1] - half]);
  };
  const x = cells(xs, [left, right]), y = cells(ys, [bottom, top]);
  const letters = (scale, side, at, list, room) => {
    const every = Math.ceil(list.length / Math.max(2, Math.floor(room / (side === 'bottom' ? 56 : 30))));
    lettered(svg, scale, side, at, d3.range(0, list.length, every), i => tickText(list[i]));
  };
  letters(x, 'bottom', [0, bottom], xs, right - left);
  letters(y, 'left', [left, 0], ys, bottom - top);
  const place = (list, v) => {
    const i = d3.bisectRight(list, v) - 1;
    if (i < 0 || v > list[list.length - 1]) return NaN;
    return i + 1 < list.length ? i + (v - list[i]) / (list[i + 1] - list[i]) : i;
  };
  const cx = x(place(xs, design.numbers[ix])), cy = y(place(ys, design.numbers[iy]));
  if (Number.isFinite(cx) && Number.isFinite(cy)) svg.append('circle').attr('cx', cx).attr('cy', cy).attr('r', 6).attr('class', 'here');
  textAt(svg, right, bottom + 32, unitLabel(model.inputs[ix].name, model.inputs[ix].unit), 'end');
  textAt(svg, 12, (top + bottom) / 2, unitLabel(model.inputs[iy].name, model.inputs[iy].unit), 'middle')
    .attr('transform', `rotate(-90 12 ${(top + bottom) / 2})`);
  const n = 40, bar = Math.min(200, width * 0.34), by = bottom + 62;
  textAt(svg, left, by - 6, unitLabel(metric, model.byName.get(metric).unit), 'start', 'strong');
  for (let i = 0; i < n; ++i) boxAt(svg, left + i * bar / n, by, bar / n + 1, 10, colour(low + (high - low) * i / (n - 1)));
  textAt(svg, left, by + 24, all.length ? fmt(low) : '–');
  textAt(svg, left + bar, by + 24, all.length ? fmt(high) : '–', 'end');
  if (all.length < values.length) {
    boxAt(svg, left + bar + 14, by, 10, 10, 'var(--line)');
    textAt(svg, left + bar + 28, by + 9, 'no design');
  }
}

// Whether a stretch of values is even in ratios rather than in steps.
const isLog = (input, list) => list[0] > 0 && list[list.length - 1] / list[0] >= 4 && input.max > 1;
