// The page itself: inputs on the left, what they give on the right. A change recomputes everything and
// redraws the figures in view; the others wait until they are scrolled to.

const $ = id => document.getElementById(id);

// An element with properties (data-, aria- and other names with a dash are attributes) and children.
function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes('-') || name === 'for' || name === 'scope' || name === 'list') node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children);
  return node;
}
const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

class Page {
  constructor(model) {
    this.model = model;
    this.design = model.made();
    this.pins = [];
    this.referenceName = 'as made';
    this.sweep = this.firstSweep();
    this.options = {};
    this.readAddress();
    this.build();
    this.measure();
    this.update();
    addEventListener('hashchange', () => {
      if (location.hash.slice(1) === this.written) return;
      this.readAddress();
      this.showInputs();
      this.update();
    });
    // On paper figures are as wide as half a page, so that their letters can be read.
    addEventListener('beforeprint', () => {
      for (const f of this.figures) f.width = 335;
      this.sweepFigure.width = 690;
      this.drawAll(true);
    });
    addEventListener('afterprint', () => {
      this.measure();
      this.drawAll(true);
    });
    // Widths are read when they change, not at every drawing: that would lay the page out each time.
    const sizes = new ResizeObserver(() => {
      this.measure();
      this.drawAll(false);
    });
    sizes.observe($('figures'));
  }

  // ---- the address: the design, then !pins, !reference, !sweep ----

  readAddress() {
    const [design, ...more] = location.hash.slice(1).split('!');
    try {
      this.design = this.model.decode(design, 'now');
      this.pins = [];
      for (const part of more) {
        const [kind, text] = splitOnce(part, ':');
        if (kind === 'pin') {
          const [name, changed] = splitOnce(text, ':');
          this.addPin(this.model.decode(changed, decodeURIComponent(name)));
        } else if (kind === 'ref') this.referenceName = decodeURIComponent(text);
        else if (kind === 'sweep') this.readSweep(decodeURIComponent(text));
      }
    } catch (error) {
      if (!(error instanceof URIError)) throw error;  // a broken address is as good as none
    }
  }

  writeAddress() {
    const {model} = this;
    let text = model.encode(this.design);
    for (const pin of this.pins) text += `!pin:${encodeURIComponent(pin.name)}:${model.encode(pin)}`;
    if (this.referenceName !== 'as made') text += `!ref:${encodeURIComponent(this.referenceName)}`;
    if (this.sweep.touched) text += `!sweep:${encodeURIComponent(this.sweepText())}`;
    this.written = text;
    if (location.hash.slice(1) !== text) history.replaceState(null, '', `#${text}`);
  }

  sweepText() {
    const s = this.sweep, name = a => a.input < 0 ? '' : this.model.inputs[a.input].name;
    return [s.metric, name(s.x), s.x.from, s.x.to, name(s.y), s.y.from, s.y.to].join(',');
  }

  readSweep(text) {
    const [metric, x, xFrom, xTo, y, yFrom, yTo] = text.split(',');
    const input = name => this.model.inputByName.has(name) ? this.model.inputByName.get(name) : -1;
    if (!this.model.byName.has(metric) || input(x) < 0) return;
    this.sweep = {metric, touched: true, x: {input: input(x), from: Number(xFrom), to: Number(xTo)},
                  y: {input: input(y), from: Number(yFrom), to: Number(yTo)}};
  }

  // ---- building ----

  build() {
    const {model} = this;
    setText($('title'), `${model.hardware} running ${model.model}`);
    setText($('description'), model.description);
    setText($('made'), `Made by ${model.madeBy}. The engine in this page is the program's, recorded; nothing is sent anywhere.`);
    this.buildTiles();
    this.buildInputs();
    this.buildFigures();
    this.buildTables();
    this.buildSweep();
    this.buildDesigns();
    this.buildExport();
    $('glossary').append(...model.words.flatMap(([term, means]) => [el('dt', {}, term), el('dd', {}, means)]));
    this.showInputs();
  }

  buildTiles() {
    this.tiles = this.model.leads.map(name => {
      const q = this.model.byName.get(name), value = el('b'), moved = el('span', {className: 'moved'});
      const tile = el('div', {title: q.doc}, el('dt', {}, words(name)),
                      el('dd', {}, value, ` ${q.unit}`, moved));
      $('tiles').append(tile);
      return {q, value, moved};
    });
  }

  buildInputs() {
    const {model} = this;
    const order = model.inputs.map((_, i) => i).filter(i => model.inputs[i].weight > 0)
                       .sort((p, q) => model.inputs[q].weight - model.inputs[p].weight).slice(0, 10);
    this.rows = [];
    for (const i of order) $('top').append(this.inputRow(i));
    model.choices.forEach((_, c) => $('choices').append(this.choiceRow(c)));
    if (!model.choices.length) $('choices').hidden = true;
    else {
      const counts = model.choices.filter(c => c.count).map(c => c.path);
      $('choices').append(el('p', {className: 'note'}, `This page holds every design with up to ${model.changesAtOnce} of these changed at once` +
        (counts.length ? `; ${counts.join(', ')} alone` : '') + '.'));
    }
    const groups = new Map();
    model.inputs.forEach((input, i) => {
      if (order.includes(i)) return;
      const table = input.path.split('.')[0];
      if (!groups.has(table)) {
        groups.set(table, el('details', {}, el('summary', {}, table)));
        $('others').append(groups.get(table));
      }
      groups.get(table).append(this.inputRow(i));
    });
    for (const f of model.fixed || [])
      $('choices').append(el('p', {className: 'note'}, el('code', {}, f.path), ` (${f.doc}) is fixed in this page: make another with --set.`));
    $('search').addEventListener('input', () => this.search());
    // Not links: the address is the design's.
    for (const button of document.querySelectorAll('[data-to]'))
      button.addEventListener('click', () => {
        $(button.dataset.to).focus({preventScroll: true});
        $(button.dataset.to).scrollIntoView();
      });
    $('reset').addEventListener('click', () => {
      this.design = {...model.made(), name: 'now'};
      this.showInputs();
      this.update();
    });
  }

  // What the spec says of a value, behind a button that names its grade.
  about(thing) {
    const lines = [el('p', {}, thing.doc)];
    if (thing.range) lines.push(el('p', {}, `range of the spec: ${fmt(thing.range[0])} to ${withUnit(thing.range[1], thing.unit)}`));
    if (thing.max > thing.min) lines.push(el('p', {}, `legal: ${fmt(thing.min)} to ${withUnit(thing.max, thing.unit)}${thing.whole ? ', whole' : ''}`));
    if (thing.grade) lines.push(el('p', {}, `${thing.grade}: ${thing.source}`));
    if (thing.fits) lines.push(el('p', {}, `fitted to ${thing.fits.join(', ')}`));
    if (thing.place) lines.push(el('p', {}, thing.place));
    const text = el('div', {className: 'about', hidden: true}, ...lines);
    const grade = thing.grade || 'about';
    const button = el('button', {type: 'button', className: `grade ${grade}`, 'aria-expanded': 'false', title: 'what it is, its range and source',
                                 'aria-label': `${grade}: about ${thing.name || thing.path}`}, grade);
    button.addEventListener('click', () => {
      text.hidden = !text.hidden;
      button.setAttribute('aria-expanded', String(!text.hidden));
    });
    return [button, text];
  }

  inputRow(i) {
    const input = this.model.inputs[i], id = `input-${i}`;
    const field = el('input', {type: 'number', id, step: 'any', min: input.min, max: input.max,
                               'data-input': input.name, inputMode: 'decimal'});
    const slider = el('input', {type: 'range', min: 0, max: 1000, step: 1, 'aria-label': `${input.name}, slider`});
    const back = el('button', {type: 'button', className: 'back', title: `as made: ${withUnit(input.value, input.unit)}`,
                               'aria-label': `${input.name} as made, ${withUnit(input.value, input.unit)}`}, '↺');
    const stops = stopsOf(input);
    if (stops) slider.max = stops.length - 1;
    field.addEventListener('input', () => {
      if (field.value !== '' && Number.isFinite(field.valueAsNumber)) this.set(i, field.valueAsNumber, field);
    });
    field.addEventListener('change', () => this.showInput(i));
    slider.addEventListener('input', () => this.set(i, fromSlider(input, stops, Number(slider.value)), slider));
    back.addEventListener('click', () => this.set(i, input.value));
    const [grade, about] = this.about(input);
    const node = el('div', {className: 'row'},
      el('div', {className: 'name'}, el('label', {htmlFor: id, title: input.doc}, input.name), grade, back),
      slider, el('span', {className: 'field'}, field, el('span', {className: 'unit'}, input.unit)), about);
    this.rows[i] = {node, field, slider, back, stops,
                    text: [input.name, input.doc, input.unit, input.grade, input.source].join(' ').toLowerCase()};
    return node;
  }

  choiceRow(c) {
    const choice = this.model.choices[c], id = `choice-${c}`;
    const select = el('select', {id, 'data-choice': choice.path},
      ...choice.options.map((o, i) => el('option', {value: i}, o.label + (i === choice.now ? ' (as made)' : ''))));
    select.addEventListener('change', () => {
      this.design.picks = this.design.picks.map((pick, i) => i === c ? Number(select.value) : pick);
      this.showChoices();
      this.update();
    });
    const [grade, about] = this.about(choice);
    const node = el('div', {className: 'row choice'},
      el('div', {className: 'name'}, el('label', {htmlFor: id, title: choice.doc}, choice.path), grade), select, about);
    this.choiceRows = this.choiceRows || [];
    this.choiceRows[c] = {node, select, text: [choice.path, choice.doc, choice.grade, choice.source].join(' ').toLowerCase()};
    return node;
  }

  search() {
    const wanted = $('search').value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const row of [...this.rows, ...(this.choiceRows || [])]) {
      const match = wanted.every(word => row.text.includes(word));
      row.node.hidden = !match;
      found += match;
    }
    for (const group of $('others').querySelectorAll(':scope > details')) {
      const any = group.querySelector('.row:not([hidden])') !== null;
      group.hidden = !any;
      group.open = any && wanted.length > 0;
    }
    setText($('found'), wanted.length ? `${found} inputs` : '');
  }

  buildFigures() {
    this.figures = allFigures.map(figure => {
      const title = el('h3'), note = el('figcaption'), svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
      const node = el('figure', {className: 'figure', id: `figure-${figure.id}`}, title, svg, note);
      const f = {figure, title, note, svg, node, dirty: true, visible: false};
      const options = figure.options ? figure.options(this.model) : [];
      if (options.length) {
        f.select = el('select', {'aria-label': 'of'}, ...options.map(o => el('option', {value: o}, words(o))));
        f.select.addEventListener('change', () => this.draw(f));
        node.prepend(f.select);
      }
      $('figures').append(node);
      new IntersectionObserver(([entry]) => {
        f.visible = entry.isIntersecting;
        if (f.visible && f.dirty) this.draw(f);
      }, {rootMargin: '100px'}).observe(node);
      return f;
    });
    const f = this.sweepFigure = {node: $('sweep-figure'), visible: false, dirty: true,
                                  svg: document.createElementNS('http://www.w3.org/2000/svg', 'svg')};
    f.node.append(f.svg);
    f.svg.addEventListener('click', event => this.pick(event));
    new IntersectionObserver(([entry]) => {
      f.visible = entry.isIntersecting;
      if (f.visible && f.dirty) this.drawSweep();
    }, {rootMargin: '100px'}).observe(f.node);
  }

  buildTables() {
    const head = (...names) => el('thead', {}, el('tr', {}, ...names.map((n, i) => el('th', {scope: 'col', className: i > 0 && i < 4 ? 'n' : ''}, n))));
    const line = q => {
      const cells = {before: el('td', {className: 'n'}), now: el('td', {className: 'n', 'data-metric': q.name}), moved: el('td', {className: 'n'})};
      const row = el('tr', {}, el('th', {scope: 'row'}, q.name), cells.before, cells.now, cells.moved,
                     el('td', {}, q.unit), el('td', {className: 'doc'}, q.doc));
      return {q, row, ...cells};
    };
    const names = ['metric', 'before', 'now', 'change', 'unit', 'what'];
    this.metricLines = this.model.metrics.map(line);
    this.metricBody = el('tbody', {}, ...this.metricLines.map(l => l.row));
    $('metrics').append(head(...names), this.metricBody);
    $('by-change').addEventListener('change', () => this.showMetrics());
    this.line = line;
    this.quantityBody = el('tbody');
    $('quantities').append(head('quantity', ...names.slice(1)), this.quantityBody);
    $('quantity-search').addEventListener('input', () => {
      this.findQuantities();
      this.showLines(this.quantityLines);
    });
    this.findQuantities();
  }

  // At most 60: a person looks for some, and a change shall not redraw them all.
  findQuantities() {
    const wanted = $('quantity-search').value.toLowerCase().split(/\s+/).filter(Boolean);
    const all = this.model.quantities.filter(q => q.role !== 'metric');
    const found = all.filter(q => wanted.length ? wanted.every(w => `${q.name} ${q.doc}`.toLowerCase().includes(w)) : q.role === 'part');
    this.quantityLines = found.slice(0, 60).map(this.line);
    this.quantityBody.replaceChildren(...this.quantityLines.map(l => l.row));
    setText($('quantities-found'), wanted.length
      ? `${found.length} of ${all.length}${found.length > 60 ? ', the first 60 are shown' : ''}`
      : `${all.length} in all; here the parts that metrics are sums of${found.length > 60 ? ' (the first 60)' : ''}`);
  }

  // ---- pins and the design compared with ----

  addPin(design) {
    const taken = new Set(['as made', 'now', ...this.pins.map(p => p.name)]);
    let name = design.name.trim() || 'pin';
    for (let n = 2; taken.has(name); ++n) name = `${design.name.trim() || 'pin'} ${n}`;
    this.pins.push({...design, name});
  }

  buildDesigns() {
    $('pin').addEventListener('click', () => {
      this.addPin({...this.design, name: $('pin-name').value || `pin ${this.pins.length + 1}`});
      $('pin-name').value = '';
      this.update();
      this.say(`${this.pins[this.pins.length - 1].name} is pinned`);
    });
    $('pin-name').addEventListener('keydown', event => {
      if (event.key === 'Enter') $('pin').click();
    });
    $('reference').addEventListener('change', () => {
      this.referenceName = $('reference').value;
      this.update();
    });
  }

  reference() {
    const pin = this.pins.find(p => p.name === this.referenceName);
    if (!pin) this.referenceName = 'as made';
    return pin || this.model.made();
  }

  showDesigns() {
    const names = ['as made', ...this.pins.map(p => p.name)];
    if ($('reference').options.length !== names.length || [...$('reference').options].some((o, i) => o.value !== names[i]))
      $('reference').replaceChildren(...names.map(n => el('option', {value: n}, n)));
    $('reference').value = this.referenceName;
    const changed = this.model.changes(this.design);
    $('changed').replaceChildren(changed.length
      ? el('p', {}, el('b', {}, 'Changed: '), changed.map(c => `${c.name} ${c.was} → ${c.shown}`).join('; '))
      : el('p', {className: 'note'}, 'Nothing is changed. Move a slider, type a number, or turn a switch.'));
    // The table of pins is made anew only when it shows something else.
    const key = JSON.stringify([this.pins, this.design, this.referenceName]);
    if (!this.pins.length) $('pins').replaceChildren();
    else if (key !== this.pinsKey) $('pins').replaceChildren(this.pinTable());
    this.pinsKey = key;
  }

  pinTable() {
    const {model} = this, reference = model.evaluate(this.reference());
    const designs = [model.made(), ...this.pins, {...this.design, name: 'now'}].map(d => ({d, result: model.evaluate(d)}));
    const head = el('tr', {}, el('th', {scope: 'col'}, 'metric'), ...designs.map(({d}) => {
      const th = el('th', {scope: 'col', className: 'n'}, d.name);
      if (d.name === 'as made' || d.name === 'now') return th;
      const button = (text, does, act) => {
        const b = el('button', {type: 'button', 'aria-label': `${does} ${d.name}`, title: `${does} ${d.name}`}, text);
        b.addEventListener('click', () => {
          act();
          this.showInputs();
          this.update();
        });
        return b;
      };
      th.append(' ', button('load', 'go on from', () => {
        this.design = {...d, numbers: [...d.numbers], name: 'now'};
      }), button('×', 'remove', () => {
        this.pins = this.pins.filter(p => p.name !== d.name);
      }));
      return th;
    }));
    const leads = model.leads.map(n => model.byName.get(n));
    const metrics = [...leads, ...model.metrics.filter(q => !leads.includes(q))];
    const rows = metrics.map(q => el('tr', {}, el('th', {scope: 'row'}, q.name, el('small', {}, ` ${q.unit}`)),
      ...designs.map(({result}) => {
        const moved = change(result.of(q), reference.of(q));
        return el('td', {className: 'n'}, fmt(result.of(q)), el('small', {}, moved === 'same' || moved === '' ? '' : ` ${moved}`));
      })));
    const state = el('tr', {}, el('th', {scope: 'row'}, 'state'), ...designs.map(({result}) =>
      el('td', {className: result.reasons.length ? 'n broken' : 'n', title: result.reasons.join('; ')}, result.reasons.length ? 'NO DESIGN' : 'ok')));
    const differs = el('tr', {}, el('th', {scope: 'row'}, 'changed'), ...designs.map(({d}) =>
      el('td', {className: 'what'}, model.changes(d).map(c => `${c.name} ${c.shown}`).join(', ') || '–')));
    return el('div', {className: 'scroll', tabIndex: 0, role: 'region', 'aria-label': 'Pinned designs'},
              el('table', {className: 'compare'}, el('thead', {}, head), el('tbody', {}, state, differs, ...rows)));
  }

  // ---- sweep ----

  firstSweep() {
    const {model} = this, hardware = i => Number(model.inputs[i].of === 'hardware');
    const [first] = model.inputs.map((_, i) => i).sort((p, q) => hardware(q) - hardware(p) || model.inputs[q].weight - model.inputs[p].weight);
    return {metric: model.leads[0] || model.metrics[0].name, touched: false,
            x: this.stretch(first), y: {input: -1, from: 0, to: 1}};
  }

  // Where a sweep of an input goes from and to: its slider's ends.
  stretch(i) {
    const [from, to] = endsOf(this.model.inputs[i]);
    return {input: i, from, to};
  }

  buildSweep() {
    const {model} = this;
    $('sweep-metric').append(...model.metrics.map(q => el('option', {value: q.name}, q.name)));
    const order = model.inputs.map((_, i) => i).sort((p, q) => model.inputs[q].weight - model.inputs[p].weight);
    const options = () => order.map(i => el('option', {value: i}, model.inputs[i].name));
    $('sweep-x').append(...options());
    $('sweep-y').append(el('option', {value: -1}, '(nothing else)'), ...options());
    const redraw = () => {
      this.sweep.touched = true;
      this.showSweep();
      this.drawSweep();
      this.laterAddress();
    };
    $('sweep-metric').addEventListener('change', () => {
      this.sweep.metric = $('sweep-metric').value;
      redraw();
    });
    for (const side of ['x', 'y']) {
      $(`sweep-${side}`).addEventListener('change', () => {
        const input = Number($(`sweep-${side}`).value);
        this.sweep[side] = input < 0 ? {input, from: 0, to: 1} : this.stretch(input);
        redraw();
      });
      for (const end of ['from', 'to'])
        $(`sweep-${side}-${end}`).addEventListener('change', event => {
          if (Number.isFinite(event.target.valueAsNumber)) this.sweep[side][end] = event.target.valueAsNumber;
          redraw();
        });
    }
    this.showSweep();
  }

  showSweep() {
    const s = this.sweep;
    $('sweep-metric').value = s.metric;
    for (const side of ['x', 'y']) {
      $(`sweep-${side}`).value = s[side].input;
      $(`sweep-${side}-from`).value = s[side].from;
      $(`sweep-${side}-to`).value = s[side].to;
    }
    $('sweep-y-ends').hidden = s.y.input < 0;
  }

  sweepAxes() {
    const s = this.sweep, both = s.y.input >= 0 && s.y.input !== s.x.input;
    const axes = [this.sweepAxis(s.x, both ? 36 : 60)];
    if (both) axes.push(this.sweepAxis(s.y, 28));
    return axes;
  }

  // Even steps; or powers of two, for a whole number of which most other values break a rule.
  sweepAxis(side, count) {
    const input = this.model.inputs[side.input], values = stepsOf(input, side, count);
    const doubled = doublings(input, side);
    if (doubled.length < 3) return {input: side.input, values};
    const [found] = this.model.grid(this.design, [this.sweep.metric], [{input: side.input, values}]);
    const lost = found.filter(x => !Number.isFinite(x)).length;
    return {input: side.input, values: lost > found.length / 2 ? doubled : values};
  }

  // A click on the heat map moves the design there.
  pick(event) {
    const axes = this.sweepAxes();
    if (!event.target.classList.contains('map') || axes.length < 2) return;
    const frame = event.target.getBoundingClientRect();
    const at = (share, {values}) => values[Math.max(0, Math.min(values.length - 1, Math.floor(share * values.length)))];
    const x = at((event.clientX - frame.left) / frame.width, axes[0]);
    const y = at((frame.bottom - event.clientY) / frame.height, axes[1]);
    this.design.numbers = this.design.numbers.map((n, k) => k === axes[0].input ? x : k === axes[1].input ? y : n);
    this.showInputs();
    this.update();
  }

  drawSweep() {
    const f = this.sweepFigure, {model, sweep: s, design} = this, axes = this.sweepAxes();
    const now = model.evaluate(design);
    f.dirty = false;
    if (!now.variant) return;
    const [values] = model.grid(design, [s.metric], axes);
    const svg = new Shape('svg').attr('role', 'img'), width = f.width, xs = axes[0].values;
    const x = s.x.input, at = fmt(now.get(s.metric)), nameX = model.inputs[x].name;
    const good = values.filter(Number.isFinite), extent = good.length ? `${fmt(d3.min(good))} to ${withUnit(d3.max(good), model.byName.get(s.metric).unit)}` : 'no design';
    let title = `${words(s.metric)} over ${nameX}: ${extent}`;
    if (axes.length === 1) drawLine(svg, width, {model, xs, values, x, metric: s.metric, here: design.numbers[x], value: now.get(s.metric)});
    else {
      const ys = axes[1].values, y = s.y.input;
      title = `${words(s.metric)} over ${nameX} and ${model.inputs[y].name}: ${extent}`;
      drawMap(svg, width, {model, xs, ys, values, x, y, metric: s.metric, design});
      title += '. A click moves the design there';
    }
    this.show(f, svg, title);
    const lost = values.length - good.length;
    setText($('sweep-reading'), `${title}; here ${at}.${lost ? ` ${lost} of ${values.length} points are no design.` : ''}`);
  }

  // ---- export ----

  buildExport() {
    const {model} = this;
    const file = () => `${model.hardware}-${model.model}`.replace(/[^A-Za-z0-9.-]+/g, '-').toLowerCase();
    $('copy').addEventListener('click', () => {
      $('toml').select();
      if (navigator.clipboard) navigator.clipboard.writeText($('toml').value).then(() => this.say('copied'), () => {});
      else document.execCommand('copy');
    });
    $('save-toml').addEventListener('click', () => save(`${file()}.toml`, model.toml(this.design)));
    $('save-metrics').addEventListener('click', () => save(`${file()}-metrics.csv`, this.metricsCsv()));
    $('save-inputs').addEventListener('click', () => save(`${file()}-inputs.csv`, this.inputsCsv()));
    $('save-sweep').addEventListener('click', () => save(`${file()}-sweep.csv`, this.sweepCsv()));
  }

  metricsCsv() {
    const designs = [this.model.made(), ...this.pins, {...this.design, name: 'now'}];
    const results = designs.map(d => this.model.evaluate(d));
    return csv([['metric', 'unit', ...designs.map(d => d.name)],
                ['state', '', ...results.map(r => r.reasons.join('; ') || 'ok')],
                ...this.model.metrics.map(q => [q.name, q.unit, ...results.map(r => r.of(q))])]);
  }

  inputsCsv() {
    const {model, design} = this;
    return csv([['input', 'value', 'unit', 'as made', 'least', 'most', 'grade', 'source', 'what'],
                ...model.inputs.map((p, i) => [p.name, design.numbers[i], p.unit, p.value, p.min, p.max, p.grade || '', p.source || '', p.doc]),
                ...model.choices.map((c, i) => [c.path, c.options[design.picks[i]].label, '', c.options[c.now].label, '', '', c.grade || '', c.source || '', c.doc])]);
  }

  sweepCsv() {
    const {model, sweep: s} = this, axes = this.sweepAxes(), [values] = model.grid(this.design, [s.metric], axes);
    const heading = (name, unit) => unit ? `${name} [${unit}]` : name;
    const rows = values.length ? axes[0].values.flatMap((x, i) => axes.length === 1
      ? [[x, values[i]]] : axes[1].values.map((y, j) => [x, y, values[i * axes[1].values.length + j]])) : [];
    return csv([[...axes.map(a => heading(model.inputs[a.input].name, model.inputs[a.input].unit)),
                 heading(s.metric, model.byName.get(s.metric).unit)],
                ...rows.map(r => r.map(x => Number.isNaN(x) ? '' : x))]);
  }

  // ---- a change ----

  set(i, number, from) {
    this.design.numbers = this.design.numbers.map((x, k) => k === i ? number : x);
    this.showInput(i, from);
    this.update();
  }

  showInputs() {
    this.rows.forEach((_, i) => this.showInput(i));
    this.showChoices();
    this.showSweep();
  }

  // What a person is typing in is left alone.
  showInput(i, from) {
    const input = this.model.inputs[i], row = this.rows[i], x = this.design.numbers[i];
    if (row.field !== from) row.field.value = plain(x);
    if (row.slider !== from) row.slider.value = toSlider(input, row.stops, x);
    row.slider.setAttribute('aria-valuetext', withUnit(x, input.unit));
    const bad = !(x >= input.min && x <= input.max) || (input.whole && !Number.isInteger(x));
    row.field.setAttribute('aria-invalid', bad);
    row.node.classList.toggle('changed', x !== input.value);
    row.back.disabled = x === input.value;
  }

  // Options whose combination this page does not hold can't be taken.
  showChoices() {
    (this.choiceRows || []).forEach(({node, select}, c) => {
      const pick = this.design.picks[c];
      select.value = pick;
      node.classList.toggle('changed', pick !== this.model.choices[c].now);
      [...select.options].forEach((option, o) => {
        const picks = this.design.picks.map((p, i) => i === c ? o : p);
        option.disabled = o !== pick && !this.model.engine.variants.has(picks.join());
      });
    });
  }

  update() {
    const started = performance.now();
    const {model} = this;
    this.referenceDesign = this.reference();
    this.before = model.evaluate(this.referenceDesign);
    this.now = model.evaluate(this.design);
    this.showLead();
    this.showMetrics();
    this.showLines(this.quantityLines);
    this.showDesigns();
    this.drawAll(false);
    setText($('toml'), '');
    $('toml').value = model.toml(this.design);
    this.laterAddress();
    document.documentElement.dataset.milliseconds = (performance.now() - started).toFixed(2);
  }

  showLead() {
    const reasons = this.now.reasons, state = $('state');
    setText(state, reasons.length ? `NO DESIGN: ${reasons.join('; ')}` : '');
    state.className = reasons.length ? 'broken' : '';
    document.body.classList.toggle('no-design', reasons.length > 0);
    for (const {q, value, moved} of this.tiles) {
      setText(value, fmt(this.now.of(q)));
      const text = change(this.now.of(q), this.before.of(q));
      setText(moved, text === 'same' ? '' : text);
    }
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => this.say(reasons.length ? state.textContent : this.tiles.slice(0, 4).map(({q}) => {
      const moved = change(this.now.of(q), this.before.of(q));
      return `${words(q.name)} ${withUnit(this.now.of(q), q.unit)}${moved && moved !== 'same' ? `, ${moved}` : ''}`;
    }).join('; ')), 700);
  }

  say(text) { setText($('spoken'), text); }

  showLines(lines) {
    for (const {q, row, before, now, moved} of lines) {
      const x = this.now.of(q), was = this.before.of(q);
      setText(before, fmt(was));
      setText(now, fmt(x));
      now.dataset.value = x;
      const text = change(x, was);
      setText(moved, text === 'same' ? '' : text);
      row.classList.toggle('changed', text !== 'same' && text !== '');
    }
  }

  showMetrics() {
    this.showLines(this.metricLines);
    const size = ({q}) => {
      const x = this.now.of(q), was = this.before.of(q);
      return x === was || Number.isNaN(x) || Number.isNaN(was) ? 0 : was === 0 ? Infinity : Math.abs(Math.log(Math.abs(x / was)));
    };
    const order = $('by-change').checked ? [...this.metricLines].sort((p, q) => size(q) - size(p)) : this.metricLines;
    if (order.some((line, i) => this.metricBody.children[i] !== line.row)) this.metricBody.append(...order.map(l => l.row));
  }

  measure() {
    for (const f of [...this.figures, this.sweepFigure]) f.width = Math.max(260, f.node.clientWidth - 26);
  }

  drawAll(all) {
    for (const f of this.figures) {
      f.dirty = true;
      if (all || f.visible) this.draw(f);
    }
    this.sweepFigure.dirty = true;
    if (all || this.sweepFigure.visible) this.drawSweep();
  }

  draw(f) {
    f.dirty = false;
    const {model, now, design, referenceDesign} = this;
    const context = {model, now, reference: this.before, design, referenceDesign};
    const fresh = new Shape('svg').attr('role', 'img');
    const drawn = now.variant ? f.figure.draw(fresh, f.width, context, f.select && f.select.value) : null;
    f.node.classList.toggle('empty', drawn === null);
    if (!drawn) return;
    this.show(f, fresh, drawn.title);
    setText(f.title, drawn.title);
    setText(f.note, drawn.note);
  }

  // Puts a drawing in the place of the last one. Who cannot see it is told its title, and what a pointer
  // would be.
  show(f, drawing, title) {
    drawing.attr('aria-label', [title, ...drawing.tips().slice(0, 24)].join('. '));
    drawing.replace(f.svg, f.drawing || new Shape('svg'));
    f.drawing = drawing;
  }

  // Browsers refuse to have the address changed at every step of a drag.
  laterAddress() {
    clearTimeout(this.writing);
    this.writing = setTimeout(() => this.writeAddress(), 250);
  }
}

// ---- numbers and sliders ----

const plain = x => String(Number(x.toPrecision(10)));

// Powers of two of what a whole number is: parts of a chip come doubled and halved.
function stopsOf(input) {
  if (!input.whole || input.value < 2 || !Number.isInteger(Math.log2(input.value))) return null;
  const out = [];
  for (let x = input.value / 8; x <= input.value * 8; x *= 2)
    if (Number.isInteger(x) && x >= input.min && x <= input.max) out.push(x);
  return out;
}

// Those between the ends of a sweep.
const doublings = (input, {from, to}) => {
  const out = [];
  if (!stopsOf(input)) return out;
  for (let x = 1; x <= Math.max(from, to); x *= 2) if (x >= Math.min(from, to)) out.push(x);
  return out;
};

// Ends of a slider: the spec's range, or a quarter to four times the value.
function endsOf(input) {
  const x = input.value;
  let low = input.range ? Math.min(input.range[0], x) : x / 4, high = input.range ? Math.max(input.range[1], x) : 4 * x;
  if (input.max <= 1) [low, high] = [input.min, input.max];
  if (x === 0 && !input.range) [low, high] = [0, Math.min(input.max, input.whole ? 16 : 1)];
  const round = input.whole ? Math.round : y => Number(y.toPrecision(3));
  low = Math.max(input.min, round(low));
  high = Math.min(input.max, round(high));
  return [low, high > low ? high : Math.min(input.max, low + 1)];
}
const isRatio = (input, low, high) => low > 0 && high / low >= 4 && input.max > 1;

function fromSlider(input, stops, position) {
  if (stops) return stops[position];
  const [low, high] = endsOf(input), t = position / 1000;
  const x = isRatio(input, low, high) ? low * (high / low) ** t : low + (high - low) * t;
  return input.whole ? Math.round(x) : Number(x.toPrecision(3));
}

function toSlider(input, stops, x) {
  if (stops) return stops.reduce((best, s, i) => Math.abs(Math.log(s / x)) < Math.abs(Math.log(stops[best] / x)) ? i : best, 0);
  const [low, high] = endsOf(input);
  return 1000 * (isRatio(input, low, high) ? Math.log(x / low) / Math.log(high / low) : (x - low) / (high - low));
}

// Values of a sweep between two ends, ends included; each once.
function stepsOf(input, {from, to}, count) {
  let [low, high] = from < to ? [from, to] : [to, from];
  if (low === high) high = low + (low === 0 ? 1 : Math.abs(low));
  const ratio = isRatio(input, low, high);
  const all = d3.range(count).map(i => i / (count - 1)).map(t => ratio ? low * (high / low) ** t : low + (high - low) * t);
  all[count - 1] = high;
  return [...new Set(input.whole ? all.map(Math.round) : all.map(x => Number(x.toPrecision(6))))];
}

// ---- files ----

const csv = rows => rows.map(row => row.map(cell => {
  const text = String(cell);
  return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}).join(',')).join('\n') + '\n';

function save(name, text) {
  const url = URL.createObjectURL(new Blob([text], {type: 'text/plain;charset=utf-8'}));
  const link = el('a', {href: url, download: name});
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

// ---- start ----

// The data are deflated; its first part is JSON, the rest the engine's.
async function unpacked() {
  const packedBytes = Uint8Array.from(atob($('data').textContent), c => c.charCodeAt(0));
  const stream = new Blob([packedBytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const size = new DataView(bytes.buffer).getUint32(0, true);
  return {page: JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size))), bytes: bytes.subarray(4 + size)};
}

unpacked().then(({page, bytes}) => {
  window.live = new Page(new Model(page, bytes));
  document.documentElement.dataset.ready = 'yes';
}).catch(error => {
  setText($('state'), `This page cannot start: ${error.message}. It needs a browser of 2023 or later.`);
  $('state').className = 'broken';
});
