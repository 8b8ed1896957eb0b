// SPDX-License-Identifier: Apache-2.0
// The Python module: estimates, sweeps into NumPy arrays, equations and checks, with the numbers
// and the errors of the program.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>
#include <nlohmann/json.hpp>

#include <tomestimate/evidence/check.hpp>
#include <tomestimate/report/reports.hpp>
#include <tomestimate/spec/describe.hpp>
#include <tomestimate/spec/file.hpp>
#include <tomestimate/spec/find.hpp>
#include <tomestimate/spec/text.hpp>
#include <tomestimate/study/cautions.hpp>
#include <tomestimate/study/collect.hpp>
#include <tomestimate/study/optimize.hpp>
#include <tomestimate/study/sensitivity.hpp>
#include <tomestimate/study/sweep.hpp>
#include <tomestimate/study/uncertainty.hpp>

namespace tomestimate::python {
namespace {

namespace fs = std::filesystem;
namespace py = pybind11;
using Json = nlohmann::ordered_json;

// ---- errors ----

PyObject* error_type = nullptr;  // tomestimate.Error, for as long as the process lives

void raise(const std::string& message, const std::vector<spec::Diagnostic>& diagnostics) {
  const auto error = py::reinterpret_borrow<py::object>(error_type)(message);
  error.attr("diagnostics") = py::cast(diagnostics);
  PyErr_SetObject(error_type, error.ptr());
}

void translate(std::exception_ptr thrown) try {
  std::rethrow_exception(std::move(thrown));
} catch (const py::error_already_set&) {
  throw;  // Python's own, which pybind11 knows
} catch (const py::builtin_exception&) {
  throw;
} catch (const spec::SpecError& e) {
  raise(e.what(), e.diagnostics());
} catch (const std::domain_error& e) {
  raise(e.what(), {});
} catch (const std::runtime_error& e) {
  raise(e.what(), {});
}

void add_errors(py::module_& module) {
  py::class_<spec::Diagnostic>(module, "Diagnostic", "What is wrong, where, and what to do.")
      .def_readonly("message", &spec::Diagnostic::message)
      .def_readonly("hint", &spec::Diagnostic::hint, "\"\" if there is none")
      .def_property_readonly(
          "file", [](const spec::Diagnostic& d) { return d.place.file; }, "or the argument")
      .def_property_readonly(
          "line", [](const spec::Diagnostic& d) { return d.place.line; },
          "from 1; 0 for what has no lines")
      .def_property_readonly("column", [](const spec::Diagnostic& d) { return d.place.column; })
      .def("__str__", &spec::format)
      .def("__repr__", &spec::format);
  error_type = PyErr_NewExceptionWithDoc(
      "tomestimate.Error",
      "A bad spec, study or argument, or a design that does not fit. str() is what the program "
      "prints; diagnostics has each error with its place and hint.",
      PyExc_ValueError, nullptr);
  if (error_type == nullptr) throw py::error_already_set();
  module.attr("Error") = py::reinterpret_borrow<py::object>(error_type);
  py::register_local_exception_translator(&translate);
}

// ---- cautions ----

PyObject* caution_type = nullptr;   // tomestimate.Caution, likewise
PyObject* estimate_type = nullptr;  // tomestimate.Estimate, likewise

void add_cautions(py::module_& module) {
  caution_type = PyErr_NewExceptionWithDoc("tomestimate.Caution",
                                           "The category of warnings on numbers: a value without "
                                           "effect, outside the range that its spec "
                                           "states, or used away from where it was told.",
                                           PyExc_UserWarning, nullptr);
  if (caution_type == nullptr) throw py::error_already_set();
  module.attr("Caution") = py::reinterpret_borrow<py::object>(caution_type);
  py::dict members;
  members["__module__"] = "tomestimate";
  members["__doc__"] =
      "Metrics by name, a dict of floats; cautions has what a reader of them has to be told, a "
      "list "
      "of texts.";
  const auto dict = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(&PyDict_Type));
  const auto type = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(&PyType_Type));
  auto made = type("Estimate", py::make_tuple(dict), members);
  estimate_type = made.ptr();
  module.attr("Estimate") = std::move(made);
}

// Each as a warning too, so that none is carried in silence.
void warn(const std::vector<std::string>& cautions) {
  for (const auto& text : cautions)
    if (PyErr_WarnEx(caution_type, text.c_str(), 1) != 0) throw py::error_already_set();
}

// ---- values from Python ----

// A text as UTF-8. Throws TypeError, and UnicodeEncodeError for half a surrogate pair.
std::string text_of(const py::handle& value, const char* what) {
  if (!py::isinstance<py::str>(value))
    throw py::type_error(fmt::format("{} is a text, not {}", what,
                                     spec::shortened(py::repr(value).cast<std::string>())));
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(value.ptr(), &size);
  if (text == nullptr) throw py::error_already_set();
  return {text, static_cast<std::size_t>(size)};
}

// A whole number of any size as the number that is nearest.
Json whole_of(const py::handle& value) try {
  return Json::parse(py::str(value).cast<std::string>());
} catch (const Json::exception&) {
  throw py::value_error("a whole number is too large: " +
                        spec::shortened(py::str(value).cast<std::string>()));
}

// Numbers, switches, texts, lists and dicts, NumPy's too. Throws TypeError, and ValueError for
// lists that are too deep, as one in itself is.
Json to_json(const py::handle& value, int depth = 0) {
  constexpr int deepest = 20;
  if (depth > deepest) throw py::value_error("lists in lists in lists");
  if (py::isinstance<py::str>(value)) return text_of(value, "it");
  if (py::isinstance<py::bool_>(value)) return value.cast<bool>();
  if (py::isinstance<py::int_>(value)) return whole_of(value);
  if (py::isinstance<py::float_>(value)) return value.cast<double>();
  if (py::hasattr(value, "tolist")) return to_json(value.attr("tolist")(), depth + 1);
  if (py::isinstance<py::dict>(value)) {
    Json out = Json::object();
    for (const auto& [key, item] : py::reinterpret_borrow<py::dict>(value))
      out[text_of(key, "a name")] = to_json(item, depth + 1);
    return out;
  }
  if (py::isinstance<py::list>(value) || py::isinstance<py::tuple>(value)) {
    Json out = Json::array();
    for (const auto& item : value) out.push_back(to_json(item, depth + 1));
    return out;
  }
  throw py::type_error(fmt::format("expected a number, a text, a switch or a list, got {}",
                                   spec::shortened(py::repr(value).cast<std::string>())));
}

// A value as --set takes it.
std::string override_text(const py::handle& value) {
  const auto json = to_json(value);
  return json.is_string() ? json.get<std::string>() : json.dump();
}

// What is set in all designs of a call; batch, prompt and context may be None.
struct Settings {
  py::dict set;
  py::object batch = py::none(), prompt = py::none(), context = py::none();

  // Those of the workload that are given, by name.
  std::vector<std::pair<std::string, std::string>> workload() const {
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& [name, value] :
         {std::pair{"batch", &batch}, {"prompt", &prompt}, {"context", &context}})
      if (!value->is_none()) out.emplace_back(name, override_text(*value));
    return out;
  }
};

study::Specs load(const fs::path& hardware, const fs::path& model, const Settings& settings) {
  study::Specs specs{spec::load_hardware(spec::find_spec(hardware.string())),
                     spec::load_model(spec::find_spec(model.string()))};
  std::vector<spec::Override> all;
  for (const auto& [name, value] : settings.workload())
    all.push_back({"workload." + name, value, {fmt::format("--{} {}", name, value), 0, 0}});
  for (const auto& [key, item] : settings.set) {
    const auto path = text_of(key, "the name of a value");
    const auto value = override_text(item);
    all.push_back({path, value, {fmt::format("--set {}={}", path, value), 0, 0}});
  }
  spec::override_values(specs.hardware, specs.model, std::move(all));
  spec::check_pair(specs.hardware.values, specs.model.values);
  return specs;
}

// ---- arrays and long work ----

// An array of a list, which it takes over.
template <class Number>
py::array_t<Number> array_of(std::vector<Number> list) {
  auto owned = std::make_unique<std::vector<Number>>(std::move(list));
  auto* data = owned->data();
  const auto size = owned->size();
  const py::capsule owner(owned.release(),
                          [](void* p) { delete static_cast<std::vector<Number>*>(p); });
  return py::array_t<Number>(size, data, owner);
}

// Runs `work` without Python's lock, on a thread of its own, so that this one hears Ctrl-C, which
// sets the work's `stop`.
template <class Work>
auto in_background(Work work) {
  std::atomic<bool> stop = false;
  auto running = std::async(std::launch::async, [&] { return work(std::as_const(stop)); });
  const auto done = [&running] {
    const py::gil_scoped_release released;
    return running.wait_for(std::chrono::milliseconds(50)) == std::future_status::ready;
  };
  while (!done()) {
    if (PyErr_CheckSignals() == 0) continue;
    py::error_already_set interrupted;
    stop = true;
    {
      const py::gil_scoped_release released;
      running.wait();
    }
    throw interrupted;
  }
  return running.get();
}

// ---- one design ----

py::object estimate(const fs::path& hardware, const fs::path& model, const Settings& settings) {
  const auto specs = load(hardware, model, settings);
  auto out = py::reinterpret_borrow<py::object>(estimate_type)();
  for (const auto& metric : report::metric_values(specs.hardware, specs.model))
    out[py::str(metric.name.data(), metric.name.size())] = metric.value;
  const auto cautions = study::cautions(specs);
  warn(cautions);
  out.attr("cautions") = cautions;
  return out;
}

std::string explain(const report::Explain& what, const std::string& format,
                    const study::Specs& specs) {
  const auto document = report::explain_document(specs, what);
  if (format == "text") return report::render(document, report::Format::text);
  if (format == "json") return report::render(document, report::Format::json);
  throw py::value_error("format is \"text\" or \"json\", not \"" + format + "\"");
}

std::vector<spec::Diagnostic> check(const py::args& files) {
  std::vector<spec::Diagnostic> out;
  for (const auto& file : files)
    for (auto& d : evidence::check(spec::find_spec(file.cast<fs::path>().string())))
      out.push_back(std::move(d));
  return out;
}

// Every metric of two designs: {name: {"before", "after", "delta", "ratio", "unit"}}.
py::dict what_if(const fs::path& hardware, const fs::path& model, const Settings& settings) {
  const auto before = load(hardware, model, {});
  const auto after = load(hardware, model, settings);
  const auto was = report::metric_values(before.hardware, before.model);
  py::dict out;
  for (const auto& now : report::metric_values(after.hardware, after.model)) {
    const auto old =
        std::find_if(was.begin(), was.end(), [&now](const auto& m) { return m.name == now.name; });
    if (old == was.end()) continue;  // of a table that only one of them uses
    py::dict one;
    one["before"] = old->value;
    one["after"] = now.value;
    one["delta"] = now.value - old->value;
    one["ratio"] = now.value / old->value;
    one["unit"] = std::string(now.unit);
    out[py::str(std::string(now.name))] = one;
  }
  auto cautions = study::cautions(after);
  for (auto& text : study::without_effect(before, after)) cautions.push_back(std::move(text));
  warn(cautions);
  return out;
}

// What a spec says of a value, into its dict.
void add_sourced(py::dict& to, const study::Specs& specs, const study::Parameter& p) {
  const auto* said = study::find_sourced(specs, p.path);
  if (said == nullptr) return;
  to["grade"] = std::string(spec::name(said->grade));
  to["source"] = said->source;
  to["place"] = fmt::format("{}:{}", said->place.file, said->place.line);
  if (!said->range) return;
  const double factor = study::unit_factor(p.unit);
  to["range"] = py::make_tuple((*said->range)[0] / factor, (*said->range)[1] / factor);
}

py::dict parameters(const fs::path& hardware, const fs::path& model, const Settings& settings) {
  const auto specs = load(hardware, model, settings);
  std::map<std::string, std::vector<std::string>> choices;
  for (const auto& list :
       {spec::describe(specs.hardware.values), spec::describe(specs.model.values)})
    for (const auto& d : list) choices[d.path] = d.choices;
  py::dict out;
  for (const auto& p : study::parameters(specs)) {
    const auto* said = study::find_sourced(specs, p.path);
    const bool plain = p.number || p.max > p.min;
    py::dict one;
    one["value"] = plain             ? py::cast(p.value / study::unit_factor(p.unit))
                   : said != nullptr ? py::cast(said->text)
                                     : py::object(py::none());
    one["unit"] = p.unit;
    one["doc"] = p.doc;
    if (plain) {
      one["legal"] = py::make_tuple(p.min, p.max);
      one["whole"] = p.whole;
    } else {
      one["choices"] = choices.at(p.path);
    }
    add_sourced(one, specs, p);
    out[py::str(p.path)] = one;
  }
  return out;
}

// A list as an object array or an array of numbers.
py::object texts_of(const std::vector<std::string>& texts) {
  return py::module_::import("numpy").attr("array")(texts, py::arg("dtype") = "object");
}

py::dict sensitivity(const std::string& metric, const fs::path& hardware, const fs::path& model,
                     const Settings& settings) {
  const auto factor = study::unit_factor(study::require_metric(metric, {metric, 0, 0}));
  const auto specs = load(hardware, model, settings);
  const double here = study::metric_value(specs, metric);
  const double none = std::nan("");
  std::vector<std::string> path, unit;
  std::vector<double> value, low, high, at_low, at_high, swing, elasticity;
  for (const auto& s : study::sensitivity(specs, metric)) {
    const auto& p = s.parameter;
    const double own = study::unit_factor(p.unit);
    path.push_back(p.path);
    unit.push_back(p.unit);
    value.push_back(p.value / own);
    low.push_back(s.low / own);
    high.push_back(s.high / own);
    at_low.push_back(s.at_low.value_or(none) / factor);
    at_high.push_back(s.at_high.value_or(none) / factor);
    swing.push_back(s.swing(here) / factor);
    elasticity.push_back(s.slope.elasticity.value_or(none));
  }
  warn(study::cautions(specs, {metric}));
  py::dict out;
  out["path"] = texts_of(path);
  out["unit"] = texts_of(unit);
  out["value"] = array_of(std::move(value));
  out["low"] = array_of(std::move(low));
  out["high"] = array_of(std::move(high));
  out["at_low"] = array_of(std::move(at_low));
  out["at_high"] = array_of(std::move(at_high));
  out["swing"] = array_of(std::move(swing));
  out["elasticity"] = array_of(std::move(elasticity));
  return out;
}

std::vector<std::string> list_of(const py::object& texts) {
  if (texts.is_none()) return {};
  if (py::isinstance<py::str>(texts)) return {texts.cast<std::string>()};
  return texts.cast<std::vector<std::string>>();
}

py::dict uncertainty(const fs::path& hardware, const fs::path& model, const py::object& metrics,
                     const py::object& given, study::UncertaintyOptions options,
                     const Settings& settings) {
  const auto specs = load(hardware, model, settings);
  auto names = list_of(metrics);
  if (names.empty()) names = study::usual_metrics;
  for (const auto& name : names) study::require_metric(name, {name, 0, 0});
  for (const auto& text : list_of(given)) options.given.push_back(study::parse_given(text));
  const auto u = in_background(
      [&](const std::atomic<bool>&) { return study::uncertainty(specs, names, options); });
  std::vector<std::string> paths;
  for (const auto& p : u.parameters) paths.push_back(p.parameter.path);
  py::dict out;
  for (const auto& m : u.metrics) {
    const double factor = study::unit_factor(study::metric_unit(m.metric).value());
    py::dict one, share;
    std::vector<double> quantiles;
    for (const double q : m.quantiles) quantiles.push_back(q / factor);
    one["here"] = m.here / factor;
    one["mean"] = m.mean / factor;
    one["deviation"] = m.deviation / factor;
    one["levels"] =
        array_of(std::vector<double>(study::quantile_levels.begin(), study::quantile_levels.end()));
    one["quantiles"] = array_of(std::move(quantiles));
    for (std::size_t i = 0; i < paths.size(); ++i) share[py::str(paths[i])] = m.share[i];
    one["share"] = share;
    one["draws"] = u.used;
    one["effective"] = u.effective;
    out[py::str(m.metric)] = one;
  }
  return out;
}

// ---- a study from arguments ----

struct StudyArguments {
  py::dict vary;
  py::object columns, where, order, limit;  // None if not given
  Settings settings;
  std::vector<std::string> objectives{}, targets{};

  bool any() const {
    return !vary.empty() || !columns.is_none() || !where.is_none() || !order.is_none() ||
           !limit.is_none() || !settings.set.empty() || !settings.workload().empty() ||
           !objectives.empty() || !targets.empty();
  }
};

// JSON as TOML, on one line.
std::string toml_text(const Json& value) {
  if (!value.is_structured()) return value.dump();  // JSON's are TOML's
  std::string out;
  for (const auto& [key, item] : value.items()) {
    if (!out.empty()) out += ", ";
    if (value.is_object()) out += Json(key).dump() + " = ";
    out += toml_text(item);
  }
  return value.is_object() ? "{ " + out + " }" : "[" + out + "]";
}

// Lines of a study, and the argument each is made of.
struct Lines {
  std::string text;
  std::vector<std::string> arguments;

  void add(std::string argument, const std::string& line) {
    text += line + "\n";
    arguments.push_back(std::move(argument));
  }
  void add(const std::string& argument, const std::string& key, const Json& value) {
    add(argument, key + " = " + toml_text(value));
  }
};

// The values of an axis: (NumPy array or list, unit) as texts with that unit.
Json axis_values(const py::handle& values) {
  auto json = to_json(values);
  const bool with_unit = json.is_array() && json.size() == 2 && json[0].is_array() &&
                         json[1].is_string() && py::isinstance<py::tuple>(values);
  if (!with_unit) return json;
  for (auto& number : json[0]) number = number.dump() + " " + json[1].get<std::string>();
  return json[0];
}

Lines lines_of(const fs::path& hardware, const fs::path& model, const StudyArguments& a) {
  const auto file = [](const fs::path& name) {
    return fs::absolute(spec::find_spec(name.string())).lexically_normal().string();
  };
  Lines out;
  out.add("sweep", "kind", "study");
  out.add("sweep", "name", "sweep");
  out.add("hardware", "hardware", file(hardware));
  out.add("model", "model", file(model));
  Json set = Json::object();
  for (const auto& [name, value] : a.settings.workload()) set["workload." + name] = value;
  for (const auto& [path, value] : a.settings.set)
    set[text_of(path, "the name of a value")] = to_json(value);
  if (!set.empty()) out.add("set", "set", set);
  out.add("columns", "columns",
          a.columns.is_none() ? Json(study::usual_metrics) : to_json(a.columns));
  for (const auto& [key, value] :
       {std::pair{"where", &a.where}, {"order", &a.order}, {"limit", &a.limit}})
    if (!value->is_none()) out.add(key, key, to_json(*value));
  if (!a.objectives.empty()) out.add("maximize, minimize", "objectives", a.objectives);
  if (!a.targets.empty()) out.add("targets", "targets", a.targets);
  for (const auto& [key, item] : a.vary) {
    const auto path = text_of(key, "the name of a value");
    const auto argument = "vary " + path;
    out.add(argument, "[[vary]]");
    out.add(argument, "path", path);
    const auto values = axis_values(item);
    if (!values.is_object())
      out.add(argument, "values", values);
    else  // { range = { from, to, points } } and so on, as a study has it
      for (const auto& [way, value] : values.items()) out.add(argument, way, value);
  }
  return out;
}

study::Study study_of(const fs::path& hardware, const fs::path& model, const StudyArguments& a,
                      study::Regions regions = study::Regions::refused) {
  if (a.vary.empty())
    throw spec::SpecError(
        {{{"vary", 0, 0}, "nothing varies", R"(such as vary={"base.lanes": [8, 16, 32]})"}});
  const auto lines = lines_of(hardware, model, a);
  const spec::TemporaryFolder folder;
  const auto file = (folder.path() / "study.toml").string();
  spec::write_file(file, lines.text);
  try {
    return study::load_study(file, regions);
  } catch (const spec::SpecError& e) {
    auto all = e.diagnostics();
    for (auto& d : all)
      if (d.place.file == file && d.place.line >= 1 && d.place.line <= lines.arguments.size())
        d.place = {lines.arguments[d.place.line - 1], 0, 0};
    throw spec::SpecError(std::move(all));
  }
}

// ---- sweeps ----

study::Collected collect(const study::Study& study, unsigned threads,
                         std::vector<std::string>& cautions) {
  return in_background([&](const std::atomic<bool>& stop) {
    return study::collect(study, threads, &stop, [&](const study::Space& space) {
      cautions = study::cautions(study, space);
    });
  });
}

// An array of references to the texts: each text is there once.
template <class Index>
py::object texts_at(const std::vector<std::string>& texts, std::vector<Index> indices) {
  const auto all = py::module_::import("numpy").attr("array")(texts, py::arg("dtype") = "object");
  return all.attr("take")(array_of(std::move(indices)));
}

// What a varied value is at each row; `stride` points share a value of its axis.
py::object values_at(const study::Varied& varied, const std::vector<std::uint64_t>& points,
                     std::uint64_t stride) {
  const auto size = varied.size();
  if (const auto* texts = std::get_if<study::Varied::Texts>(&varied.values)) {
    std::vector<std::int64_t> indices;
    indices.reserve(points.size());
    for (const auto p : points) indices.push_back(static_cast<std::int64_t>(p / stride % size));
    return texts_at(*texts, std::move(indices));
  }
  std::vector<double> numbers;
  numbers.reserve(points.size());
  for (const auto p : points) numbers.push_back(varied.number(p / stride % size));
  return array_of(std::move(numbers));
}

// Rows as arrays by name, with their units.
struct Sweep {
  py::dict arrays;
  py::dict units;
  std::vector<std::string> cautions;
  std::size_t rows = 0;
};

Sweep arrays_of(const study::Study& study, study::Collected rows,
                std::vector<std::string> cautions) {
  Sweep out;
  out.cautions = std::move(cautions);
  warn(out.cautions);
  out.rows = rows.rows();
  std::uint64_t stride = 1;
  for (const auto& axis : study.axes) stride *= axis.size();
  for (const auto& axis : study.axes) {
    stride /= axis.size();
    for (const auto& v : axis.members) {
      const py::str name(v.parameter.path);
      out.arrays[name] = values_at(v, rows.points, stride);
      out.units[name] = v.is_number() ? v.parameter.unit : "";
    }
  }
  for (std::size_t c = 0; c < study.columns.size(); ++c) {
    const py::str name(study.columns[c].name);
    out.arrays[name] = array_of(std::move(rows.columns[c]));
    out.units[name] = study.columns[c].unit;
  }
  out.arrays["status"] = texts_at(rows.reasons, std::move(rows.status));
  out.units["status"] = "";
  return out;
}

Sweep sweep(const fs::path& hardware_or_study, const std::optional<fs::path>& model,
            const StudyArguments& arguments, unsigned threads) {
  if (!model && arguments.any())
    throw py::type_error("a study says itself what varies: vary and others go with two specs");
  const auto study = model ? study_of(hardware_or_study, *model, arguments)
                           : study::load_study(spec::find_spec(hardware_or_study.string()));
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::string> cautions;
  auto rows = collect(study, threads, cautions);
  return arrays_of(study, std::move(rows), std::move(cautions));
}

// ---- fronts and goals ----

// "max throughput", "min area"; the metrics of these among the columns.
void add_objectives(StudyArguments& a, const py::object& maximize, const py::object& minimize) {
  auto columns = a.columns.is_none() ? Json(study::usual_metrics) : to_json(a.columns);
  for (const auto& [word, list] :
       {std::pair{"max ", list_of(maximize)}, {"min ", list_of(minimize)}})
    for (const auto& metric : list) {
      a.objectives.push_back(word + metric);
      const auto named = [&metric](const Json& c) {
        return c == metric || (c.is_object() && c.value("name", "") == metric);
      };
      if (std::none_of(columns.begin(), columns.end(), named)) columns.push_back(metric);
    }
  a.columns = py::module_::import("json").attr("loads")(columns.dump());
}

Sweep pareto(const fs::path& hardware_or_study, const std::optional<fs::path>& model,
             const StudyArguments& arguments, unsigned threads) {
  if (!model && arguments.any())
    throw py::type_error("a study says itself what varies: vary and others go with two specs");
  const auto study = model ? study_of(hardware_or_study, *model, arguments)
                           : study::load_study(spec::find_spec(hardware_or_study.string()));
  if (study.objectives.empty())
    throw spec::SpecError({{{hardware_or_study.string(), 0, 0},
                            "no objectives",
                            R"(such as maximize="throughput", minimize="area")"}});
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  study::SweepResult result;
  const study::Space space(study.specs, study.axes, study.formulas());
  const auto front = in_background(
      [&](const std::atomic<bool>&) { return study::pareto(study, space, threads, result); });
  study::Collected rows;
  rows.columns.resize(study.columns.size());
  rows.reasons = {"ok"};
  for (const auto& found : front) {
    rows.points.push_back(found.point);
    rows.status.push_back(0);
    for (std::size_t c = 0; c < rows.columns.size(); ++c)
      rows.columns[c].push_back(found.values[c]);
  }
  return arrays_of(study, std::move(rows), study::cautions(study, space));
}

// What may be chosen: a list of paths, whose ranges are the usual ones, or a dict: None for the
// usual range, (low, high) for all between, a list for its values.
py::dict searched_axes(const study::Specs& specs, const py::object& vary) {
  auto given = py::dict();
  if (py::isinstance<py::dict>(vary))
    given = vary;
  else
    for (const auto& path : list_of(vary)) given[py::str(path)] = py::none();
  py::dict out;
  for (const auto& [key, item] : given) {
    const auto ends = [&out, &key = key](const py::object& from, const py::object& to) {
      py::dict range, axis;
      range["from"] = from;
      range["to"] = to;
      axis["range"] = range;
      out[key] = axis;
    };
    if (item.is_none()) {
      const auto path = key.cast<std::string>();
      const auto region = study::usual_region(specs, path, {"vary " + path, 0, 0});
      const auto& p = region.parameter;
      const auto text = [&p](double base) {
        return py::cast(fmt::format("{}{}{}", study::in_display_unit(p, base),
                                    p.unit.empty() ? "" : " ", p.unit));
      };
      ends(text(region.low), text(region.high));
    } else if (py::isinstance<py::tuple>(item) && py::len(item) == 2 &&
               !py::isinstance<py::list>(item[py::int_(0)]) &&
               !py::hasattr(item[py::int_(0)], "tolist")) {
      ends(item[py::int_(0)], item[py::int_(1)]);
    } else {
      out[key] = py::reinterpret_borrow<py::object>(item);
    }
  }
  return out;
}

py::dict metrics_in(const study::Specs& specs, const std::vector<std::string>& names) {
  py::dict out;
  for (const auto& name : names)
    out[py::str(name)] =
        study::metric_value(specs, name) / study::unit_factor(study::metric_unit(name).value());
  return out;
}

py::list clashes_of(const study::Optimum& best) {
  py::list out;
  for (const auto& c : best.clashes) {
    py::dict one, nearest;
    for (const auto& [metric, value] : c.nearest)
      nearest[py::str(metric)] = value / study::unit_factor(study::metric_unit(metric).value());
    one["condition"] = c.text;
    one["met_alone"] = c.alone;
    one["proved"] = c.proved;
    one["nearest"] = nearest;
    out.append(one);
  }
  return out;
}

py::dict solve(const fs::path& hardware, const fs::path& model, const py::object& vary,
               StudyArguments a, double tolerance, std::uint64_t effort) {
  const auto specs = load(hardware, model, a.settings);
  a.vary = searched_axes(specs, vary);
  if (a.objectives.size() > 1 || (a.objectives.empty() && a.targets.empty()))
    throw spec::SpecError({{{"maximize, minimize", 0, 0},
                            "expected one of them, or targets",
                            R"(such as minimize="area", targets=["throughput >= 2000 token/s"])"}});
  const auto study = study_of(hardware, model, a, study::Regions::taken);
  study::Wanted wanted;
  wanted.tolerance = tolerance;
  wanted.boxes = effort;
  wanted.targets = study.targets;
  wanted.where = study.where;
  double factor = 1;
  if (!study.objectives.empty()) {
    const auto& metric = study.columns[study.objectives[0].column].name;
    wanted.metric = metric;
    wanted.maximize = study.objectives[0].maximize;
    factor = study::unit_factor(study::require_metric(metric, {"maximize, minimize", 0, 0}));
  }
  const auto searched = study::searched_of(study);
  const auto best = in_background([&](const std::atomic<bool>& stop) {
    wanted.progress = [&stop](std::uint64_t, std::uint64_t) {
      if (stop) throw study::Stopped{};
    };
    return study::optimize(study.specs, searched, wanted);
  });
  py::dict out, set;
  for (const auto& text : best.sets) {
    const auto equals = text.find('=');
    set[py::str(text.substr(0, equals))] = text.substr(equals + 1);
  }
  std::vector<std::string> names;
  for (const auto& c : study.columns)
    if (c.formula == c.name) names.push_back(c.name);
  for (const auto& t : study.targets)
    if (std::find(names.begin(), names.end(), t.metric) == names.end()) names.push_back(t.metric);
  out["found"] = best.found;
  out["proved"] = best.closed;
  out["set"] = set;
  if (!best.sets.empty()) {
    out["metrics"] = metrics_in(best.specs, names);
    out["best"] = best.best / factor;
    out["bound"] = best.bound / factor;
    std::vector<std::string> binds;
    for (const auto& k : best.kept)
      if (k.binds) binds.push_back(k.text);
    out["binds"] = binds;
    warn(study::cautions(best.specs));
  }
  out["clashes"] = clashes_of(best);
  return out;
}

void add_searches(py::module_& module) {
  module.def(
      "pareto",
      [](const fs::path& hardware, const std::optional<fs::path>& model, py::dict vary,
         const py::object& maximize, const py::object& minimize, py::object columns,
         py::object where, py::dict set, py::object batch, py::object prompt, py::object context,
         unsigned threads) {
        StudyArguments a{std::move(vary),
                         std::move(columns),
                         std::move(where),
                         py::none(),
                         py::none(),
                         {std::move(set), std::move(batch), std::move(prompt), std::move(context)}};
        if (!maximize.is_none() || !minimize.is_none()) add_objectives(a, maximize, minimize);
        return pareto(hardware, model, a, threads);
      },
      py::arg("hardware"), py::arg("model") = py::none(), py::kw_only(),
      py::arg("vary") = py::dict(), py::arg("maximize") = py::none(),
      py::arg("minimize") = py::none(), py::arg("columns") = py::none(),
      py::arg("where") = py::none(), py::arg("set") = py::dict(), py::arg("batch") = py::none(),
      py::arg("prompt") = py::none(), py::arg("context") = py::none(), py::arg("threads") = 0,
      "The points of a study file, or of two specs and what varies as in sweep, that no other "
      "beats "
      "in all of maximize and minimize (a metric or a list): a Sweep of these rows.");
  module.def(
      "solve",
      [](const fs::path& hardware, const fs::path& model, const py::object& vary,
         const py::object& targets, const py::object& maximize, const py::object& minimize,
         py::object where, py::object columns, py::dict set, py::object batch, py::object prompt,
         py::object context, double tolerance, std::uint64_t effort) {
        StudyArguments a{py::dict(),
                         std::move(columns),
                         std::move(where),
                         py::none(),
                         py::none(),
                         {std::move(set), std::move(batch), std::move(prompt), std::move(context)}};
        if (!(tolerance > 0) || tolerance > 0.5)
          throw py::value_error("tolerance is a share above 0, 0.5 at most");
        if (effort == 0) throw py::value_error("effort is 1 or more");
        add_objectives(a, maximize, minimize);
        a.targets = list_of(targets);
        return solve(hardware, model, vary, std::move(a), tolerance, effort);
      },
      py::arg("hardware"), py::arg("model"), py::kw_only(), py::arg("vary"),
      py::arg("targets") = py::none(), py::arg("maximize") = py::none(),
      py::arg("minimize") = py::none(), py::arg("where") = py::none(),
      py::arg("columns") = py::none(), py::arg("set") = py::dict(), py::arg("batch") = py::none(),
      py::arg("prompt") = py::none(), py::arg("context") = py::none(), py::arg("tolerance") = 1e-3,
      py::arg("effort") = 50000,
      R"(The best design of ranges by branch and bound, or one that meets several targets.

vary is a path or a list of paths, each over its spec's range (or from a quarter of to four times its
value), or a dict: None for that, (low, high) for all between, a list for its values. targets are texts
such as "throughput >= 2000 token/s"; where is a formula. Gives a dict: found; proved (nothing is left to
look at); set, which estimate and what_if take as theirs; metrics; best and bound (no design of the
ranges is better) in the metric's unit, or without a metric the share by which a target is missed; binds;
and clashes, what each condition comes to by itself where nothing meets all: condition, met_alone, proved
(that none does), nearest (its metrics where it is nearest to). Other Python threads run meanwhile, and
Ctrl-C stops it.)");
}

void add_sweep(py::module_& module) {
  py::class_<Sweep>(module, "Sweep",
                    "Rows of a sweep: a mapping of NumPy arrays by name, one element a row. Varied "
                    "values come first, then the columns, then status: \"ok\", or why the numbers "
                    "of a row are NaN.")
      .def_readonly("units", &Sweep::units, "unit of each array by name; \"\" for texts")
      .def_readonly("rows", &Sweep::rows, "how many")
      .def_readonly("cautions", &Sweep::cautions,
                    "what a reader of the numbers has to be told, a list of texts")
      .def("keys", [](const Sweep& s) { return s.arrays.attr("keys")(); })
      .def("__len__", [](const Sweep& s) { return s.arrays.size(); })
      .def("__iter__", [](const Sweep& s) { return py::iter(s.arrays); })
      .def("__contains__",
           [](const Sweep& s, const py::object& key) { return s.arrays.contains(key); })
      .def("__getitem__", [](const Sweep& s, const py::object& key) -> py::object {
        if (!s.arrays.contains(key)) throw py::key_error(py::repr(key).cast<std::string>());
        return s.arrays[key];
      });
  module.def(
      "sweep",
      [](const fs::path& hardware, const std::optional<fs::path>& model, py::dict vary,
         py::object columns, py::object where, py::object order, py::object limit, py::dict set,
         py::object batch, py::object prompt, py::object context, unsigned threads) {
        return sweep(hardware, model,
                     {std::move(vary),
                      std::move(columns),
                      std::move(where),
                      std::move(order),
                      std::move(limit),
                      {std::move(set), std::move(batch), std::move(prompt), std::move(context)}},
                     threads);
      },
      py::arg("hardware"), py::arg("model") = py::none(), py::kw_only(),
      py::arg("vary") = py::dict(), py::arg("columns") = py::none(), py::arg("where") = py::none(),
      py::arg("order") = py::none(), py::arg("limit") = py::none(), py::arg("set") = py::dict(),
      py::arg("batch") = py::none(), py::arg("prompt") = py::none(),
      py::arg("context") = py::none(), py::arg("threads") = 0,
      R"(Every point of a study file, or of two specs and what varies, as a Sweep.

vary is a dict of a list or array of values by path: numbers of what has no unit, texts such as
"500 MHz", (numbers, "MHz"), or {"range": {"from": "200 MHz", "to": "1 GHz", "points": 5}} as a
study has it. Axes are crossed, the last moves fastest. columns are metrics, or dicts of name,
formula and unit. where, order and limit are those of a study. threads: 0 for all. Other Python
threads run meanwhile, and Ctrl-C stops it.)");
}

}  // namespace
}  // namespace tomestimate::python

PYBIND11_MODULE(tomestimate, module) {
  using namespace tomestimate;
  using namespace tomestimate::python;
  module.doc() =
      "Performance, power and area of ROM-based ternary LLM chips. A spec is a path, or the name "
      "of "
      "a shipped one. Values to set are as --set takes them: numbers, texts with a unit, switches, "
      "lists. Numbers come in the unit that unit() says.";
  module.attr("__version__") = TOMESTIMATE_VERSION;
  add_errors(module);
  add_cautions(module);
  module.def(
      "estimate",
      [](const fs::path& hardware, const fs::path& model, py::dict set, py::object batch,
         py::object prompt, py::object context) {
        return estimate(hardware, model,
                        {std::move(set), std::move(batch), std::move(prompt), std::move(context)});
      },
      py::arg("hardware"), py::arg("model"), py::kw_only(), py::arg("set") = py::dict(),
      py::arg("batch") = py::none(), py::arg("prompt") = py::none(),
      py::arg("context") = py::none(),
      "Every metric of a design by name, a dict of floats whose attribute cautions is a list of "
      "texts; each caution is a warning of category Caution too. Raises Error for bad specs or "
      "values, and if the workload does not fit the SRAM.");
  module.def(
      "unit",
      [](const std::string& metric) {
        return study::require_metric(metric, {metric, 0, 0});
      },
      py::arg("metric"), "The unit of a metric; \"\" for a bare number. Raises Error if unknown.");
  module.def(
      "explain",
      [](const std::string& metric, const fs::path& hardware, const fs::path& model, py::dict set,
         py::object batch, py::object prompt, py::object context, int depth, std::size_t top,
         const std::string& format) {
        if (depth < 0 || depth > 1000) throw py::value_error("depth is 0 to 1000");
        return explain(
            {metric, depth, top, format == "text"}, format,
            load(hardware, model,
                 {std::move(set), std::move(batch), std::move(prompt), std::move(context)}));
      },
      py::arg("metric"), py::arg("hardware"), py::arg("model"), py::kw_only(),
      py::arg("set") = py::dict(), py::arg("batch") = py::none(), py::arg("prompt") = py::none(),
      py::arg("context") = py::none(), py::arg("depth") = 3, py::arg("top") = 12,
      py::arg("format") = "text",
      "The equation of a metric with its values, the equations below it down to depth, the top "
      "contributors, and each spec value with grade, source and place, as \"text\" or \"json\".");
  module.def("check", &check,
             "Every error of specs, studies and published figures: a list of Diagnostic, empty if "
             "all are good.");
  module.def(
      "what_if",
      [](const fs::path& hardware, const fs::path& model, py::dict set, py::object batch,
         py::object prompt, py::object context) {
        return what_if(hardware, model,
                       {std::move(set), std::move(batch), std::move(prompt), std::move(context)});
      },
      py::arg("hardware"), py::arg("model"), py::kw_only(), py::arg("set") = py::dict(),
      py::arg("batch") = py::none(), py::arg("prompt") = py::none(),
      py::arg("context") = py::none(),
      "Every metric as the specs say and with what is set: a dict of dicts with before, after, "
      "delta, ratio and unit. What the program cautions of is a warning of category Caution.");
  module.def(
      "parameters",
      [](const fs::path& hardware, const fs::path& model, py::dict set, py::object batch,
         py::object prompt, py::object context) {
        return parameters(
            hardware, model,
            {std::move(set), std::move(batch), std::move(prompt), std::move(context)});
      },
      py::arg("hardware"), py::arg("model"), py::kw_only(), py::arg("set") = py::dict(),
      py::arg("batch") = py::none(), py::arg("prompt") = py::none(),
      py::arg("context") = py::none(),
      "Every spec value by path: a dict of dicts with value, unit, doc, and of numbers legal (low, "
      "high) and whole, of others choices; with grade, source, place and range where the spec says "
      "them.");
  module.def(
      "sensitivity",
      [](const std::string& metric, const fs::path& hardware, const fs::path& model, py::dict set,
         py::object batch, py::object prompt, py::object context) {
        return sensitivity(
            metric, hardware, model,
            {std::move(set), std::move(batch), std::move(prompt), std::move(context)});
      },
      py::arg("metric"), py::arg("hardware"), py::arg("model"), py::kw_only(),
      py::arg("set") = py::dict(), py::arg("batch") = py::none(), py::arg("prompt") = py::none(),
      py::arg("context") = py::none(),
      "What a metric hangs on, largest swing first: a dict of arrays of equal length, path and "
      "unit "
      "(texts), value, low and high (the ends that a value is moved to, in its unit), at_low, "
      "at_high and swing (in the metric's unit, NaN where that is no design) and elasticity (NaN "
      "where there is none).");
  module.def(
      "uncertainty",
      [](const fs::path& hardware, const fs::path& model, const py::object& metrics,
         const py::object& given, std::uint64_t samples, std::uint64_t seed, bool choices,
         py::dict set, py::object batch, py::object prompt, py::object context) {
        if (samples < 2 || samples > 1'000'000) throw py::value_error("samples are 2 to 1,000,000");
        study::UncertaintyOptions options;
        options.samples = samples;
        options.seed = seed;
        options.choices = choices;
        return uncertainty(
            hardware, model, metrics, given, options,
            {std::move(set), std::move(batch), std::move(prompt), std::move(context)});
      },
      py::arg("hardware"), py::arg("model"), py::kw_only(), py::arg("metrics") = py::none(),
      py::arg("given") = py::none(), py::arg("samples") = 10000, py::arg("seed") = 1,
      py::arg("choices") = false, py::arg("set") = py::dict(), py::arg("batch") = py::none(),
      py::arg("prompt") = py::none(), py::arg("context") = py::none(),
      "What the specs' ranges do to metrics (a name or a list): a dict of dicts with here (the "
      "specs' own), mean, deviation, quantiles at levels (arrays), share (of the variance, by "
      "path), draws and effective. given are figures that are known, such as \"power=5.33 W +- 5 "
      "%\"; choices draws also what a designer picks.");
  add_sweep(module);
  add_searches(module);
}
