// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/evidence/validate.hpp>

#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include <tomestimate/engine/estimate.hpp>
#include <tomestimate/kernel/kernel.hpp>
#include <tomestimate/spec/diagnostic.hpp>

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

void compare_layer(const engine::LayerEstimate<double>& closed, units::Cycles<double> layer_cycles,
                   const kernel::LayerCounts& counted, std::size_t l, Comparer& compare) {
  const auto where = fmt::format("layer {}", l);
  for (std::size_t i = 0; i < closed.ops.size(); ++i)
    compare.op(fmt::format("{} {}", where, spec::op_names[i]), closed.ops[i], counted.ops[i]);
  compare.one(where, "layer_cycles", layer_cycles, counted.layer_cycles);
  compare.one(where, "exposed_wake_cycles", closed.exposed_wake, counted.exposed_wake_cycles);
  compare.one(where, "lane_idle_cycles", closed.lane_idle, counted.lane_idle_cycles);
  compare.one(where, "bank_wakes", closed.bank_wakes, counted.bank_wakes);
  compare.one(where, "bank_idle_cycles", closed.bank_idle, counted.bank_idle_cycles);
}

// ---- graphs ----

Graph small(const Hardware& hw, const Model& model, std::string name) {
  Graph g{std::move(name), hw, model, {1, 1, 9}};
  auto& m = g.model;
  m.hidden = 30;
  m.layers = 3;
  m.heads = 6;
  m.kv_heads = 2;
  m.head_dim = 6;
  m.intermediate = 50;
  m.adapter.rank = 3;
  m.adapter.targets.fill(Switch::on);
  m.embedding.vocabulary = 77;
  if (m.weights.code == spec::WeightCode::ternary)
    m.weights.zero_share = {0.3, 0.41, 0.0};
  else
    m.weights.zero_bit_ratio = {0.5, 0.45, 0.6};
  g.hw.lanes = {6, 3};
  g.hw.pe.rows = 5;
  g.hw.pe.width = 4;
  g.hw.pe.width_8bit = 3;
  g.hw.pe.accumulators = 2;
  g.hw.rom.bank_words = 4;
  g.hw.vector.width = 7;
  g.hw.interconnect.tree_values = 2;
  g.hw.interconnect.broadcast_width = units::PortWidth<double>::from_value(40);
  g.hw.sram.port_width = units::PortWidth<double>::from_value(5);
  g.hw.rom.read_width = units::PortWidth<double>::from_value(17);
  g.hw.buffer.read_width = units::PortWidth<double>::from_value(13);
  g.hw.sram.capacity = bits(1e6);
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
  constexpr double most = 3e11;
  const auto& m = graph.model;
  const double tokens = graph.pass.batch * graph.pass.fresh;
  const double attention = 2 * static_cast<double>(m.layers) * tokens *
                           (graph.pass.past + graph.pass.fresh) * m.heads * m.head_dim;
  // A step of attention takes the kernel four times as long as one of a matrix.
  const double work = weights(m) * tokens + 4 * attention;
  if (work > most)
    throw spec::SpecError(
        {{{"validate", 0, 0},
          fmt::format("{}: the kernel would count for {:.1f} hours of a core", graph.name,
                      work / most / 6),
          "take less --context or --batch, or --small for the small graphs only"}});
}

Validation compare(const Hardware& hw, const Model& model, const spec::Pass<double>& pass,
                   const kernel::PassCounts& counted) {
  Validation out;
  out.pass = pass;
  out.weights = weights(model);
  out.first_difference = counted.first_difference;
  out.output_hash = counted.output_hash;
  const auto closed = engine::estimate_pass(hw, model, pass);
  Comparer compare(out);
  for (std::size_t l = 0; l < model.layers; ++l)
    compare_layer(engine::estimate_layer(hw, model, closed, l), closed.schedule.layer,
                  counted.layers[l], l, compare);
  compare.op("tail final_norm", closed.schedule.final_norm, counted.final_norm);
  compare.op("tail lm_head", closed.schedule.lm_head, counted.lm_head);
  compare.one("tail lm_head", "exposed_wake_cycles", closed.schedule.exposed_head,
              counted.head_exposed_wake_cycles);
  compare.one("pass", "cycles", closed.schedule.total, counted.cycles);
  compare.one("pass", "link_bits", closed.link_bits, counted.link_bits);
  return out;
}

Validation validate(const Graph& graph, unsigned threads) {
  const auto start = std::chrono::steady_clock::now();
  const auto counted = kernel::run(graph.hw, graph.model, graph.pass, threads, seed);
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
  add("small: uneven shapes", [](Graph&) {});
  add("small: prefill", [](Graph& g) { g.pass = {1, 7, 0}; });
  add("small: batched chunk on a cache", [](Graph& g) { g.pass = {3, 4, 5}; });
  add("small: one lane", [](Graph& g) { g.hw.lanes = {1, 1}; });
  add("small: eight trees", [](Graph& g) { g.hw.lanes = {8, 1}; });
  add("small: no adapter", [](Graph& g) { g.model.adapter.rank = 0; });
  add("small: adapter on q and v", [](Graph& g) {
    g.model.adapter.targets = {Switch::on, Switch::off, Switch::on};
    g.model.adapter.rank = 17;
  });
  add("small: no sub-norms, 4-bit KV", [](Graph& g) {
    g.model.sub_norms = Switch::off;
    g.model.kv_bits = bits(4.0);
  });
  add("small: LM head in ROM", [](Graph& g) {
    g.hw.mapping.lm_head = spec::Placement::rom;
    g.model.embedding.bits = bits(6.0);
    g.pass = {3, 2, 4};
  });
  add("small: matrix domains", [](Graph& g) {
    g.hw.gating.enabled = Switch::on;
    g.hw.gating.domain = spec::GatingDomain::matrix;
    g.hw.gating.wake_latency = 200.0 / g.hw.chip.clock * units::cycles(1.0);
    g.hw.mapping.lm_head = spec::Placement::rom;
  });
  add("small: matrix domains, long wake, no prewake", [](Graph& g) {
    g.hw.gating.enabled = Switch::on;
    g.hw.gating.domain = spec::GatingDomain::matrix;
    g.hw.gating.prewake = Switch::off;
    g.hw.gating.wake_latency = 3000.5 / g.hw.chip.clock * units::cycles(1.0);
    g.hw.mapping.lm_head = spec::Placement::rom;
  });
  add("small: layer domains, wake longer than a layer", [](Graph& g) {
    g.hw.gating.enabled = Switch::on;
    g.hw.gating.domain = spec::GatingDomain::layer;
    g.hw.gating.wake_latency = 9000.0 / g.hw.chip.clock * units::cycles(1.0);
    g.hw.mapping.lm_head = spec::Placement::rom;
  });
  add("small: no gating", [](Graph& g) { g.hw.gating.enabled = Switch::off; });
  add("small: KV spills to the host", [](Graph& g) {
    g.hw.sram.spill = spec::Spill::host;
    g.hw.sram.capacity = bits(30000.0);
    g.pass = {2, 3, 20};
  });
  add("small: 4-bit integer weights", [](Graph& g) {
    g.model.weights.code = spec::WeightCode::integer;
    g.model.weights.bits = bits(4.0);
    g.model.weights.zero_share.clear();
    g.model.weights.zero_bit_ratio = {0.5, 0.45, 0.61};
  });
  return graphs;
}

std::vector<Graph> full_graphs(const Hardware& hw, const Model& model) {
  const auto& w = model.workload;
  const double tokens = hw.pe.accumulators + 1;
  return {{"full: decode", hw, model, {w.batch, 1, w.context - 1}},
          {"full: prefill", hw, model, {1, tokens, 0}}};
}

}  // namespace tomestimate::evidence
