// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/evaluation.hpp>

namespace tomestimate::study {
template Evaluation<number::Symbol> evaluate(const spec::Hardware<number::Symbol>&,
                                             const spec::Model<number::Symbol>&);
}  // namespace tomestimate::study
