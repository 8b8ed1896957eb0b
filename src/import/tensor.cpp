// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/import/tensor.hpp>

#include <fmt/format.h>
#include <range/v3/algorithm/sort.hpp>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/transform.hpp>

namespace tomestimate::importer {

std::optional<std::uint64_t> product(std::uint64_t a, std::uint64_t b) {
  std::uint64_t out = 0;
  if (__builtin_mul_overflow(a, b, &out)) return std::nullopt;
  return out;
}

std::optional<std::uint64_t> elements(std::span<const std::uint64_t> shape) {
  std::optional<std::uint64_t> out = 1;
  for (const auto size : shape)
    if (out) out = product(*out, size);
  return out;
}

std::string shape_text(std::span<const std::uint64_t> shape) {
  return shape.empty() ? "one value" : fmt::format("{}", fmt::join(shape, " x "));
}

void check_apart(const Source& source, const std::vector<Tensor>& tensors) {
  auto sorted = tensors | ranges::views::transform([](const Tensor& t) { return &t; }) |
                ranges::to<std::vector<const Tensor*>>;
  ranges::sort(sorted, {}, [](const Tensor* t) { return std::string_view(t->name); });
  for (std::size_t i = 1; i < sorted.size(); ++i)
    if (sorted[i]->name == sorted[i - 1]->name)
      source.fail(sorted[i]->offset, fmt::format("two tensors are called {}", sorted[i]->name));
  ranges::sort(sorted, {}, [](const Tensor* t) { return std::pair(t->offset, t->bytes); });
  for (std::size_t i = 1; i < sorted.size(); ++i)
    if (sorted[i]->offset - sorted[i - 1]->offset < sorted[i - 1]->bytes)
      source.fail(sorted[i]->offset,
                  fmt::format("tensors {} and {} overlap", sorted[i - 1]->name, sorted[i]->name));
}

}  // namespace tomestimate::importer
