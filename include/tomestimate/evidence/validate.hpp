// SPDX-License-Identifier: Apache-2.0
// Engine against kernel: every closed-form count of a pass must equal the counted one, exactly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <tomestimate/kernel/kernel.hpp>
#include <tomestimate/spec/graph.hpp>

namespace tomestimate::evidence {

struct Mismatch {
  std::string where;  // "layer 3 k.lora_a", "tail lm_head", "pass"
  std::string count;  // "sram_read_bits"
  double closed_form;
  std::uint64_t counted;
};

struct Validation {
  std::string graph;
  spec::Pass<double> pass{};
  double weights = 0;      // base weights of the graph
  std::size_t counts = 0;  // compared
  std::vector<Mismatch> mismatches;
  std::string first_difference;  // op where the kernel's two paths differ; empty if they agree
  std::uint64_t output_hash = 0;
  double seconds = 0;  // of the kernel

  bool passed() const { return mismatches.empty() && first_difference.empty(); }
};

struct Graph {
  std::string name;
  spec::Hardware<double> hw;
  spec::Model<double> model;
  spec::Pass<double> pass;
};

// Throws spec::SpecError if the kernel would take more than about ten minutes of a core for a
// graph.
void check_size(const Graph& graph);

// Compares the closed form of a pass with what the kernel counted.
Validation compare(const spec::Hardware<double>& hw, const spec::Model<double>& model,
                   const spec::Pass<double>& pass, const kernel::PassCounts& counted);

// Runs a graph in the kernel and compares. Throws std::invalid_argument if the kernel cannot run
// it. `progress` is called before each layer.
Validation validate(const Graph& graph, unsigned threads,
                    const std::function<void(std::size_t layer)>& progress = {});

// Small graphs around a design: shapes that fill nothing evenly, batches, prefill, gating domains,
// LM head in ROM, integer weights, no adapter. Same order and content on every run.
std::vector<Graph> small_graphs(const spec::Hardware<double>& hw, const spec::Model<double>& model);

// The design itself, full size: a decode step at the workload, and a prefill of `prompt` tokens, or
// a short one that takes more than one token group.
std::vector<Graph> full_graphs(const spec::Hardware<double>& hw, const spec::Model<double>& model,
                               std::optional<double> prompt);

}  // namespace tomestimate::evidence
