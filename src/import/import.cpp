// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/import/import.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <thread>

#include <fmt/format.h>
#include <range/v3/algorithm/any_of.hpp>
#include <range/v3/algorithm/count.hpp>
#include <range/v3/algorithm/find.hpp>

#include <tomestimate/spec/write.hpp>

#include "checkpoint.hpp"
#include "linear.hpp"
#include "pattern.hpp"

namespace tomestimate::importer {
namespace {

namespace fs = std::filesystem;
using spec::Grade;
using spec::Projection;
using spec::projection_count;

// ---- how weights are coded ----

// The integer type that most weights of the linear layers have, if they all are of such types.
std::optional<Coding> integer_tensors(const Checkpoint& checkpoint) {
  std::map<std::pair<int, std::string>, std::uint64_t> weights;
  for (const auto& part : checkpoint.parts)
    for (const auto& tensor : part.tensors) {
      if (!linear_name(tensor.name)) continue;
      if (!tensor.integer_bits) return std::nullopt;
      weights[{*tensor.integer_bits, tensor.type}] += elements(tensor.shape).value_or(0);
    }
  if (weights.empty()) return std::nullopt;
  const auto most = std::max_element(weights.begin(), weights.end(),
                                     [](auto& a, auto& b) { return a.second < b.second; });
  std::string names;
  for (const auto& [type, count] : weights) names += (names.empty() ? "" : ", ") + type.second;
  return Coding{false, static_cast<std::uint64_t>(most->first.first),
                fmt::format("{} ({}), without its scales", most->first.second,
                            weights.size() == 1 ? "all linear layers"
                                                : "most weights; the linear layers have " + names)};
}

bool has_ternary_tensors(const Checkpoint& checkpoint) {
  const auto is_ternary = [](const Tensor& t) {
    return linear_name(t.name) && is_ternary_type(t.storage);
  };
  return ranges::any_of(checkpoint.parts,
                        [&](const Part& p) { return ranges::any_of(p.tensors, is_ternary); });
}

Coding coding_of(const Checkpoint& checkpoint, const Options& options) {
  const auto& a = checkpoint.architecture;
  if (options.bits)
    return {false, static_cast<std::uint64_t>(*options.bits), "--bits of tomestimate import", true};
  if (options.ternary) return {true, 2, "--ternary of tomestimate import", true};
  if (a.ternary) return {true, 2, a.ternary_why};
  if (has_ternary_tensors(checkpoint)) return {true, 2, "the types of the linear layers"};
  if (a.integer_bits) return {false, *a.integer_bits, a.integer_why};
  if (auto integer = integer_tensors(checkpoint)) return *integer;
  throw spec::SpecError(
      {{{checkpoint.path, 1, 1},
        !a.float_format.empty()
            ? fmt::format("{} has {}, a format of floats and not of whole numbers", a.integer_why,
                          a.float_format)
        : !a.codes.empty()
            ? fmt::format("{} has weights of several codes: {}", a.integer_why, a.codes)
        : a.integer_why.empty()
            ? "does not say that its weights are ternary or whole numbers"
            : a.integer_why + " does not say whole-number weights of how many bits",
        "--bits N makes a spec of N-bit whole-number weights, --ternary one of ternary weights"}});
}

// ---- the spec ----

constexpr std::string_view usual =
    "not counted; 29 measured ternary checkpoints have 29 to 52 % zeros, 40 % is about their "
    "middle";

class SpecBuilder {
 public:
  SpecBuilder(const Checkpoint& checkpoint, const Coding& coding) : coding_(coding) {
    const auto& a = checkpoint.architecture;
    fact("model.hidden", a.hidden);
    fact("model.layers", a.layers);
    fact("model.heads", a.heads);
    fact("model.kv_heads", a.kv_heads);
    fact("model.head_dim", a.head_dim);
    fact("model.intermediate", a.intermediate);
    add_graph(a);
    flag("model.sub_norms", a.sub_norms);
    if (coding.ternary)
      add("model.activation_bits", "8 bit", Grade::secondary,
          "per-token absmax int8, as BitNet b1.58");
    else
      assume("model.activation_bits", "8 bit", "8-bit activations, as TOM and ROMA compute");
    assume("model.kv_bits", "8 bit", "not in the checkpoint; 8-bit keys and values");
    assume("model.residual_bits", "16 bit",
           "not in the checkpoint; residual stream kept in 16 bit");
    add_weights();
    add_groups();
    assume("adapter.rank", "16", "not in the checkpoint; 16 is what ROMA quotes context for",
           {{0, 64}});
    assume("adapter.bits", "8 bit", "not in the checkpoint; 8-bit adapters");
    assume("adapter.targets", "[q, k, v, o, gate, up, down]",
           "not in the checkpoint; all linear layers, as QLoRA does");
    fact("embedding.vocabulary", a.vocabulary);
    flag("embedding.tied", a.tied);
    assume("embedding.bits", "8 bit", "8-bit table if it were on the chip");
    assume("embedding.zero_bit_ratio", "0.5", "8-bit integers have about as many 0 as 1");
    add_workload(a);
  }

  // Replaces the assumed share of zeros by counted ones, one a layer: a spec has no place for one a
  // projection.
  void set_zero_share(const std::vector<Linear>& linears, const std::string& source) {
    std::vector<Counts> layers;
    for (const auto& l : linears) {
      layers.resize(std::max<std::size_t>(layers.size(), l.layer + 1));
      layers[l.layer] += l.counts;
    }
    std::string text;
    for (const auto& layer : layers)
      text += (text.empty() ? "" : ", ") + fmt::format("{:.9g}", layer.zero_share());
    auto& value = *ranges::find(spec_.sourced, "weights.zero_share", &spec::Sourced::path);
    value = {"weights.zero_share", "[" + text + "]", Grade::derived, source, std::nullopt, {}, {}};
  }

  // Adds the counted share of each projection, by layer; `linears` are by layer and projection.
  void set_projection_shares(const std::vector<Linear>& linears, const std::string& source) {
    auto at = ranges::find(spec_.sourced, "weights.zero_share", &spec::Sourced::path) + 1;
    for (std::size_t p = 0; p < projection_count; ++p) {
      std::string text;
      for (std::size_t i = p; i < linears.size(); i += projection_count)
        text += (text.empty() ? "" : ", ") + fmt::format("{:.9g}", linears[i].counts.zero_share());
      at = spec_.sourced.insert(at, {std::string(spec::zero_share_paths[p]),
                                     "[" + text + "]",
                                     Grade::derived,
                                     source,
                                     std::nullopt,
                                     {},
                                     {}}) +
           1;
    }
  }

  spec::Spec<spec::Model<double>>& spec() { return spec_; }

 private:
  using Range = std::optional<std::array<double, 2>>;

  // What a layer is made of beside its shapes.
  void add_graph(const Architecture& a) {
    flag("model.gated", a.gate);
    if (const auto known = activation_name(a.activation))
      add("model.activation", std::string(*known), Grade::secondary, "hidden_act " + a.activation);
    else
      assume("model.activation", "silu",
             a.activation.empty()
                 ? "not in the checkpoint; Llama's"
                 : fmt::format("the checkpoint says {}, which a model spec does not have",
                               a.activation));
    if (a.window.value == 0)
      add("model.full_every", "1", Grade::secondary, a.window.source);
    else
      fact("model.full_every", a.full_every);
    fact("model.window", a.window);
    assume("model.norm_bits", "32 bit", "norm gains in ROM, in 32 bit as TOM's");
  }

  // The name that specs have for what transformers calls an activation.
  static std::optional<std::string_view> activation_name(std::string_view text) {
    if (text == "relu2" || text == "relu_squared") return "relu2";
    if (text == "silu" || text == "swish") return "silu";
    if (text.starts_with("gelu")) return "gelu";
    return std::nullopt;
  }

  void add_groups() {
    const auto* const why = "scales are not counted";
    if (coding_.ternary) {
      add("weights.group", "0", Grade::secondary, "one scale a matrix, as BitNet b1.58");
      add("weights.group_bits", "0 bit", Grade::secondary, "one scale a matrix, as BitNet b1.58");
    } else {
      assume("weights.group", "0", why);
      assume("weights.group_bits", "0 bit", why);
    }
  }

  void add(std::string path, std::string text, Grade grade, std::string source, Range range = {}) {
    spec_.sourced.push_back(
        {std::move(path), std::move(text), grade, std::move(source), range, {}, {}});
  }
  void assume(std::string path, std::string text, std::string source, Range range = {}) {
    add(std::move(path), std::move(text), Grade::assumption, std::move(source), range);
  }
  void fact(std::string path, const Fact& f) {
    add(std::move(path), fmt::format("{}", f.value), f.grade, f.source);
  }
  void flag(std::string path, const Fact& f) {
    add(std::move(path), f.value == 1 ? "true" : "false", f.grade, f.source);
  }

  // Tokens of a prompt and positions of a context.
  void add_workload(const Architecture& a) {
    std::uint64_t tokens = 256;
    std::string source = "not in the checkpoint; ROMA quotes 256 input tokens";
    if (a.positions) {
      tokens = std::clamp<std::uint64_t>(a.positions->value, 1, tokens);
      source +=
          fmt::format("; the model has {} positions ({})", a.positions->value, a.positions->source);
    }
    assume("workload.batch", "1", "single-user decode");
    assume("workload.prompt", fmt::format("{}", tokens), source);
    assume("workload.context", fmt::format("{}", tokens), source);
  }

  void add_weights() {
    if (coding_.ternary) {
      add("weights.code", "ternary", Grade::secondary, coding_.why);
      add("weights.bits", "2 bit", Grade::secondary,
          "2-bit code with one 1-bit for -1 and +1 (TOM summary)");
      assume("weights.zero_share", "0.4", std::string(usual), {{usual_low, usual_high}});
      return;
    }
    add("weights.code", "integer", Grade::secondary, coding_.why);
    add("weights.bits", fmt::format("{} bit", coding_.bits), Grade::secondary, coding_.why);
    assume("weights.zero_bit_ratio", "0.5", "not counted; near-uniform two's complement codes",
           {{0.45, 0.6}});
  }

  Coding coding_;
  spec::Spec<spec::Model<double>> spec_{};
};

// The spec as TOML, and as a reader of it sees it; its broken rules are the checkpoint's.
spec::Model<double> checked(const std::string& toml, const std::string& path) try {
  return spec::parse_model(toml, path).values;
} catch (const spec::SpecError& e) {
  const auto& first = e.diagnostics().front();
  throw spec::SpecError(
      {{{path, 1, 1}, "describes no model of a spec: " + first.message, first.hint}});
}

// ---- what a spec has no place for ----

// Whether layer 0 has a tensor for a projection.
bool has_tensor(const Checkpoint& checkpoint, Projection projection) {
  const auto is_it = [projection](const Tensor& t) {
    const auto name = linear_name(t.name);
    return name && name->layer == 0 && name->projection == projection;
  };
  return ranges::any_of(checkpoint.parts,
                        [&](const Part& p) { return ranges::any_of(p.tensors, is_it); });
}

// Graphs that the importer reads but that a model spec doesn't have. A key of the model spec for
// one of them goes into SpecBuilder, and its error out of here.
void refuse_unmodelled(const Checkpoint& checkpoint) {
  const auto& a = checkpoint.architecture;
  const auto fail = [&](std::string message) {
    throw spec::SpecError(
        {{{checkpoint.path, 1, 1}, std::move(message), "its config.json alone is read"}});
  };
  // Shapes are enough for a model without a gate; its tensors have no names that are known.
  if (a.gate.value == 0 && !checkpoint.parts.empty()) {
    const bool is_missing = !has_tensor(checkpoint, Projection::gate);
    fail(a.gate.source + (is_missing ? ": layer 0 has no tensor for gate" : ""));
  }
}

// Modules that a quantization left as they were are coded in another way than the rest.
void refuse_unconverted(const Checkpoint& checkpoint, const Coding& coding, std::size_t layers) {
  if (coding.is_given) return;
  constexpr std::size_t most_patterns = 4096;
  const auto refuse = [&](const std::string& what) {
    throw spec::SpecError(
        {{{checkpoint.path, 1, 1},
          what,
          "all linear layers of a model spec have one code; --ternary or --bits N makes it so"}});
  };
  std::vector<std::pair<std::string, std::string>> all;  // a pattern, and a wildcard of it
  for (const auto& pattern : checkpoint.architecture.unconverted) {
    for (auto& wildcard : wildcards(pattern)) all.emplace_back(pattern, std::move(wildcard));
    if (all.size() > most_patterns)
      refuse(fmt::format("the quantization_config has over {} patterns of modules", most_patterns));
  }
  for (std::uint64_t layer = 0; layer < layers; ++layer)
    for (std::size_t p = 0; p < projection_count; ++p) {
      const auto name = module_name(layer, static_cast<Projection>(p));
      for (const auto& [pattern, wildcard] : all)
        if (stands_for(wildcard, name))
          refuse(fmt::format("{} is not {}: the quantization_config leaves \"{}\" unconverted",
                             name, coding.ternary ? "ternary" : "in whole numbers",
                             printable(pattern)));
    }
}

// ---- counting ----

constexpr std::uint64_t worth_threads = 64 << 20;  // bytes

// Tallies of all tensors, some at once if there are many bytes. Of several errors that of the first
// tensor is thrown.
std::vector<Tally> tallies_of(const std::vector<Located>& all, const Options& options) {
  std::vector<Tally> out(all.size());
  std::vector<std::exception_ptr> errors(all.size());
  std::atomic<std::size_t> next = 0;
  std::atomic<std::size_t> done = 0;
  std::atomic<bool> failed = false;
  const auto caller = std::this_thread::get_id();
  const auto work = [&] {
    for (std::size_t i; !failed && (i = next++) < all.size();) try {
        out[i] = count(*all[i].source, *all[i].tensor);
        ++done;
        if (options.progress && std::this_thread::get_id() == caller)
          options.progress(done, all.size());
      } catch (...) {
        errors[i] = std::current_exception();
        failed = true;
      }
  };
  std::uint64_t bytes = 0;
  for (const auto& each : all) bytes += each.tensor->bytes;
  const auto threads =
      bytes < worth_threads ? 1 : std::max(1u, std::thread::hardware_concurrency());
  {
    std::vector<std::jthread> pool;
    for (unsigned i = 1; i < threads; ++i) pool.emplace_back(work);
    work();
  }
  for (const auto& error : errors)
    if (error) std::rethrow_exception(error);
  return out;
}

std::uint64_t number_of(const std::vector<bool>& rows) {
  return static_cast<std::uint64_t>(ranges::count(rows, true));
}

// Rows and columns of one layer that zero rows make idle; `tallies` and `linears` have its seven
// projections. A bias would make a zero row's result a constant.
void find_idle(std::span<const Tally> tallies, std::span<const Located> all, std::uint64_t group,
               std::span<Linear> linears) {
  const auto at = [](Projection p) { return static_cast<std::size_t>(p); };
  const auto zero_rows = [&](Projection p) {
    return all[at(p)].has_bias ? std::vector<bool>() : tallies[at(p)].zero_rows;
  };
  for (std::size_t p = 0; p < projection_count; ++p)
    linears[p].idle_rows = number_of(zero_rows(static_cast<Projection>(p)));
  linears[at(Projection::o)].idle_columns = linears[at(Projection::v)].idle_rows * group;
  auto idle = zero_rows(Projection::gate);
  const auto up = zero_rows(Projection::up);
  idle.resize(std::max(idle.size(), up.size()));
  for (std::size_t i = 0; i < up.size(); ++i) idle[i] = idle[i] || up[i];
  for (const auto p : {Projection::gate, Projection::up})
    if (!all[at(p)].has_bias) linears[at(p)].idle_rows = number_of(idle);
  linears[at(Projection::down)].idle_columns = number_of(idle);
}

// Floats beside ternary tensors are no master weights, and ternarizing them would make another
// model.
void check_mixed(const std::vector<Located>& all, const std::vector<Tally>& tallies) {
  const bool has_ternary =
      ranges::any_of(all, [](const Located& l) { return !is_float(l.tensor->storage); });
  for (std::size_t i = 0; has_ternary && i < all.size(); ++i)
    if (is_float(all[i].tensor->storage) && !tallies[i].was_ternary)
      all[i].source->fail(all[i].tensor->offset,
                          fmt::format("{} is {} and not ternary, beside linear layers that are",
                                      all[i].tensor->name, all[i].tensor->type),
                          "--ternary ternarizes it by absmean");
}

std::vector<Linear> count_all(const std::vector<Located>& all, const spec::Model<double>& model,
                              const Coding& coding, const Options& options, bool& from_masters) {
  const auto tallies = tallies_of(all, options);
  if (!coding.is_given) check_mixed(all, tallies);
  std::vector<Linear> out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto projection = static_cast<Projection>(i % projection_count);
    const auto shape = spec::shape(model, projection);
    const auto& [counts, zero_rows, was_ternary] = tallies[i];
    out.push_back({all[i].tensor->name, i / projection_count, projection,
                   static_cast<std::uint64_t>(shape.outputs),
                   static_cast<std::uint64_t>(shape.inputs), all[i].tensor->type, counts,
                   zero_rows.empty() ? std::nullopt : std::optional(number_of(zero_rows)), 0, 0});
    from_masters = from_masters || (is_float(all[i].tensor->storage) && !was_ternary);
  }
  const auto group = static_cast<std::uint64_t>(model.heads / model.kv_heads);
  for (std::size_t i = 0; i < all.size(); i += projection_count)
    find_idle(std::span(tallies).subspan(i, projection_count),
              std::span(all).subspan(i, projection_count), group,
              std::span(out).subspan(i, projection_count));
  return out;
}

std::vector<std::string> cautions_of(const std::vector<Linear>& linears) {
  std::vector<std::string> out;
  const auto note = [&](auto is_so, std::string_view what) {
    std::uint64_t tensors = 0;
    const Linear* first = nullptr;
    for (const auto& l : linears)
      if (is_so(l)) {
        if (first == nullptr) first = &l;
        ++tensors;
      }
    if (first != nullptr)
      out.push_back(fmt::format("{} of {} tensors {} (the first is {})", tensors, linears.size(),
                                what, first->name));
  };
  note([](const Linear& l) { return l.counts.invalid > 0; },
       "have values that are not -1, 0 or +1; they count as non-zero weights");
  note([](const Linear& l) { return l.counts.odd_bytes > 0; },
       "have TQ1_0 bytes that no writer makes");
  note([](const Linear& l) { return l.counts.odd_scales > 0; },
       "have a scale that is not finite, or is zero beside weights that are not; zeros are counted "
       "by code");
  note(
      [](const Linear& l) {
        return l.counts.zero_share() < usual_low || l.counts.zero_share() > usual_high;
      },
      fmt::format(
          "have a zero share outside the {:.0f} to {:.0f} % of measured ternary checkpoints",
          100 * usual_low, 100 * usual_high));
  return out;
}

// Norms of queries and keys, behind attention and MLP, and of single linear layers.
std::optional<std::string> other_norms(const Checkpoint& checkpoint) {
  std::uint64_t norms = 0;
  std::string first;
  for (const auto& part : checkpoint.parts)
    for (const auto& tensor : part.tensors)
      if (is_other_norm(tensor.name) && norms++ == 0) first = tensor.name;
  if (norms == 0) return std::nullopt;
  return fmt::format(
      "{} norms have no place in a model spec, so their vector work is in no number (the first is "
      "{})",
      norms, first);
}

std::string types_of(const std::vector<Linear>& linears) {
  std::set<std::string> names;
  for (const auto& l : linears) names.insert(l.type);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string counting_source(const std::string& source, const std::vector<Linear>& linears,
                            bool from_masters) {
  Counts total;
  for (const auto& l : linears) total += l.counts;
  return fmt::format(
      "{}: {} of {} weights of the {} linear layers are zero{}, counted one by one; one "
      "value a layer, over its 7 projections",
      source, total.zeros, total.weights(), linears.size(),
      from_masters ? " once ternarized by absmean as BitNet b1.58 does" : "");
}

// The path from the root, without "." and ".." and without a slash at the end.
fs::path whole_path(const std::string& path) {
  const auto whole = fs::absolute(path).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

std::string file_name(const std::string& path) {
  return printable(whole_path(path).filename().string());
}

// NAME of NAME-00001-of-00003.
std::string without_part(std::string stem) {
  constexpr std::string_view end = "-00001-of-00003";
  if (stem.size() > end.size()) stem.resize(stem.size() - end.size());
  return stem;
}

// As the user or the checkpoint says; otherwise the name of the GGUF file or of a configuration, or
// of the folder that a config.json is in.
std::string model_name(const Checkpoint& checkpoint, const Options& options) {
  if (!options.name.empty()) return printable(options.name);
  if (!checkpoint.architecture.name.empty()) return checkpoint.architecture.name;
  const auto path = whole_path(checkpoint.path);
  const bool is_gguf = checkpoint.format.starts_with("GGUF");
  const bool is_named = path.extension() == ".json" && path.filename() != "config.json";
  if (is_gguf && checkpoint.parts.size() > 1) return printable(without_part(path.stem().string()));
  const auto own = is_gguf || is_named      ? path.stem()
                   : fs::is_directory(path) ? path.filename()
                                            : path.parent_path().filename();
  return own.empty() ? "model" : printable(own.string());
}

std::string description(const Architecture& a, const Coding& coding) {
  return fmt::format("{}-layer {} with {} weights{}", a.layers.value, a.type,
                     coding.ternary ? "ternary" : fmt::format("{}-bit integer", coding.bits),
                     a.activation.empty() ? "" : ", " + a.activation);
}

}  // namespace

Imported import_model(const std::string& path, const Options& options) {
  const auto checkpoint = open_checkpoint(path);
  refuse_unmodelled(checkpoint);
  const auto coding = coding_of(checkpoint, options);
  Imported out{"", model_name(checkpoint, options), "", coding.ternary, {}, {}, {}};
  SpecBuilder builder(checkpoint, coding);
  builder.spec().name = out.name;
  builder.spec().description = description(checkpoint.architecture, coding);
  // Checked before anything is counted: a broken rule is found at once, and shapes are bounded.
  const auto model = checked(spec::to_toml(builder.spec(), ""), path);
  refuse_unconverted(checkpoint, coding, model.layers);
  out.source = fmt::format("{} ({})", file_name(path), checkpoint.format);
  if (!checkpoint.parts.empty()) {
    const auto all = find_linears(checkpoint, model, coding);
    if (auto caution = other_norms(checkpoint)) out.cautions.push_back(*std::move(caution));
    if (coding.ternary) {
      bool from_masters = false;
      out.linears = count_all(all, model, coding, options, from_masters);
      for (auto& caution : cautions_of(out.linears)) out.cautions.push_back(std::move(caution));
      out.source =
          fmt::format("{} ({}, {})", file_name(path), checkpoint.format, types_of(out.linears));
      builder.set_zero_share(out.linears, counting_source(out.source, out.linears, from_masters));
      builder.set_projection_shares(out.linears, out.source + ", counted one by one");
    }
  }
  out.spec = spec::to_toml(builder.spec(), "Made by tomestimate import from " + out.source +
                                               ". What the source does not say is an assumption.");
  checked(out.spec, path);
  out.values = builder.spec().sourced;
  return out;
}

}  // namespace tomestimate::importer
