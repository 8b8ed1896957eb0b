// SPDX-License-Identifier: Apache-2.0
// Zero counts: blocks worked by hand, and packings of random weights.
#include <tomestimate/import/count.hpp>
#include <tomestimate/import/weights.hpp>

#include <algorithm>
#include <bit>
#include <random>

#include "bytes.hpp"

using namespace tomestimate::importer;

namespace {

Tally tallied(const Bytes& data, Storage storage, std::vector<std::uint64_t> shape = {}) {
  Tensor tensor;
  tensor.name = "t";
  tensor.storage = storage;
  tensor.shape = std::move(shape);
  tensor.bytes = data.size();
  return count(Source::of(data, "memory"), tensor);
}

Counts counted(const Bytes& data, Storage storage) { return tallied(data, storage).counts; }

Bytes filled(std::size_t size, std::uint8_t byte) { return Bytes(size, byte); }

// Reference packers, written from the layouts in count.hpp by weight, not by byte.

std::uint8_t base3(std::span<const int> codes) {  // five or four
  unsigned v = 0;
  for (std::size_t n = 0; n < 5; ++n)
    v = 3 * v + (n < codes.size() ? static_cast<unsigned>(codes[n]) : 0);
  return static_cast<std::uint8_t>((v * 256 + 242) / 243);
}

Bytes pack_tq1(const std::vector<int>& weights) {
  Bytes out;
  for (std::size_t at = 0; at < weights.size(); at += 256) {
    const auto code = [&](std::size_t i) { return weights[at + i] + 1; };
    for (std::size_t m = 0; m < 32; ++m) {
      const int codes[]{code(m), code(m + 32), code(m + 64), code(m + 96), code(m + 128)};
      out.push_back(base3(codes));
    }
    for (std::size_t m = 160; m < 176; ++m) {
      const int codes[]{code(m), code(m + 16), code(m + 32), code(m + 48), code(m + 64)};
      out.push_back(base3(codes));
    }
    for (std::size_t m = 240; m < 244; ++m) {
      const int codes[]{code(m), code(m + 4), code(m + 8), code(m + 12)};
      out.push_back(base3(codes));
    }
    append(out, 0x3C00, 2);
  }
  return out;
}

Bytes pack_tq2(const std::vector<int>& weights) {
  Bytes out;
  for (std::size_t at = 0; at < weights.size(); at += 256) {
    for (std::size_t half = 0; half < 256; half += 128)
      for (std::size_t m = 0; m < 32; ++m) {
        int byte = 0;
        for (std::size_t n = 0; n < 4; ++n) byte |= (weights[at + half + m + 32 * n] + 1) << 2 * n;
        out.push_back(static_cast<std::uint8_t>(byte));
      }
    append(out, 0x3C00, 2);
  }
  return out;
}

Bytes pack_q2(const std::vector<int>& weights, std::size_t block) {
  Bytes out;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (i % block == 0) append(out, 0x3C00, 2);
    if (i % 4 == 0) out.push_back(0);
    out.back() |= static_cast<std::uint8_t>((weights[i] + 1) << 2 * (i % 4));
  }
  return out;
}

// `group` is 32 on x86 and 16 on ARM.
Bytes pack_i2s(const std::vector<int>& weights, std::size_t group) {
  Bytes out(weights.size() / 4);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto j = i % (4 * group);
    out[i / (4 * group) * group + j % group] |=
        static_cast<std::uint8_t>((weights[i] + 1) << (6 - 2 * (j / group)));
  }
  append(out, std::bit_cast<std::uint32_t>(0.5f), 4);
  out.resize(out.size() + 28);
  return out;
}

// Rows of one weight: rows r, R + r, 2R + r, 3R + r share byte r.
Bytes pack_u8(const std::vector<int>& weights) {
  const auto rows = weights.size() / 4;
  Bytes out(rows);
  for (std::size_t i = 0; i < weights.size(); ++i)
    out[i % rows] |= static_cast<std::uint8_t>((weights[i] + 1) << 2 * (i / rows));
  return out;
}

Bytes as_f32(const std::vector<float>& weights) {
  Bytes out;
  for (const float w : weights) append(out, std::bit_cast<std::uint32_t>(w), 4);
  return out;
}

Bytes as_bf16(const std::vector<float>& weights) {
  Bytes out;
  for (const float w : weights) append(out, std::bit_cast<std::uint32_t>(w) >> 16, 2);
  return out;
}

}  // namespace

TEST_CASE("a TQ1_0 block worked by hand") {
  // Byte 0 holds weights 0, 32, 64, 96, 128. For +1, 0, -1, 0, +1 the codes are 2 1 0 1 2, so
  //   v = 2 x 81 + 1 x 27 + 0 x 9 + 1 x 3 + 2 = 194, byte = ceil(194 x 256 / 243) = ceil(204.4) =
  //   205.
  // Back: 205 x 3 >> 8 = 2; 205 x 3 mod 256 = 103, x 3 >> 8 = 1; 205 x 9 mod 256 = 53, x 3 >> 8 =
  // 0;
  //   205 x 27 mod 256 = 159, x 3 >> 8 = 1; 205 x 81 mod 256 = 221, x 3 >> 8 = 2.
  // Five zeros: v = 81 + 27 + 9 + 3 + 1 = 121, byte = ceil(127.5) = 128.
  // Byte 48 holds weights 240, 244, 248, 252. For -1, -1, +1, 0 the codes are 0 0 2 1, so
  //   v = 2 x 9 + 1 x 3 = 21, byte = ceil(22.1) = 23. Four zeros: v = 120, byte = ceil(126.4) =
  //   127.
  Bytes block{205};
  append(block, filled(47, 128));
  block.push_back(23);
  append(block, filled(3, 127));
  append(block, 0x3C00, 2);  // scale 1
  REQUIRE(block.size() == 54);
  // -1: one in byte 0, two in byte 48. +1: two and one. The other 250 of 256 are zero.
  CHECK(counted(block, Storage::tq1_0) == Counts{3, 250, 3, 0, 0, 0});

  block[1] =
      129;  // lies between the bytes of v = 121 (128) and v = 122 (129)? 122 gives 129: +1 last
  CHECK(counted(block, Storage::tq1_0) == Counts{3, 249, 4, 0, 0, 0});
  block[1] = 255;  // v = 242 gives 255: five times +1
  CHECK(counted(block, Storage::tq1_0) == Counts{3, 245, 8, 0, 0, 0});
  block[1] = 19;  // v = 17 gives 18, v = 18 gives 19
  block[2] = 20;  // no v: 18 gives 19 and 19 gives ceil(20.02) = 21
  CHECK(counted(block, Storage::tq1_0).odd_bytes == 1);
}

TEST_CASE("a TQ2_0 block worked by hand") {
  // Byte 0 holds weights 0, 32, 64, 96 from the low bits up. For -1, 0, +1, 0: 0 + 1x4 + 2x16 +
  // 1x64 = 100. Four zeros are 1 + 4 + 16 + 64 = 0x55.
  Bytes block{100};
  append(block, filled(63, 0x55));
  append(block, 0x3C00, 2);
  CHECK(counted(block, Storage::tq2_0) == Counts{1, 254, 1, 0, 0, 0});
  block[1] = 0x57;  // the lowest code is 3
  CHECK(counted(block, Storage::tq2_0) == Counts{1, 253, 1, 1, 0, 0});
}

TEST_CASE("scales that contradict their codes are noted") {
  Bytes block = filled(64, 0x55);
  append(block, 0, 2);
  CHECK(counted(block, Storage::tq2_0).odd_scales == 0);  // all zero: no scale is needed
  block[9] = 0x56;
  CHECK(counted(block, Storage::tq2_0).odd_scales == 1);
  block[64] = 0, block[65] = 0x7C;  // infinite
  CHECK(counted(block, Storage::tq2_0).odd_scales == 1);
}

TEST_CASE("an I2_S tensor worked by hand") {
  // x86: byte 0 holds weights 0, 32, 64, 96 from the high bits down. For +1, -1, 0, 0:
  // 2x64 + 0x16 + 1x4 + 1 = 133. Then 32 bytes of which 4 are the scale: no weights.
  Bytes tensor{133};
  append(tensor, filled(31, 0x55));
  append(tensor, std::bit_cast<std::uint32_t>(0.5f), 4);
  append(tensor, filled(28, 0xAB));
  CHECK(counted(tensor, Storage::i2_s) == Counts{1, 126, 1, 0, 0, 0});
}

TEST_CASE("packed U8: the example of transformers' unpack_weights") {
  // 2 x 2 bytes give the 8 x 2 matrix [[0 -1] [-1 1] [-1 1] [-1 1] [1 0] [0 -1] [1 -1] [1 -1]]:
  // seven -1, three 0, six +1.
  const Bytes packed{0b10100001, 0b00011000, 0b10010000, 0b00001010};
  CHECK(counted(packed, Storage::packed_u8) == Counts{7, 3, 6, 0, 0, 0});
}

TEST_CASE("Q2_0: blocks of 64 and of 128, the scale in front") {
  // Codes of byte 2, from the low bits up: -1, 0, +1, 0. 15 bytes of four zeros follow.
  Bytes block{0x00, 0x3C, 100};
  append(block, filled(15, 0x55));
  CHECK(counted(block, Storage::q2_0) == Counts{1, 62, 1, 0, 0, 0});
  append(block, filled(16, 0x55));
  CHECK(counted(block, Storage::q2_0_128) == Counts{1, 126, 1, 0, 0, 0});
  block[3] = 0xFF;  // the code that is +2
  CHECK(counted(block, Storage::q2_0_128) == Counts{1, 122, 1, 4, 0, 0});
  block[1] = 0;  // a zero scale
  CHECK(counted(block, Storage::q2_0_128).odd_scales == 1);
}

TEST_CASE("TL1: two weights in four bits") {
  // 3 a + b + 4: (-1, -1) is 0, (0, 0) is 4, (+1, +1) is 8, (0, +1) is 5; 9 to 15 are nothing.
  CHECK(counted({0x04, 0x85}, Storage::tl1) == Counts{2, 3, 3, 0, 0, 0});
  CHECK(counted({0x9F, 0x44}, Storage::tl1) == Counts{0, 4, 0, 4, 0, 0});
  CHECK(tallied({0x44, 0x44}, Storage::tl1, {2, 4}).zero_rows.empty());
}

TEST_CASE("I8 takes -1, 0, +1 and notes others") {
  CHECK(counted({0xFF, 0, 1, 0, 2, 0x80}, Storage::i8) == Counts{1, 2, 1, 2, 0, 0});
}

TEST_CASE("absmean worked by hand") {
  // mean |w| = (0.5 + 0.1 + 0.3 + 0.9) / 4 = 0.45; w / 0.45 = 1.11, -0.22, 0.67, -2: +1, 0, +1, -1.
  CHECK(counted(as_f32({0.5f, -0.1f, 0.3f, -0.9f}), Storage::f32) == Counts{1, 1, 2, 0, 0, 0});
  // mean |w| = 4 / 4 = 1: halves round to even, 0; 1.5 rounds to 2 and is clipped.
  const Counts halves{0, 2, 2, 0, 0, 0};
  CHECK(counted(as_f32({0.5f, 1.5f, -0.5f, 1.5f}), Storage::f32) == halves);
  CHECK(counted(as_bf16({0.5f, 1.5f, -0.5f, 1.5f}), Storage::bf16) == halves);
  CHECK(counted({0x00, 0x38, 0x00, 0x3E, 0x00, 0xB8, 0x00, 0x3E}, Storage::f16) == halves);
  // A mean below 1e-5 counts as 1e-5: 4e-6 / 1e-5 = 0.4 is 0, 8e-6 / 1e-5 = 0.8 is +1.
  CHECK(counted(as_f32({4e-6f, 8e-6f}), Storage::f32) == Counts{0, 1, 1, 0, 0, 0});
}

TEST_CASE("weights that are no numbers are an error with their byte") {
  Bytes data = as_f32({1, 2, 3, std::bit_cast<float>(0x7FC00000u)});
  CHECK(
      has(error_of([&] { counted(data, Storage::f32); }), "memory:byte 12: error: this weight is"));
  data = {0, 0x3C, 0, 0x7C};
  CHECK(has(error_of([&] { counted(data, Storage::f16); }), "memory:byte 2: error"));
  data = {0x80, 0x3F, 0x80, 0xFF};
  CHECK(has(error_of([&] { counted(data, Storage::bf16); }), "memory:byte 2: error"));
  CHECK(has(error_of([&] { counted(data, Storage::other); }), "no zero weights to count"));
}

namespace {

// TL2: threes, their signs, twos. Written from preprocess_three_weights_tl2 by weight: the reshapes
// there amount to these places.
Bytes pack_tl2(const std::vector<int>& w, std::size_t rows, std::size_t columns) {
  const auto threes = columns / 96 * 96;
  Bytes nibbles;
  Bytes signs;
  // Tiles of the larger blocks (BM x BK) only change the order, which no count hangs on.
  for (std::size_t r = 0; r < rows; r += 32)
    for (std::size_t c = 0; c < threes; c += 24) {
      std::uint16_t words[16]{};
      for (std::size_t pair = 0; pair < 4; ++pair) {
        std::uint8_t bytes[32]{};
        for (std::size_t half = 0; half < 2; ++half)
          for (std::size_t row = 0; row < 32; ++row) {
            const auto* three = &w[(r + row) * columns + c + 6 * pair + 3 * half];
            const int value = 9 * three[0] + 3 * three[1] + three[2];
            const std::size_t eights[]{0, 2, 1, 3};
            bytes[eights[row / 8] * 8 + row % 8] |=
                static_cast<std::uint8_t>(std::abs(value) << (half == 0 ? 4 : 0));
            const auto bit = 15 - (2 * (2 * pair + half) + row / 16);
            if (value < 0) words[row % 16] |= static_cast<std::uint16_t>(1 << bit);
          }
        nibbles.insert(nibbles.end(), bytes, bytes + 32);
      }
      for (const auto word : words) append(signs, word, 2);
    }
  append(nibbles, signs);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = threes; c < columns; c += 4) {
      const auto* four = &w[r * columns + c];
      const int high = 3 * four[0] + four[1] + 4;
      nibbles.push_back(static_cast<std::uint8_t>(high << 4 | (3 * four[2] + four[3] + 4)));
    }
  return nibbles;
}

}  // namespace

TEST_CASE("TL2: three weights in five bits, the rest as TL1") {
  std::mt19937 random(11);
  for (const std::uint64_t columns : {96u, 32u, 256u, 320u, 6912u}) {
    std::vector<int> weights(64 * columns);
    Counts wanted;
    for (auto& w : weights) {
      w = static_cast<int>(random() % 3) - 1;
      ++(w < 0 ? wanted.minus : w == 0 ? wanted.zeros : wanted.plus);
    }
    const auto data = pack_tl2(weights, 64, columns);
    CHECK(tallied(data, Storage::tl2, {64, columns}).counts == wanted);
  }
  CHECK(pack_tl2(std::vector<int>(32 * 96), 32, 96).size() == 32 * 96 * 5 / 24);
  Bytes bad = pack_tl2(std::vector<int>(32 * 96), 32, 96);
  bad[0] = 0xE0;  // 14: more than 9 + 3 + 1
  CHECK(tallied(bad, Storage::tl2, {32, 96}).counts.invalid == 3);
}

TEST_CASE("floats that are ternary already: zero is what is zero") {
  // 2 rows of 64: a scale a row, and in row 1 a scale a group of 32. Absmean over all would make
  // zeros of the small ones: mean |w| of the tensor is far above twice 0.01.
  std::vector<float> weights;
  Counts wanted;
  for (int i = 0; i < 128; ++i) {
    const float scale = i < 64 ? 0.01f : i < 96 ? 1.0f : 3.0f;
    const int w = i % 3 - 1;
    ++(w < 0 ? wanted.minus : w == 0 ? wanted.zeros : wanted.plus);
    weights.push_back(scale * static_cast<float>(w));
  }
  for (const auto storage : {Storage::f32, Storage::bf16}) {
    const auto data = storage == Storage::f32 ? as_f32(weights) : as_bf16(weights);
    const auto tally = tallied(data, storage, {2, 64});
    CHECK(tally.counts == wanted);
    CHECK(tally.was_ternary);
  }
  // One other size: master weights.
  weights[127] = 2.5f;
  const auto tally = tallied(as_f32(weights), Storage::f32, {2, 64});
  CHECK(!tally.was_ternary);
  CHECK(tally.counts.zeros > wanted.zeros);
  CHECK(tallied(as_f32({-0.0f, 0, 2, -2}), Storage::f32, {1, 4}).counts ==
        Counts{1, 2, 1, 0, 0, 0});
}

TEST_CASE("rows that are zero throughout") {
  using Rows = std::vector<bool>;
  Bytes rows = filled(3 * 66, 0x55);
  for (int i = 0; i < 3; ++i)
    rows[66 * static_cast<std::size_t>(i) + 64] = 0,
                                            rows[66 * static_cast<std::size_t>(i) + 65] = 0x3C;
  rows[66 + 63] = 0x56;
  CHECK(tallied(rows, Storage::tq2_0, {3, 256}).zero_rows == Rows{true, false, true});
  CHECK(tallied({0, 0, 0, 1, 0, 0}, Storage::i8, {3, 2}).zero_rows == Rows{true, false, true});
  // Packed: rows r, 2 + r, 4 + r and 6 + r share byte r of each column. Row 0 of bytes: rows 0 and
  // 4 have a weight; row 1: row 7.
  CHECK(tallied({0x56, 0x65, 0x55, 0x95}, Storage::packed_u8, {2, 2}).zero_rows ==
        Rows{false, true, true, true, false, true, true, false});
  Bytes i2s = filled(64, 0x55);
  i2s[63] = 0x54;
  append(i2s, std::bit_cast<std::uint32_t>(0.5f), 4);
  append(i2s, filled(28, 0));
  CHECK(tallied(i2s, Storage::i2_s, {2, 128}).zero_rows == Rows{true, false});
  CHECK(tallied(i2s, Storage::i2_s, {4, 64}).zero_rows.empty());
  Bytes tq1 = filled(48, 128);
  append(tq1, filled(4, 127));
  append(tq1, 0x3C00, 2);
  append(tq1, tq1);
  tq1[54 + 48] = 0;
  CHECK(tallied(tq1, Storage::tq1_0, {2, 256}).zero_rows == Rows{true, false});
  // Floats: after absmean. Half of the mean, (6 + 2 x 0.2) / 4 / 2 = 0.8, and less are zero.
  const std::vector<float> masters{0.2f, -0.2f, 2, -4};
  CHECK(tallied(as_f32(masters), Storage::f32, {2, 2}).zero_rows == Rows{true, false});
  CHECK(tallied(as_bf16(masters), Storage::bf16, {2, 2}).zero_rows == Rows{true, false});
  CHECK(tallied(as_f32({0, 0, 1, -1}), Storage::f32, {2, 2}).zero_rows == Rows{true, false});
}

TEST_CASE("random weights are counted back from every packing") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    // 15 shares of zero from none to all.
    const int share = round % 15;
    std::vector<int> weights(256 * (1 + random() % 40));
    Counts wanted;
    for (auto& w : weights) {
      w = static_cast<int>(random() % 14) < share ? 0 : random() % 2 == 0 ? -1 : 1;
      ++(w < 0 ? wanted.minus : w == 0 ? wanted.zeros : wanted.plus);
    }
    CHECK(counted(pack_tq1(weights), Storage::tq1_0) == wanted);
    CHECK(counted(pack_tq2(weights), Storage::tq2_0) == wanted);
    CHECK(counted(pack_i2s(weights, 32), Storage::i2_s) == wanted);
    CHECK(counted(pack_i2s(weights, 16), Storage::i2_s) == wanted);
    CHECK(counted(pack_u8(weights), Storage::packed_u8) == wanted);
    CHECK(counted(pack_q2(weights, 64), Storage::q2_0) == wanted);
    CHECK(counted(pack_q2(weights, 128), Storage::q2_0_128) == wanted);
    // Absmean leaves weights that are ternary already as they are.
    std::vector<float> scaled;
    for (const int w : weights) scaled.push_back(0.375f * static_cast<float>(w));
    CHECK(counted(as_f32(scaled), Storage::f32) == wanted);
    CHECK(counted(as_bf16(scaled), Storage::bf16) == wanted);
  }
}

TEST_CASE("weights are read by value from every packing of blocks, in their order") {
  std::mt19937 random(8);
  std::vector<int> weights(256 * 7);
  for (auto& w : weights) w = static_cast<int>(random() % 3) - 1;
  const auto values = [&](const Bytes& data, Storage storage) {
    Tensor tensor;
    tensor.name = "t";
    tensor.storage = storage;
    tensor.shape = {7, 256};
    tensor.bytes = data.size();
    std::vector<int> out(weights.size(), 7);
    const auto source = Source::of(data, "memory");
    const float scale =
        read_ternary(source, tensor, [&](std::uint64_t first, std::span<const std::int8_t> run) {
          std::copy(run.begin(), run.end(), out.begin() + static_cast<std::ptrdiff_t>(first));
        });
    CHECK(scale == 1);
    return out;
  };
  CHECK(values(pack_tq1(weights), Storage::tq1_0) == weights);
  CHECK(values(pack_tq2(weights), Storage::tq2_0) == weights);
  CHECK(values(pack_q2(weights, 64), Storage::q2_0) == weights);
  CHECK(values(pack_q2(weights, 128), Storage::q2_0_128) == weights);
  auto bad = pack_q2(weights, 64);
  bad[18 + 2] |= 3;
  CHECK(has(error_of([&] { values(bad, Storage::q2_0); }),
            "memory:byte 20: error: t has a code here that is no weight"));
  bad = pack_q2(weights, 64);
  bad[18 + 1] = 0x40;  // a scale of 2 beside ones of 1
  CHECK(has(error_of([&] { values(bad, Storage::q2_0); }), "block scales that differ"));
  CHECK(has(error_of([&] { values(bad, Storage::tl2); }), "tile sizes that the file does not say"));
}

TEST_CASE("every TQ1_0 byte that is written decodes to its digits, and 13 are never written") {
  for (unsigned v = 0; v < 243; ++v) {
    const int codes[]{static_cast<int>(v / 81), static_cast<int>(v / 27 % 3),
                      static_cast<int>(v / 9 % 3), static_cast<int>(v / 3 % 3),
                      static_cast<int>(v % 3)};
    Counts wanted{0, 47 * 5 + 16, 0, 0, 0, 0};
    for (const int c : codes) ++(c == 0 ? wanted.minus : c == 1 ? wanted.zeros : wanted.plus);
    Bytes block{base3(codes)};
    append(block, filled(47, 128));
    append(block, filled(4, 127));
    append(block, 0x3C00, 2);
    CHECK(counted(block, Storage::tq1_0) == wanted);
  }
  Bytes all;
  for (unsigned byte = 0; byte < 256; byte += 32) {
    Bytes block;
    for (unsigned i = 0; i < 32; ++i) block.push_back(static_cast<std::uint8_t>(byte + i));
    append(block, filled(16, 128));
    append(block, filled(4, 127));
    append(block, 0x3C00, 2);
    append(all, block);
  }
  CHECK(counted(all, Storage::tq1_0).odd_bytes == 256 - 243);
}

TEST_CASE("tensors larger than one chunk are counted whole") {
  Bytes data = filled((3 << 20) + 4, 0x55);
  data.front() = 0x56;
  data[1 << 20] = 0x54;
  data.back() = 0x54;
  CHECK(counted(data, Storage::packed_u8) == Counts{2, 4 * data.size() - 3, 1, 0, 0, 0});
}
