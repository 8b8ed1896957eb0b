// SPDX-License-Identifier: Apache-2.0
// Functions, FP8, quantizers and products by themselves.
#include <cmath>
#include <cstdint>
#include <vector>

#include <tomestimate/reference/arithmetic.hpp>
#include <tomestimate/reference/counts.hpp>
#include <tomestimate/reference/fp8.hpp>
#include <tomestimate/reference/matrix.hpp>

#include "catch.hpp"

using namespace tomestimate::reference;

namespace {

// Numbers from -1 to 1, the same on every platform.
class Numbers {
 public:
  double next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(static_cast<std::int64_t>(state_) >> 11) * 0x1p-52;
  }

 private:
  std::uint64_t state_ = 1;
};

Ternary some_ternary(std::size_t rows, std::size_t columns, std::vector<std::int8_t>& weights) {
  Numbers numbers;
  weights.resize(rows * columns);
  for (auto& w : weights) w = static_cast<std::int8_t>(std::lround(numbers.next() * 1.4));
  Ternary out(rows, columns);
  out.set(0, weights);
  return out;
}

Bytes some_bytes(std::size_t tokens, std::size_t columns) {
  Bytes x(tokens, columns);
  for (std::size_t t = 0; t < tokens; ++t)
    for (std::size_t c = 0; c < columns; ++c)
      x.values[t * x.stride + c] = static_cast<std::int8_t>((t * 131 + c * 57) % 256 - 128);
  x.add_up();
  return x;
}

std::vector<Isa> all_isas() {
  std::vector<Isa> out{Isa::baseline};
  if (best_isa() >= Isa::avx2) out.push_back(Isa::avx2);
  if (best_isa() >= Isa::avx512) out.push_back(Isa::avx512);
  return out;
}

}  // namespace

TEST_CASE("exp, log, sin and cos are within 2 units of the last place of libm's") {
  Numbers numbers;
  const auto close = [](double ours, double theirs) {
    return std::abs(ours - theirs) <=
           2 * (std::nextafter(std::abs(theirs), INFINITY) - std::abs(theirs));
  };
  for (int i = 0; i < 20000; ++i) {
    const double u = numbers.next();
    REQUIRE(close(exponential(u * 700), std::exp(u * 700)));
    REQUIRE(close(exponential(u), std::exp(u)));
    REQUIRE(close(logarithm(1.5 + u + 1e-3 * (1 + u)), std::log(1.5 + u + 1e-3 * (1 + u))));
    // Near a zero of sin or cos the reduced angle decides: absolute, to a unit of 1.
    const auto [s, c] = sine_cosine(u * 1e5);
    REQUIRE(std::abs(s - std::sin(u * 1e5)) < 3e-16);
    REQUIRE(std::abs(c - std::cos(u * 1e5)) < 3e-16);
  }
  CHECK(exponential(0) == 1);
  CHECK(exponential(-1000) == 0);
  CHECK(logarithm(1) == 0);
  CHECK(close(logarithm(500000), std::log(500000.0)));
  CHECK(sine_cosine(0).cosine == 1);
}

TEST_CASE("the bits of the functions are these on every machine") {
  CHECK(exponential(1) == 0x1.5bf0a8b14576ap+1);
  CHECK(exponential(-3.7) == 0x1.9511fc6871044p-6);
  CHECK(logarithm(10) == 0x1.26bb1bbb55516p+1);
  CHECK(sine_cosine(1).sine == Approx(0.8414709848078965).epsilon(1e-15));
}

TEST_CASE("rounding is half to even") {
  for (const auto& [x, wanted] : {std::pair(0.5f, 0.0f),
                                  {1.5f, 2.0f},
                                  {2.5f, 2.0f},
                                  {-0.5f, 0.0f},
                                  {-1.5f, -2.0f},
                                  {126.5f, 126.0f},
                                  {127.5f, 128.0f},
                                  {0.49f, 0.0f}})
    CHECK(round_half_even(x) == wanted);
}

TEST_CASE("E4M3: all codes there and back, ties to even, saturation") {
  for (int code = 0; code < 256; ++code) {
    const auto c = static_cast<std::uint8_t>(code);
    if ((c & 0x7F) == 0x7F) continue;
    CHECK(to_e4m3(from_e4m3(c)) == c);
    CHECK(static_cast<double>(from_e4m3(c)) == fixed_e4m3(c) * e4m3_unit);
  }
  // Every midpoint of neighbours goes to the even code; a little beside it goes to the near one.
  for (std::uint8_t c = 0; c < 0x7E; ++c) {
    const float low = from_e4m3(c);
    const float high = from_e4m3(static_cast<std::uint8_t>(c + 1));
    const float middle = (low + high) / 2;
    CHECK(to_e4m3(middle) == (c % 2 == 0 ? c : c + 1));
    CHECK(to_e4m3(std::nextafter(middle, 0.0f)) == c);
    CHECK(to_e4m3(std::nextafter(middle, 1e9f)) == c + 1);
    CHECK(to_e4m3(-middle) == (0x80 | to_e4m3(middle)));
  }
  CHECK(from_e4m3(0x7E) == 448);
  CHECK(from_e4m3(1) == 0x1p-9f);
  for (const float big : {448.0f, 449.0f, 470.0f, 1e30f, INFINITY}) CHECK(to_e4m3(big) == 0x7E);
  CHECK(to_e4m3(NAN) == 0x7F);
  CHECK(to_e4m3(-0.0f) == 0x80);
  CHECK(to_e4m3(0x1p-11f) == 0);
}

TEST_CASE("absmax int8: scale, ties, and a token of zeros") {
  const std::vector<float> x{1.0f, -2.0f, 0.5f, 127.0f, -127.0f, 1.5f, 2.5f};
  std::vector<std::int8_t> codes(x.size());
  CHECK(quantize_int8(x, codes) == 1.0f);
  CHECK(codes == std::vector<std::int8_t>{1, -2, 0, 127, -127, 2, 2});
  const std::vector<float> zeros(4);
  std::vector<std::int8_t> none(4, 9);
  CHECK(quantize_int8(zeros, none) == 127.0f / 1e-5f);
  CHECK(none == std::vector<std::int8_t>(4));
  CHECK_THROWS_AS(quantize_int8(std::vector<float>{1, NAN}, none), std::runtime_error);
  CHECK_THROWS_AS(quantize_int8(std::vector<float>{INFINITY, 1}, none), std::runtime_error);
}

TEST_CASE("norm: by hand") {
  const std::vector<float> x{3, 4};
  const std::vector<float> gain{1, 2};
  std::vector<float> y(2);
  rms_norm(x, gain, 0, y);
  CHECK(y[0] == Approx(3 / std::sqrt(12.5)).epsilon(1e-7));
  CHECK(y[1] == Approx(8 / std::sqrt(12.5)).epsilon(1e-7));
}

TEST_CASE("gates: relu2 and SiLU by hand") {
  const std::vector<float> gate{-1, 2, 0, -300, 300};
  const std::vector<float> up{5, 3, 7, 1, 1};
  std::vector<float> out(5);
  gate_units(Activation::relu2, gate, up, out);
  CHECK(out == std::vector<float>{0, 12, 0, 0, 90000});
  gate_units(Activation::silu, gate, up, out);
  CHECK(out[0] == Approx(5 * -1 / (1 + std::exp(1.0))).epsilon(1e-6));
  CHECK(out[1] == Approx(3 * 2 / (1 + std::exp(-2.0))).epsilon(1e-6));
  CHECK(out[3] == Approx(0).margin(1e-30));
  CHECK(out[4] == 300);
}

TEST_CASE("RoPE turns by position, pairs the halves, and scores hang on distance alone") {
  const Rope rope(8, 500000, false);
  std::vector<float> x{1, 0, 0, 0, 0, 0, 0, 0};
  rope.turn(1, x);
  CHECK(x[0] == Approx(std::cos(1.0)).epsilon(1e-7));
  CHECK(x[4] == Approx(std::sin(1.0)).epsilon(1e-7));
  std::vector<float> second{0, 1, 0, 0, 0, 0, 0, 0};
  rope.turn(3, second);
  CHECK(second[5] == Approx(std::sin(3 / std::pow(500000, 0.25))).epsilon(1e-6));
  std::vector<float> adjacent{1, 0, 0, 0, 0, 0, 0, 0};
  Rope(8, 500000, true).turn(1, adjacent);
  CHECK(adjacent[1] == Approx(std::sin(1.0)).epsilon(1e-7));

  Numbers numbers;
  std::vector<float> q(8), k(8);
  for (auto& v : q) v = static_cast<float>(numbers.next());
  for (auto& v : k) v = static_cast<float>(numbers.next());
  const auto score = [&](std::size_t at_q, std::size_t at_k) {
    auto a = q, b = k;
    rope.turn(at_q, a);
    rope.turn(at_k, b);
    return dot(a, b);
  };
  for (const std::size_t shift : {1, 100, 4000})
    CHECK(score(5 + shift, 2 + shift) == Approx(score(5, 2)).margin(2e-6));
  CHECK(score(5, 2) != Approx(score(6, 2)).margin(1e-3));
}

TEST_CASE("Llama 3's stretched RoPE: by hand from its definition") {
  // Llama 3.2: theta 500,000, factor 32, low 1, high 4, context 8,192.
  const auto d = llama3_divisors(128, 500000, 32, 1, 4, 8192);
  REQUIRE(d.size() == 64);
  for (std::size_t i = 0; i < d.size(); ++i) {
    const double f = std::pow(500000.0, -static_cast<double>(i) / 64);
    const double wave = 2 * M_PI / f;
    const double s = (8192 / wave - 1) / 3;
    const double wanted = wave < 8192.0 / 4 ? f : wave > 8192 ? f / 32 : (1 - s) * f / 32 + s * f;
    CHECK(f / d[i] == Approx(wanted).epsilon(1e-12));
  }
  CHECK(d.front() == 1);
  CHECK(d.back() == 32);
  std::vector<float> plain{1, 0, 0, 0};
  auto half = plain;
  Rope(4, 500000, false).turn(1, plain);
  Rope(4, 500000, false, std::vector<double>{2, 2}).turn(2, half);
  CHECK(half == plain);
}

TEST_CASE("products are the sums of weight x code, for all shapes and instruction sets") {
  for (const std::size_t columns : {1, 63, 64, 65, 256, 257, 300, 2560, 6912})
    for (const std::size_t tokens : {1, 3, 4, 6}) {
      const std::size_t rows = 7;
      std::vector<std::int8_t> weights;
      const auto matrix = some_ternary(rows, columns, weights);
      const auto x = some_bytes(tokens, columns);
      std::vector<std::int32_t> wanted(rows * tokens);
      for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t r = 0; r < rows; ++r)
          for (std::size_t c = 0; c < columns; ++c)
            wanted[t * rows + r] += weights[r * columns + c] * x.values[t * x.stride + c];
      for (const auto isa : all_isas()) {
        std::vector<std::int32_t> out(wanted.size());
        multiply(matrix, x, 0, rows, isa, out);
        CHECK(out == wanted);
      }
      std::vector<std::int8_t> back(columns);
      matrix.row_weights(rows - 1, back);
      CHECK(std::equal(back.begin(), back.end(),
                       weights.end() - static_cast<std::ptrdiff_t>(columns)));
    }
}

TEST_CASE("products do not overflow at their largest") {
  const std::size_t columns = 16384;
  Ternary matrix(1, columns);
  matrix.set(0, std::vector<std::int8_t>(columns, 1));
  Bytes x(1, columns);
  std::fill(x.values.begin(), x.values.end(), std::int8_t{-128});
  x.add_up();
  for (const auto isa : all_isas()) {
    std::vector<std::int32_t> out(1);
    multiply(matrix, x, 0, 1, isa, out);
    CHECK(out[0] == -128 * static_cast<std::int32_t>(columns));
  }
}

TEST_CASE("groups: sums of (code - zero) x activation for 2, 3, 4 and 8 bits") {
  for (const int bits : {2, 3, 4, 8}) {
    for (const std::size_t group : {32, 64, 33}) {
      const std::size_t columns = 3 * group;
      Grouped matrix(2, columns, bits, group);
      std::vector<std::uint8_t> codes(2 * columns);
      for (std::size_t i = 0; i < codes.size(); ++i)
        codes[i] = static_cast<std::uint8_t>(i * 7 % (1u << bits));
      for (std::size_t first = 0; first < codes.size(); first += group)
        matrix.set(first, std::span(codes).subspan(first, group), 0.5f,
                   static_cast<std::uint8_t>(first / group));
      const auto x = some_bytes(3, columns);
      for (const auto isa : all_isas()) {
        std::vector<std::int32_t> sums(3 * 3);
        multiply_row(matrix, x, group_sums(x, columns, group), 1, isa, sums);
        for (std::size_t t = 0; t < 3; ++t)
          for (std::size_t g = 0; g < 3; ++g) {
            std::int32_t wanted = 0;
            for (std::size_t c = g * group; c < (g + 1) * group; ++c)
              wanted +=
                  (int{codes[columns + c]} - int{matrix.zero(1, g)}) * x.values[t * x.stride + c];
            CHECK(sums[t * 3 + g] == wanted);
          }
      }
    }
  }
}

TEST_CASE("counts of a matrix worked by hand") {
  // Two lanes of one unit, words of 2 weights. Rows: lane 0 has rows 0 and 2, lane 1 has row 1.
  Ternary matrix(3, 3);
  matrix.set(0, std::vector<std::int8_t>{1, -1, 0, 0, 0, 0, -1, -1, 1});
  const WordStream stream{2, 1, 4, 2};
  const auto m = count_matrix(matrix, stream, 1);
  for (const unsigned threads : {2u, 3u, 9u})
    CHECK(count_matrix(matrix, stream, threads).data_toggles == m.data_toggles);
  CHECK(m.words == 6);
  CHECK(m.bits == 18);
  CHECK(m.one_bits == 5);
  CHECK(m.zeros == 4);
  // Lane 0: (+ -) (0 .) (- -) (+ .): 2 + 2 + (- to + is 2, - to nothing is 1) = 7. Lane 1: 0.
  CHECK(m.pairs == 4);
  CHECK(m.data_toggles == 7);
  // Addresses in banks of 2 words: 0 1 0 1 and 0 1.
  CHECK(m.address_toggles == 4);
  // From (+ .) to (+ -) is 1; lane 1 nothing. Addresses 1 to 0 in both.
  CHECK(m.wraps == 2);
  CHECK(m.wrap_data_toggles == 1);
  CHECK(m.wrap_address_toggles == 2);
  CHECK(m.plus == std::vector<std::uint32_t>{1, 0, 1});
  CHECK(m.minus == std::vector<std::uint32_t>{1, 2, 0});

  // Two tokens: (3, 0, -2) and (0, -1, 5) in int8.
  const std::vector<std::uint8_t> codes{3, 0, 0xFE, 0, 0xFF, 5};
  const auto d = count_data(m, codes, 2, false);
  CHECK(d.weights_used == 18);
  CHECK(d.zero_weights_used == 8);
  CHECK(d.one_bits_read == 10);
  CHECK(d.words_read == 12);
  CHECK(d.word_pairs == 10);
  CHECK(d.data_toggles == 15);
  CHECK(d.zero_activations == 2);
  // Token 1: +3, -3, then -2 once. Token 2: -1 times -1 twice, +5 once.
  CHECK(d.adds_positive == 1 + 2 + 1);
  CHECK(d.adds_negative == 1 + 1);
  // A row passes (3 0) (-2 .), then (0 -1) (5 .): 7 bits, and 2 + 8; as many back to its first
  // word, and 7 + 8 from (-2 .) to (0 -1). Three rows, of which each lane's first has none before
  // it.
  CHECK(d.activation_toggles == 3 * 7 + 1 * 7 + 2 * 15 + 3 * 10 + 1 * 10);
}
