// SPDX-License-Identifier: Apache-2.0
// Keys of a config.json or of GGUF metadata that change the graph of a model, however they are
// spelled and nested.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tomestimate::importer {

// How much of something a value says there is: a number itself; 0 for null, false, "", [], {} and
// arrays of nothing but such; infinity for true, texts that are no number and other arrays.
struct Amount {
  double value = 0;
  bool is_text = false;
};

// Of a text: the number that it is, or what is said above.
Amount amount_of(std::string_view text);

// Why a model that has `key` is none that a spec describes; nothing if the key says nothing of the
// kind, or that there is none of it.
std::optional<std::string> graph_change(std::string_view key, const Amount& amount);

}  // namespace tomestimate::importer
