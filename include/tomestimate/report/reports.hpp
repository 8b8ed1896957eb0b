// SPDX-License-Identifier: Apache-2.0
// The documents that commands print.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tomestimate/evidence/implies.hpp>
#include <tomestimate/evidence/leave_one_out.hpp>
#include <tomestimate/evidence/published.hpp>
#include <tomestimate/evidence/validate.hpp>
#include <tomestimate/report/document.hpp>
#include <tomestimate/rtl/characterization.hpp>
#include <tomestimate/spec/load.hpp>
#include <tomestimate/study/sensitivity.hpp>
#include <tomestimate/study/solve.hpp>
#include <tomestimate/study/sweep.hpp>
#include <tomestimate/study/uncertainty.hpp>

namespace tomestimate::report {

using HardwareSpec = spec::Spec<spec::Hardware<double>>;
using ModelSpec = spec::Spec<spec::Model<double>>;

struct DesignMetric {
  std::string_view name;
  std::string_view unit;  // display unit; "" for a bare number
  double value;           // in it
};

// Every metric of a design, in the order of the table "summary". Throws spec::SpecError if the two
// specs do not go together, and std::domain_error if the workload doesn't fit the SRAM.
std::vector<DesignMetric> metric_values(const HardwareSpec& hardware, const ModelSpec& model);

// Everything of a design: summary, what binds, layers and ops of decode and prefill, energy with
// and without gating, area with its alternatives, capacity, assumptions. Throws std::domain_error
// if the workload doesn't fit the SRAM and spilling is an error. `only`: makes no other table than
// the one with this id, if there is one.
Document estimate_document(const HardwareSpec& hardware, const ModelSpec& model,
                           std::string_view only = "");

// The ids of its tables, in order. Some designs have fewer.
inline constexpr std::array<std::string_view, 11> estimate_tables{
    "summary",     "binds-decode", "binds-prefill", "layers-decode", "layers-prefill", "ops-decode",
    "ops-prefill", "energy",       "area",          "capacity",      "assumptions"};

// What one reads first of a design, in some 40 lines: lead, key results, what binds and what relief
// brings, where power and area go. Throws like estimate_document.
Document estimate_brief(const HardwareSpec& hardware, const ModelSpec& model);

// "TOM running BitNet", with what was set for this run: "TOM with chip.clock = 1 GHz running ...".
std::string design_title(const HardwareSpec& hardware, const ModelSpec& model);

struct Explain {
  std::string quantity;  // a metric, or any name of study::Equations
  int depth = 3;         // equations of operands down to this distance
  std::size_t top = 12;  // contributors
  // To read at a terminal: long equations are cut, without values but in the lead, and of the spec
  // values only the first `top` are shown.
  bool brief = false;
};

// The equation of a quantity with its values, the equations of its operands, what contributes most,
// and every spec value that goes in, with grade, source and place. Throws spec::SpecError for an
// unknown name.
Document explain_document(const study::Specs& specs, const Explain& what);

// A live XLSX workbook of a design, as the bytes of its file: every number of the specs is a named
// cell, every metric and quantity of study::Equations a named cell with its equation as formula.
// Changing an input in a spreadsheet recalculates the rest. Equal designs give equal bytes. Throws
// std::runtime_error if it cannot be made.
std::string workbook(const study::Specs& specs);

// Every name that explain knows, with unit, value and what it is.
Document quantities_document(const study::Specs& specs);

// Published figures beside the estimates.
Document published_document(std::span<const evidence::Comparison> comparisons);

// Figures that were left out of the fit, and what is then predicted.
Document leave_one_out_document(std::span<const evidence::LeftOut> left_out);

// What each figure says of each value with a range: by value, and one by one.
Document implied_document(std::span<const evidence::Implied> implied);

// What validate compared, and every mismatch.
Document validation_document(std::span<const evidence::Validation> validations);

// `row` with a value by the closed form's average and by the data of a run, the difference, and
// that in percent.
Row compared(Row row, double average, double data);

// Energy of a decode step by component, with the specs' averages and with those of data.
Table data_energy_table(const study::Specs& average, const study::Specs& data);

// "binds: unit compute takes 80 % of a decode step; relieved by ...".
std::string binding_sentence(const HardwareSpec& hardware, const ModelSpec& model);

// Why the workload does not fit the SRAM and may not spill; nullopt if all is well.
std::optional<std::string> does_not_fit(const HardwareSpec& hardware, const ModelSpec& model);

// Metrics before and after a change, with delta and ratio, and what binds on both sides: all in
// their order, or (`brief`) only what changed, most first, and the rest as a line.
Document what_if_document(const study::Specs& before, const study::Specs& after,
                          const std::vector<std::string>& changes, bool brief);

struct Design {
  std::string name;  // as the user gave it
  study::Specs specs;
  std::string label{};  // what columns call it; "": a letter
};

// What columns call one of several designs: its label, or A, B, ... by its place.
std::string heading_of(const std::string& label, std::size_t design);

// Every metric of several designs, with ratios to the first.
Document compare_document(const std::vector<Design>& designs);

// `specs` are those that were searched.
Document solve_document(const study::Specs& specs, const study::Solved& solved,
                        const study::Target& target);

Document pareto_document(const study::Study& study, const study::Space& space,
                         const std::vector<study::Found>& front, const study::SweepResult& result);

// The `top` values a metric hangs on most.
Document sensitivity_document(const study::Specs& specs, const std::string& metric,
                              const std::vector<study::Sensitivity>& all, std::size_t top);

Document uncertainty_document(const study::Specs& specs, const study::Uncertainty& uncertainty,
                              const study::UncertaintyOptions& options);

// Every spec value by name, with its unit and legal range.
Document parameters_document(const study::Specs& specs);

// Laws of banks with their errors, the banks, and arithmetic units.
Document characterization_document(const rtl::Characterization& characterization);

}  // namespace tomestimate::report
