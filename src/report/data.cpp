// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <variant>
#include <vector>

#include <tomestimate/engine/estimate.hpp>
#include <tomestimate/report/reports.hpp>
#include <tomestimate/units/unit_text.hpp>

namespace tomestimate::report {

Row compared(Row row, double average, double data) {
  for (const double x : {average, data, data - average}) row.emplace_back(x);
  if (average == 0)
    row.emplace_back(std::monostate{});
  else
    row.emplace_back(100 * (data - average) / average);
  return row;
}

Table data_energy_table(const study::Specs& average, const study::Specs& data) {
  Table table{
      "data-energy",
      "Energy of a decode step, by the averages and by the data",
      {{"component", ""},
       {"average", "uJ"},
       {"data", "uJ"},
       {"difference", "uJ"},
       {"relative", "%"}},
      {},
      {"data: as counted, the zero shares of each layer and projection, and over all of them the "
       "adds of zeros and of each sign and the toggles of activations, ROM words and addresses; "
       "specs/machine.md, \"Energy\", says what each moves"}};
  const auto of = [](const study::Specs& specs) {
    return engine::estimate(specs.hardware.values, specs.model.values).decode.energy;
  };
  const auto by_average = of(average), by_data = of(data);
  const auto add = [&](std::string_view name, double before, double after) {
    table.rows.push_back(compared({std::string(name)}, before, after));
  };
  const auto micro = [](const auto& energy) { return units::from_base(energy.value(), "uJ"); };
  std::vector<double> after;
  engine::visit_energy(by_data,
                       [&](std::string_view, const auto& e) { after.push_back(micro(e)); });
  auto next = after.begin();
  engine::visit_energy(by_average,
                       [&](std::string_view name, const auto& e) { add(name, micro(e), *next++); });
  add("total", micro(total(by_average)), micro(total(by_data)));
  return table;
}

}  // namespace tomestimate::report
