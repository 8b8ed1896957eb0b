// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/reference/dump.hpp>

#include <stdexcept>

#include <fmt/format.h>

#include <tomestimate/spec/file.hpp>

namespace tomestimate::reference {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::string& reason) {
  throw std::runtime_error(fmt::format("{}: {}", path.string(), reason));
}

// A dump has a manifest that says so, and beside it nothing but folders of passes.
bool is_dump(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (name != "manifest.json" && !(name.starts_with("pass") && entry.is_directory()))
      return false;
  }
  std::error_code none;
  for (const auto& entry : fs::recursive_directory_iterator(folder, none))
    if (!entry.is_directory() && entry.path().extension() != ".npy" &&
        entry.path().filename() != "manifest.json")
      return false;
  const auto manifest = folder / "manifest.json";
  if (!fs::is_regular_file(manifest)) return false;
  const auto json =
      nlohmann::json::parse(spec::read_file(manifest.string(), 1u << 30), nullptr, false);
  return json.is_object() && json.value("kind", "") == "tomestimate dump";
}

}  // namespace

void check_dump_folder(const std::string& folder) {
  spec::check_folder_writable(folder);
  if (fs::exists(folder) && !fs::is_empty(folder) && !is_dump(folder))
    fail(folder,
         "holds files that no dump makes, so nothing is written (hint: give --dump a new or empty "
         "folder, or one that holds only a dump)");
}

Dump::Dump(const std::string& folder) : draft_((check_dump_folder(folder), folder)) {}

void Dump::add(const Record& record, std::size_t layers) {
  const auto held = process::hold_signals();  // or what is made here could outlive the draft
  const bool in_tail = record.layer == layers;
  const auto where = fmt::format("pass{:03}/{}", record.pass,
                                 in_tail ? "tail" : fmt::format("layer{:02}", record.layer));
  fs::create_directories(draft_.path() / where);
  for (const auto& array : record.arrays) {
    const auto file =
        fmt::format("{}/{}.{}.{}.npy", where, spec::name(record.op), array.role, array.name);
    array::write_npy((draft_.path() / file).string(), array.elements, array.shape);
    bytes_ += fs::file_size(draft_.path() / file);
    nlohmann::ordered_json entry{{"file", file}, {"pass", record.pass}};
    entry["layer"] = in_tail ? nlohmann::ordered_json() : nlohmann::ordered_json(record.layer);
    entry["op"] = spec::name(record.op);
    entry["role"] = array.role;
    entry["name"] = array.name;
    entry["dtype"] = array::dtype(array.elements);
    entry["shape"] = array.shape;
    arrays_.push_back(std::move(entry));
  }
}

void Dump::finish(const nlohmann::ordered_json& run) {
  const nlohmann::ordered_json manifest{
      {"kind", "tomestimate dump"}, {"version", 1}, {"run", run}, {"arrays", arrays_}};
  spec::write_file((draft_.path() / "manifest.json").string(), manifest.dump(1) + "\n");
  // Again, as late as can be: someone may have put a file there meanwhile.
  check_dump_folder(draft_.target().string());
  draft_.put_in_place();
}

nlohmann::ordered_json describe(const Config& c, Arithmetic arithmetic) {
  return {{"model", c.name},
          {"weights", c.source},
          {"arithmetic", arithmetic == Arithmetic::int8 ? "int8" : "fp8"},
          {"hidden", c.hidden},
          {"layers", c.layers},
          {"heads", c.heads},
          {"kv_heads", c.kv_heads},
          {"head_dim", c.head_dim},
          {"intermediate", c.intermediate},
          {"vocabulary", c.vocabulary},
          {"sub_norms", c.sub_norms},
          {"tied", c.tied},
          {"activation", c.activation == Activation::relu2 ? "relu2" : "silu"},
          {"norm_epsilon", c.norm_epsilon},
          {"rope_theta", c.rope_theta},
          {"rope_pairs", c.rope_adjacent ? "adjacent" : "halves"},
          {"rope_divisors", c.rope_divisors},
          {"adapter_rank", c.adapter_rank}};
}

}  // namespace tomestimate::reference
