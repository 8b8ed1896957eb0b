// SPDX-License-Identifier: Apache-2.0
// What calibrated values are worth: each published figure that was used to fit some is left out,
// they are fitted to what is left, and the figure is predicted.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace tomestimate::evidence {

struct LeftOut {
  struct Value {
    std::string path, unit;
    double was, now;              // in `unit`
    std::vector<std::string> by;  // figures it is now fitted to; none: it stays as it was
  };

  std::string id, figure;
  double published = 0;  // in `unit`
  std::string unit;
  double calibrated = 0;  // the estimate with the specs as they are
  std::vector<Value> refits;
  std::optional<double> predicted;
  std::string why_not;  // no prediction

  std::optional<double> error() const;  // (predicted - published) / published
};

// Of every figure of the file that a value of the specs lists under `fits`; none where nothing is
// calibrated. A value is fitted within its range, or else within what is legal, by least squares
// of relative errors, several in turn until none moves. Throws spec::SpecError.
std::vector<LeftOut> leave_one_out(const std::string& path);

}  // namespace tomestimate::evidence
