// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/spec/foreign.hpp>

#include <algorithm>
#include <array>

namespace tomestimate::spec {
namespace {

constexpr std::string_view to_safetensors = "convert the model to safetensors or GGUF";
constexpr std::string_view download_again = "download the file itself";
constexpr std::array foreign_files{
    Foreign{"version https://git-lfs", "is a Git LFS pointer: fetch the file", "git lfs pull"},
    Foreign{"<!", "is an HTML page", download_again},
    Foreign{"<?", "is an XML page", download_again},
    Foreign{"<h", "is an HTML page", download_again},
    Foreign{"<H", "is an HTML page", download_again},
    Foreign{"Entry not found", "is an error message of a server", download_again},
    Foreign{"Repository not found", "is an error message of a server", download_again},
    Foreign{"Access to model", "is an error message of a server", download_again},
    Foreign{"Invalid username", "is an error message of a server", download_again},
    Foreign{"Invalid credentials", "is an error message of a server", download_again},
    Foreign{"\x1F\x8B", "is compressed by gzip", "gunzip it first"},
    Foreign{"\x28\xB5\x2F\xFD", "is compressed by zstd", "unzstd it first"},
    Foreign{"\xFD\x37zXZ", "is compressed by xz", "unxz it first"},
    Foreign{"BZh", "is compressed by bzip2", "bunzip2 it first"},
    Foreign{"PK\x03\x04", "is a zip archive, as PyTorch writes its pickles", to_safetensors},
    Foreign{"\x80\x02", "is a Python pickle, as PyTorch writes", to_safetensors},
    Foreign{"\x80\x03", "is a Python pickle, as PyTorch writes", to_safetensors},
    Foreign{"\x80\x04", "is a Python pickle, as PyTorch writes", to_safetensors},
    Foreign{"\x80\x05", "is a Python pickle, as PyTorch writes", to_safetensors},
    Foreign{"\x89HDF", "is an HDF5 file", to_safetensors},
    Foreign{"lmgg", "is GGML, older than GGUF", "convert the model again with llama.cpp"},
    Foreign{"fmgg", "is GGML, older than GGUF", "convert the model again with llama.cpp"},
    Foreign{"tjgg", "is GGML, older than GGUF", "convert the model again with llama.cpp"},
};

}  // namespace

std::optional<Foreign> foreign_file(std::string_view start) {
  start.remove_prefix(std::min(start.find_first_not_of(" \t\r\n"), start.size()));
  const auto found = std::find_if(foreign_files.begin(), foreign_files.end(),
                                  [&](const Foreign& f) { return start.starts_with(f.start); });
  return found == foreign_files.end() ? std::nullopt : std::optional(*found);
}

}  // namespace tomestimate::spec
