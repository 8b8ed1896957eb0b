// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/study/evaluation.hpp>

namespace tomestimate::engine {
template LayerEstimate<double> estimate_layer(const spec::Hardware<double>&,
                                              const spec::Model<double>&, const Common<double>&,
                                              const PassEstimate<double>&, std::size_t);
template PassEstimate<double> estimate_pass(const spec::Hardware<double>&,
                                            const spec::Model<double>&, const Common<double>&,
                                            const spec::Pass<double>&);
template Estimate<double> estimate(const spec::Hardware<double>&, const spec::Model<double>&);
}  // namespace tomestimate::engine

namespace tomestimate::study {
template Evaluation<double> evaluate(const spec::Hardware<double>&, const spec::Model<double>&);
}  // namespace tomestimate::study
