// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/report/figures.hpp>
#include <tomestimate/study/evaluation.hpp>

namespace tomestimate::report {

std::vector<Figure> design_figures(const HardwareSpec& hardware, const ModelSpec& model,
                                   const std::vector<evidence::Comparison>& published) {
  const auto& hw = hardware.values;
  const auto& m = model.values;
  const auto all = study::evaluate(hw, m);
  const auto power = power_bars(all);
  std::vector<Figure> figures{roofline_figure(hw, m, all.base),
                              timeline_figure(timeline(hardware, m, all.base.decode)),
                              shares_figure(area_parts(all.base), power),
                              energy_figure(energy_bars(all), hw.gating.mode),
                              waterfall_figure(power, hw.gating.mode),
                              context_figure(context_curve(hw, m))};
  if (hw.map.weights == spec::WeightPlace::rom) {
    figures.push_back(area_figure(area_bars(hw, all.base), hw.rom.law));
    figures.push_back(density_figure(density_curve(hardware, m, published)));
    figures.push_back(height_figure(height_curve(hardware, m, published)));
  }
  return figures;
}

}  // namespace tomestimate::report
