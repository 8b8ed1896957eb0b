// The documents that commands print.
#pragma once

#include <span>
#include <vector>

#include <tomestimate/report/document.hpp>
#include <tomestimate/spec/load.hpp>
#include <tomestimate/study/published.hpp>
#include <tomestimate/study/validate.hpp>

namespace tomestimate::report {

using HardwareSpec = spec::Spec<spec::Hardware<double>>;
using ModelSpec = spec::Spec<spec::Model<double>>;

// Everything of a design: summary, what binds, layers and ops of decode and prefill, energy with and
// without gating, area with its alternatives, capacity, assumptions.
// Throws std::domain_error if the workload doesn't fit the SRAM and spilling is an error.
Document estimate_document(const HardwareSpec& hardware, const ModelSpec& model);

// Published figures beside the estimates.
Document published_document(std::span<const study::Comparison> comparisons);

// What validate compared, and every mismatch.
Document validation_document(std::span<const study::Validation> validations);

}  // namespace tomestimate::report
