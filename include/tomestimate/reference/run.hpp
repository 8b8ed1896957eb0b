// SPDX-License-Identifier: Apache-2.0
// Runs a model: BitNet's arithmetic as published (int8), or TOM's variant of it (fp8).
//
// One token at a time or many, the bits are the same. In both arithmetics:
// - Norms, RoPE, gates and residual additions are as arithmetic.hpp says, in single precision
// between
//   operations.
// - A linear layer takes codes of its input, one scale a token. Ternary: sum = sum of weight x
// code, a
//   whole number, exact; y = float(sum x (matrix scale x unit / token scale)), in double. Groups:
//   the same whole-number sums by group, then sum of (group scale x sum) over groups by rising
//   column, in double, y = float(that x unit / token scale).
// - Scores: float(q.k / sqrt(head_dim)). Less their maximum, they go through e^x and are not
//   normalized: context = (sum over positions of e v) / (sum of e), by rising position, in double,
//   rounded once.
// - Greedy takes the first token of the highest logit. A temperature T draws by e^((l - max) / T).
//
// int8: codes by quantize_int8 (arithmetic.hpp), unit 1; q, k, v and e are single precision, q.k is
// dot() (in lanes).
// fp8: codes by quantize_e4m3, unit 2^-9. Keys, values and turned queries are E4M3 without a scale
// (the published SRAM is exactly one byte a value), e is E4M3 of 256 e^x. Sums over inputs,
// dimensions and positions are of products aligned to fixed point (2^-9 for ternary x E4M3, 2^-18
// for E4M3 x E4M3), wide enough that nothing is lost: any order of the tree gives the same, and
// they are rounded once, after the last. TOM does not publish how its tree rounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <tomestimate/array/npy.hpp>
#include <tomestimate/reference/counts.hpp>
#include <tomestimate/reference/model.hpp>
#include <tomestimate/spec/graph.hpp>

namespace tomestimate::reference {

using array::Elements;

enum class Arithmetic { int8, fp8 };

// Activations as a linear layer takes them: x is about code / scale.
struct Quantized {
  std::size_t tokens = 0;
  std::size_t columns = 0;
  std::vector<std::uint8_t> codes;  // tokens x columns: int8 in two's complement, or E4M3
  std::vector<float> scales;        // one a token
  std::vector<Bytes> digits;        // code = digits[0] + 256 digits[1] + ... in units (int8: one)
};
Quantized quantize(Arithmetic arithmetic, std::span<const float> x, std::size_t tokens);

// One array of an operation; elements live as long as the call that shows it.
struct Array {
  std::string role;  // "input", "output", "weight"
  std::string name;
  Elements elements;
  std::vector<std::size_t> shape;
};

struct Record {
  std::size_t pass;   // 0: the prompt; then one a generated token
  std::size_t layer;  // config.layers for the tail
  spec::Op op;
  std::vector<Array> arrays;
};

struct Progress {
  std::size_t pass;
  std::size_t layer;
};

struct Hooks {
  std::function<void(const Record&)> record;
  // A base projection, with the codes it takes.
  std::function<void(std::size_t layer, Projection, const Matrix&, const Quantized&)> linear;
  std::function<void(const Progress&)> progress;  // before each layer; may throw to stop
};

struct RunOptions {
  Arithmetic arithmetic = Arithmetic::int8;
  unsigned threads = 1;
  Isa isa = best_isa();
  // Layers whose operations are recorded; the tail is, if the last one is.
  std::size_t record_first = 0;
  std::size_t record_last = static_cast<std::size_t>(-1);
  bool record_weights = false;
  std::size_t kept_bytes = std::size_t{1} << 30;  // weights kept for the next pass
};

// One sequence. Its keys and values grow with every call.
class Runner {
 public:
  // `model` outlives the runner.
  Runner(const Model& model, RunOptions options, Hooks hooks);

  // Adds tokens to the sequence; the logits of the last one. Throws std::out_of_range for a token
  // beyond the vocabulary, std::runtime_error if a value stops being finite.
  std::vector<float> pass(std::span<const std::size_t> tokens);

  // x (tokens x hidden) enters layer `first` and leaves layer `last`.
  void layers(std::size_t first, std::size_t last, std::vector<float>& x);
  // Final norm and LM head of the last token in x.
  std::vector<float> tail(std::span<const float> x);

 private:
  struct Cache {                                       // by layer; positions x keys
    std::vector<float> keys, values;                   // int8
    std::vector<std::uint8_t> key_codes, value_codes;  // fp8
  };
  struct Heads {  // what attention takes and gives, for recording
    std::vector<float> scores, exponentials, sums;
  };

  const Layer& layer(std::size_t l);
  void run_layer(std::size_t l, const Layer& weights, std::size_t past, std::vector<float>& x);
  // Without a gain it only quantizes.
  Quantized norm(std::size_t l, spec::Op op, std::span<const float> x, std::size_t width,
                 const std::vector<float>& gain);
  std::vector<float> linear(std::size_t l, Projection p, const Layer& weights, const Quantized& x);
  std::vector<float> product(const Matrix& matrix, const Quantized& x,
                             std::vector<std::int64_t>& sums) const;
  std::vector<float> attention(std::size_t l, std::size_t past, std::vector<float> q,
                               std::vector<float> k, std::span<const float> v);
  void attend(const Cache& cache, std::span<const float> q, std::size_t token, std::size_t head,
              std::size_t positions, std::size_t all, Heads& heads, std::span<float> out) const;
  bool records(std::size_t l) const;
  void show(std::size_t l, spec::Op op, std::vector<Array> arrays) const;

  const Model& model_;
  RunOptions options_;
  Hooks hooks_;
  Rope rope_;
  std::vector<std::optional<Layer>> kept_;
  std::size_t kept_bytes_ = 0;
  std::optional<Layer> passing_;
  std::vector<Cache> caches_;
  std::size_t positions_ = 0;
  std::size_t pass_ = 0;
};

// The first of the highest logits; or, with a temperature, drawn with `random`, from 0 to 1.
std::size_t greedy(std::span<const float> logits);
std::size_t draw(std::span<const float> logits, double temperature, double random);

struct Step {
  std::size_t token;
  float logit;
  float margin;  // over the highest of the others; below 0 if it was drawn from behind
};

// Runs the prompt and then generates `count` tokens. Numbers are drawn from splitmix64 of (seed,
// step).
std::vector<Step> generate(Runner& runner, std::span<const std::size_t> prompt, std::size_t count,
                           std::optional<double> temperature, std::uint64_t seed);

}  // namespace tomestimate::reference
