// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/evidence/validate.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include <tomestimate/kernel/kernel.hpp>
#include <tomestimate/spec/diagnostic.hpp>
#include <tomestimate/study/evaluation.hpp>

namespace tomestimate::evidence {
namespace {

using spec::Switch;
using units::bits;
using Hardware = spec::Hardware<double>;
using Model = spec::Model<double>;

constexpr std::uint64_t seed = 20260224;

double plain(double x) { return x; }
template <class Unit>
double plain(const units::Quantity<Unit, double>& q) {
  return q.value();
}

// Collects what differs.
class Comparer {
 public:
  explicit Comparer(Validation& out) : out_(out) {}

  template <class Value>
  void one(const std::string& where, std::string_view count, const Value& closed,
           std::uint64_t counted) {
    ++out_.counts;
    const double value = plain(closed);
    if (value != static_cast<double>(counted))
      out_.mismatches.push_back({where, std::string(count), value, counted});
  }

  void op(const std::string& where, const engine::OpEstimate<double>& closed,
          const kernel::OpCounts& counted) {
    std::vector<std::uint64_t> values;
    visit_counts(counted, [&](std::string_view, std::uint64_t v) { values.push_back(v); });
    auto next = values.begin();
    visit_op(closed,
             [&](std::string_view name, const auto& value) { one(where, name, value, *next++); });
  }

 private:
  Validation& out_;
};

void compare_layer(const engine::LayerEstimate<double>& closed, const kernel::LayerCounts& counted,
                   std::size_t l, Comparer& compare) {
  const auto where = fmt::format("layer {}", l);
  const auto& plan = closed.plan;
  for (std::size_t i = 0; i < plan.ops.size(); ++i)
    compare.op(fmt::format("{} {}", where, spec::op_names[i]), plan.ops[i], counted.ops[i]);
  compare.one(where, "path_cycles", plan.path, counted.path_cycles);
  compare.one(where, "base_load", plan.load[0], counted.base_load);
  compare.one(where, "side_load", plan.load[1], counted.side_load);
  compare.one(where, "vector_load", plan.load[2], counted.vector_load);
  compare.one(where, "layer_cycles", plan.cycles, counted.layer_cycles);
  compare.one(where, "exposed_wake_cycles", closed.exposed_wake, counted.exposed_wake_cycles);
  compare.one(where, "bank_wakes", closed.bank_wakes, counted.bank_wakes);
  compare.one(where, "bank_idle_cycles", closed.bank_idle, counted.bank_idle_cycles);
}

// ---- graphs ----

units::PortWidth<double> port(double bits_per_cycle) {
  return units::PortWidth<double>::from_value(bits_per_cycle);
}

// Uneven numbers, so that nothing divides anything.
spec::UnitClass<double> small_units(spec::UnitClass<double> c) {
  c.lanes = 3;
  c.per_lane = 2;
  c.rows = 2;
  c.width_adapter = 3;
  c.width_attention = 4;
  c.outputs = spec::Outputs::lanes;
  c.heads = spec::Heads::units;
  c.input_words = 2;
  c.token_tile = 2;
  c.kv_tile = 3;
  c.pipeline = units::cycles(3.0);
  c.level_latency = units::cycles(2.0);
  c.tree_values = 2;
  c.buffer_width = port(13);
  c.sram_width = port(11);
  return c;
}

Graph small(const Hardware& hw, const Model& model, std::string name) {
  Graph g{std::move(name), hw, model, {1, 1, 9}};
  auto& m = g.model;
  m.hidden = 30;
  m.layers = 3;
  m.heads = 6;
  m.kv_heads = 2;
  m.head_dim = 6;
  m.intermediate = 50;
  m.full_every = 1;
  m.adapter.rank = 3;
  m.adapter.targets.fill(Switch::on);
  m.embedding.vocabulary = 77;
  m.weights.zero_share_of.fill({});
  m.weights.dead_share = {};
  if (m.weights.code == spec::WeightCode::ternary)
    m.weights.zero_share = {0.3, 0.41, 0.0};
  else
    m.weights.zero_bit_ratio = {0.5, 0.45, 0.6};
  auto& h = g.hw;
  h.base = small_units(h.base);
  h.side = small_units(h.side);
  h.side.lanes = 2;
  h.side.per_lane = 3;
  h.side.width_attention = 5;
  h.datapath.width = 4;
  h.datapath.width_head = 3;
  h.rom.read_width = port(17);
  h.rom.bank_width = port(16);
  h.rom.bank_height = 8;
  h.vector.count = 2;
  h.vector.width = 7;
  h.bus.width = port(40);
  h.workspace.width = port(50);
  h.sram.capacity = bits(1e6);
  return g;
}

double weights(const Model& m) {
  double sum = 0;
  for (std::size_t p = 0; p < spec::projection_count; ++p) {
    const auto s = spec::shape(m, static_cast<spec::Projection>(p));
    sum += s.outputs * s.inputs;
  }
  return sum * static_cast<double>(m.layers);
}

}  // namespace

void check_size(const Graph& graph) {
  constexpr double most_seconds = 600;
  constexpr double a_second = 2.5e10;    // multiply-accumulates of a matrix on a core, both paths
  constexpr double attention_cost = 60;  // of a step of attention, in those of a matrix
  const auto& m = graph.model;
  const double tokens = graph.pass.batch * graph.pass.fresh;
  const double attention = 2 * static_cast<double>(m.layers) * tokens *
                           (graph.pass.past + graph.pass.fresh) * m.heads * m.head_dim;
  const double seconds = (weights(m) * tokens + attention_cost * attention) / a_second;
  if (seconds > most_seconds)
    throw spec::SpecError(
        {{{"validate", 0, 0},
          fmt::format("{}: the kernel would count for {:.1f} hours of a core", graph.name,
                      seconds / 3600),
          "take less --context, --prompt or --batch, or --small for the small graphs only"}});
}

Validation compare(const Hardware& hw, const Model& model, const spec::Pass<double>& pass,
                   const kernel::PassCounts& counted) {
  Validation out;
  out.pass = pass;
  out.weights = weights(model);
  out.first_difference = counted.first_difference;
  out.output_hash = counted.output_hash;
  const auto common = engine::make_common(hw, model, engine::layer_content(hw, model));
  const auto closed = engine::estimate_pass(hw, model, common, pass);
  Comparer compare(out);
  for (std::size_t l = 0; l < model.layers; ++l)
    compare_layer(engine::estimate_layer(hw, model, common, closed, l), counted.layers[l], l,
                  compare);
  compare.op("tail final_norm", closed.final_norm, counted.final_norm);
  compare.op("tail lm_head", closed.lm_head, counted.lm_head);
  compare.one("tail lm_head", "exposed_wake_cycles", closed.exposed_head,
              counted.head_exposed_wake_cycles);
  compare.one("pass", "chip_banks", closed.layer.banks.chip, counted.chip_banks);
  compare.one("pass", "cycles", closed.total, counted.cycles);
  compare.one("pass", "link_bits", closed.link_bits, counted.link_bits);
  compare.one("pass", "embedding_bits", closed.embedding_bits, counted.embedding_bits);
  return out;
}

Validation validate(const Graph& graph, unsigned threads,
                    const std::function<void(std::size_t layer)>& progress) {
  const auto start = std::chrono::steady_clock::now();
  const auto counted = kernel::run(graph.hw, graph.model, graph.pass, threads, seed, progress);
  const auto end = std::chrono::steady_clock::now();
  auto out = compare(graph.hw, graph.model, graph.pass, counted);
  out.graph = graph.name;
  out.seconds = std::chrono::duration<double>(end - start).count();
  return out;
}

std::vector<Graph> small_graphs(const Hardware& hw, const Model& model) {
  std::vector<Graph> graphs;
  const auto add = [&](std::string name, auto change) {
    auto graph = small(hw, model, std::move(name));
    change(graph);
    graphs.push_back(std::move(graph));
  };
  const auto gate = [](Graph& g, spec::GatingMode mode, spec::GatingDomain domain, double wake) {
    g.hw.gating = {mode, domain, Switch::on, wake / g.hw.chip.clock * units::cycles(1.0)};
    g.hw.map.weights = spec::WeightPlace::rom;
    g.hw.map.head = spec::HeadPlace::rom;
  };
  using Mode = spec::GatingMode;
  using Domain = spec::GatingDomain;
  add("small: uneven shapes", [](Graph&) {});
  add("small: prefill", [](Graph& g) { g.pass = {1, 7, 0}; });
  add("small: batched chunk on a cache", [](Graph& g) { g.pass = {3, 4, 5}; });
  add("small: one unit", [](Graph& g) { g.hw.base.lanes = g.hw.base.per_lane = 1; });
  if (hw.datapath.sharing == spec::Sharing::time) {
    add("small: all on base, heads over lanes", [](Graph& g) {
      g.hw.map.adapter = g.hw.map.attention = spec::UnitChoice::base;
      g.hw.base.lanes = 5;
      g.hw.base.heads = spec::Heads::lanes;
      g.pass = {2, 5, 3};
    });
  }
  add("small: side units, prefill", [](Graph& g) {
    g.hw.map.adapter = g.hw.map.attention = spec::UnitChoice::side;
    g.pass = {1, 9, 0};
  });
  add("small: side units, outputs over all", [](Graph& g) {
    g.hw.map.adapter = g.hw.map.attention = spec::UnitChoice::side;
    g.hw.base.outputs = spec::Outputs::all;
    g.hw.side.outputs = spec::Outputs::none;
    g.hw.side.heads = spec::Heads::none;
    g.pass = {2, 3, 4};
  });
  add("small: outputs over units", [](Graph& g) {
    g.hw.base.outputs = spec::Outputs::units;
    g.hw.base.input_words = 1;
  });
  add("small: units of their own for each matrix", [](Graph& g) {
    g.hw.datapath.sharing = spec::Sharing::space;
    g.hw.datapath.step_cycles = units::cycles(9.0);
    g.hw.map.adapter = g.hw.map.attention = spec::UnitChoice::side;
    g.pass = {1, 3, 2};
  });
  add("small: no adapter", [](Graph& g) { g.model.adapter.rank = 0; });
  add("small: adapter on q and v", [](Graph& g) {
    g.model.adapter.targets = {Switch::on, Switch::off, Switch::on};
    g.model.adapter.rank = 17;
  });
  add("small: no sub-norms, 4-bit KV", [](Graph& g) {
    g.model.sub_norms = Switch::off;
    g.model.kv_bits = bits(4.0);
  });
  add("small: no gate", [](Graph& g) {
    g.model.gated = Switch::off;
    g.pass = {1, 5, 0};
  });
  add("small: window in two layers of three", [](Graph& g) {
    g.model.full_every = 3;
    g.model.window = 5;
    g.pass = {2, 6, 2};
  });
  add("small: window in all layers", [](Graph& g) {
    g.model.full_every = 0;
    g.model.window = 4;
  });
  add("small: LM head in ROM", [](Graph& g) {
    g.hw.map.head = spec::HeadPlace::rom;
    g.model.embedding.bits = bits(6.0);
    g.pass = {3, 2, 4};
  });
  add("small: weights in DRAM", [](Graph& g) {
    g.hw.map.weights = spec::WeightPlace::dram;
    g.hw.dram.bandwidth = port(21) * g.hw.chip.clock;
    g.pass = {1, 5, 0};
  });
  add("small: matrix domains", [&](Graph& g) { gate(g, Mode::switches, Domain::matrix, 200); });
  add("small: bank domains, long wake, no prewake", [&](Graph& g) {
    gate(g, Mode::switches, Domain::bank, 3000.5);
    g.hw.gating.prewake = Switch::off;
  });
  add("small: layer domains, wake longer than a layer",
      [&](Graph& g) { gate(g, Mode::switches, Domain::layer, 9000); });
  add("small: address isolation by bank, prefill", [&](Graph& g) {
    gate(g, Mode::isolation, Domain::bank, 0);
    g.pass = {1, 6, 0};
  });
  add("small: no gating", [&](Graph& g) { gate(g, Mode::none, Domain::layer, 0); });
  add("small: KV spills to the host", [](Graph& g) {
    g.hw.sram.spill = spec::Spill::host;
    g.hw.sram.capacity = bits(30000.0);
    g.pass = {2, 3, 20};
  });
  add("small: 4-bit integer weights in groups", [](Graph& g) {
    g.model.weights.code = spec::WeightCode::integer;
    g.model.weights.bits = bits(4.0);
    g.model.weights.group = 16;
    g.model.weights.group_bits = bits(9.0);
    g.model.weights.zero_share.clear();
    g.model.weights.zero_bit_ratio = {0.5, 0.45, 0.61};
  });
  if (model.weights.code == spec::WeightCode::ternary)
    add("small: dead neurons left out", [](Graph& g) {
      g.hw.map.skip_dead = Switch::on;
      g.model.weights.zero_share = {0.5, 0.41, 0.3};
      g.model.weights.dead_share = {0.3, 0.0, 0.11};
      g.pass = {1, 3, 4};
    });
  return graphs;
}

std::vector<Graph> full_graphs(const Hardware& hw, const Model& model,
                               std::optional<double> prompt) {
  const auto& w = model.workload;
  const double tokens = prompt.value_or(std::max(hw.base.token_tile, 8.0) + 1);
  return {{"full: decode", hw, model, {w.batch, 1, w.context - 1}},
          {"full: prefill", hw, model, {1, tokens, 0}}};
}

}  // namespace tomestimate::evidence
