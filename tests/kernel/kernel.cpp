// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/kernel/kernel.hpp>

#include <numeric>

#include "../../src/kernel/arithmetic.hpp"
#include "../../src/kernel/weights.hpp"
#include "../engine/designs.hpp"
#include "catch.hpp"

using namespace designs;
using kernel::Code;
using spec::Op;

namespace {

std::vector<std::int8_t> whole_matrix(const kernel::Matrix& m) {
  std::vector<std::int8_t> all(m.shape().rows * m.shape().columns);
  std::vector<std::uint8_t> scratch;
  for (std::uint64_t r = 0; r < m.shape().rows; ++r)
    m.row(r, std::span(all).subspan(r * m.shape().columns, m.shape().columns), scratch);
  return all;
}

const kernel::OpCounts& op(const kernel::PassCounts& pass, Op id) {
  return pass.layers[0].ops[static_cast<std::size_t>(id)];
}

}  // namespace

TEST_CASE("a ternary matrix has its exact number of zeros, and both signs") {
  for (const std::uint64_t zeros : {0u, 1u, 37u, 350u, 699u, 700u}) {
    const auto all = whole_matrix(kernel::Matrix({20, 35, Code::ternary, 2, zeros}, 5));
    CHECK(kernel::count_nonzero(all) == 700 - zeros);
    CHECK(kernel::count_one_bits(all, Code::ternary, 2) == 700 - zeros);
    if (zeros < 600) {
      CHECK(std::count(all.begin(), all.end(), 1) > 0);
      CHECK(std::count(all.begin(), all.end(), -1) > 0);
    }
  }
}

TEST_CASE("an integer matrix has its exact number of zero bits") {
  for (const unsigned bits : {2u, 4u, 8u})
    for (const std::uint64_t zeros : {0u, 101u, 500u}) {
      const auto all = whole_matrix(kernel::Matrix({11, 23, Code::integer, bits, zeros}, 9));
      CHECK(kernel::count_one_bits(all, Code::integer, bits) == 11 * 23 * bits - zeros);
      for (const int w : all) REQUIRE((w >= -(1 << (bits - 1)) && w < (1 << (bits - 1))));
    }
}

TEST_CASE("absmax quantization, by hand") {
  // Largest 200 -> 127; -100 -> -63.5 -> -64; 1 -> 0.635 -> 1; 0 -> 0.
  const std::vector<std::int32_t> x{200, -100, 1, 0};
  const auto q = kernel::quantize(x, 8, false);
  CHECK(q.q == std::vector<std::int16_t>{127, -64, 1, 0});
  // 200 * 2^16 / (127 * 2^8)
  CHECK(q.scale == 403);
  // RMS: sqrt((40000 + 10000 + 1) / 4) = 111; 200 * 2^16 / (127 * 111) = 929
  CHECK(kernel::quantize(x, 8, true).scale == 929);
}

TEST_CASE("relu^2, softmax and rotation, by hand") {
  CHECK(kernel::gated_relu2(-5, 100) == 0);
  CHECK(kernel::gated_relu2(512, 256) == 1024);  // (2.0)^2 x 1.0 = 4.0
  const std::vector<std::int32_t> equal(4, 77);
  CHECK(kernel::softmax(equal, 10, 8) == std::vector<std::int16_t>(4, 32));  // 127 / 4 = 31.75
  const std::vector<std::int32_t> one_off{0, -1024};                         // 2^0 : 2^-1
  CHECK(kernel::softmax(one_off, 10, 8) == std::vector<std::int16_t>{85, 42});
  std::vector<std::int32_t> head{1000, 500};
  kernel::rotate(head, 2, 0);
  CHECK(head == std::vector<std::int32_t>{1000, 500});
}

// The numbers of tests/engine/hand_worked.cpp, counted.
TEST_CASE("the kernel counts the hand-worked design") {
  const auto pass = kernel::run(tiny_hardware(), tiny_model(), {1.0, 1.0, 6.0}, 1, 3);
  CHECK(pass.first_difference.empty());
  const auto& gate = op(pass, Op::gate);
  CHECK(gate.compute_cycles == 6);
  CHECK(gate.rom_words == 18);
  CHECK(gate.rom_one_bits == 90);
  CHECK(gate.base_adds == 90);
  CHECK(gate.tree_adds == 12);
  CHECK(gate.latency_cycles == 6);
  CHECK(op(pass, Op::gate_a).sram_cycles == 6);
  CHECK(op(pass, Op::gate_b).latency_cycles == 11);
  CHECK(op(pass, Op::scores).lane_active_cycles == 16);
  CHECK(op(pass, Op::rope).sram_write_bits == 64);
  CHECK(pass.layers[0].exposed_wake_cycles == 10);
  CHECK(pass.layers[1].exposed_wake_cycles == 0);
  CHECK(pass.layers[0].bank_wakes == 28);
}

TEST_CASE("threads change nothing, the seed does") {
  const auto hw = tiny_hardware();
  auto model = tiny_model();
  model.intermediate = 900;  // enough row steps for several threads
  const spec::Pass<double> pass{2.0, 3.0, 4.0};
  const auto one = kernel::run(hw, model, pass, 1, 3);
  const auto four = kernel::run(hw, model, pass, 4, 3);
  CHECK(one.output_hash == four.output_hash);
  CHECK(one.cycles == four.cycles);
  CHECK(op(one, Op::gate).rom_one_bits == op(four, Op::gate).rom_one_bits);
  CHECK(kernel::run(hw, model, pass, 1, 4).output_hash != one.output_hash);
}

TEST_CASE("every weight matters: one weight fewer zero changes the output") {
  const auto hw = tiny_hardware();
  auto model = tiny_model();
  const spec::Pass<double> pass{1.0, 1.0, 6.0};
  const auto before = kernel::run(hw, model, pass, 1, 3).output_hash;
  model.weights.zero_share[1] -= 1.0 / 120;
  CHECK(kernel::run(hw, model, pass, 1, 3).output_hash != before);
}

TEST_CASE("operands over 8 bit are refused") {
  auto model = tiny_model();
  model.kv_bits = units::bits(16.0);
  CHECK_THROWS_AS(kernel::run(tiny_hardware(), model, {1.0, 1.0, 6.0}, 1, 3),
                  std::invalid_argument);
}
