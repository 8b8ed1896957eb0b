// SPDX-License-Identifier: Apache-2.0
// What a command reads and writes, checked before it starts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common.hpp"

namespace tomestimate::cli {

// A file and what it is to the command: "HARDWARE", "-o".
struct NamedFile {
  std::string what;
  std::string path;
};
using NamedFiles = std::vector<NamedFile>;

// Refuses what would cost the user a file or minutes: an output that is an input too or another
// output, however their paths are written (CLI::ValidationError), and one that cannot be written
// (std::runtime_error).
void check_files(const NamedFiles& inputs, const NamedFiles& outputs);

// The same for an output that is a folder: no input may be in it.
void check_folder(const NamedFiles& inputs, const NamedFile& folder);

// A spec, its bases and technology; and the two specs of a design with theirs.
NamedFiles inputs_of_spec(const std::string& what, const std::string& name);
NamedFiles inputs_of(const Design& design);
// A checkpoint or dump: a folder and what is in it, or a file and what of a checkpoint lies beside
// it.
NamedFiles inputs_of_source(const std::string& what, const std::string& source);
NamedFiles inputs_of_published(const std::string& figures);
NamedFiles outputs_of(const Output& output);

}  // namespace tomestimate::cli
