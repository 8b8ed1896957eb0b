// SPDX-License-Identifier: Apache-2.0
// The three shipped systems against arithmetic on their published shapes.
#include <tomestimate/spec/load.hpp>

#include <utility>

#include "catch.hpp"
#include "designs.hpp"

using namespace designs;
using spec::Op;

namespace {

std::string shipped(const std::string& name) { return std::string(TOMESTIMATE_SPECS "/") + name; }

struct System {
  spec::Spec<spec::Hardware<double>> hw;
  spec::Spec<spec::Model<double>> model;

  System(const std::string& hardware_file, const std::string& model_file)
      : hw(spec::load_hardware(shipped(hardware_file))),
        model(spec::load_model(shipped(model_file))) {}

  void set(const std::string& path, const std::string& text) {
    spec::override_value(hw, model, path, text, {"test", 1, 1});
  }
  engine::PassEstimate<double> at(double context) const {
    return estimate_pass(hw.values, model.values, {1, 1, context - 1});
  }
  double max_context() const {
    return engine::capacity(hw.values, model.values, 1.0, 1.0, 1.0).max_context;
  }
  engine::RomContent<double> content() const {
    return engine::with_head(hw.values, model.values,
                             engine::layer_content(hw.values, model.values));
  }
};

constexpr double mebibyte = 8.0 * 1024 * 1024;  // in bit

}  // namespace

TEST_CASE("TOM: base projections of a layer take 3,488 cycles") {
  const auto pass = System("tom.toml", "bitnet-2b.toml").at(256);
  // 16 lanes split outputs, 10 units of 128 split inputs: outputs / 16 x ceil(inputs / 1,280).
  CHECK(op(pass, Op::q).compute.value() == 160 * 2);
  CHECK(op(pass, Op::k).compute.value() == 40 * 2);
  CHECK(op(pass, Op::v).compute.value() == 40 * 2);
  CHECK(op(pass, Op::o).compute.value() == 160 * 2);
  CHECK(op(pass, Op::gate).compute.value() == 432 * 2);
  CHECK(op(pass, Op::up).compute.value() == 432 * 2);
  CHECK(op(pass, Op::down).compute.value() == 160 * 6);  // 6,912 / 1,280 = 5.4
  double sum = 0;
  for (const auto id : {Op::q, Op::k, Op::v, Op::o, Op::gate, Op::up, Op::down}) {
    // Pipeline 6 + ceil(log2 10); nothing else is slower than the multipliers.
    CHECK((total_cycles(op(pass, id)) - op(pass, id).compute).value() == 6 + 4);
    sum += op(pass, id).compute.value();
  }
  CHECK(sum == 320 + 80 + 80 + 320 + 864 + 864 + 960);
  CHECK(sum == 3488);
}

TEST_CASE("TOM: vector work of a layer takes 635 cycles, softmax 120") {
  const auto pass = System("tom.toml", "bitnet-2b.toml").at(256);
  const auto cycles = [&](Op id) { return op(pass, id).vector.value(); };
  CHECK(cycles(Op::attn_norm) == 4 * 20);  // 2,560 / 128, norm 2 and quantize 2
  CHECK(cycles(Op::rope) == 25 + 2 * 30);  // 3,200 / 128 and 3,840 / 128
  CHECK(cycles(Op::attn_sub_norm) == 4 * 20);
  CHECK(cycles(Op::attn_residual) == 20);
  CHECK(cycles(Op::ffn_norm) == 4 * 20);
  CHECK(cycles(Op::activation) == 54);  // 6,912 / 128
  CHECK(cycles(Op::ffn_sub_norm) == 4 * 54);
  CHECK(cycles(Op::ffn_residual) == 20);
  double sum = 0;
  for (std::size_t i = 0; i < spec::layer_op_count; ++i)
    if (spec::info(static_cast<Op>(i)).kind == spec::OpKind::vector &&
        static_cast<Op>(i) != Op::softmax) {
      sum += pass.layer.ops[i].vector.value();
      CHECK(pass.layer.ops[i].latency.value() == 4);
    }
  CHECK(sum == 635);
  CHECK(cycles(Op::softmax) == 3 * 20 * 2);  // 20 heads, 256 / 128
  // The residual stream binds the residual ops: 2,560 x 16 bit at 2,048, read and written.
  CHECK(op(pass, Op::attn_residual).sram.value() == 2 * 20);
}

TEST_CASE("TOM: 31,800 banks of 1,024 x 128 bit") {
  const auto pass = System("tom.toml", "bitnet-2b.toml").at(256);
  const auto& banks = pass.layer.banks;
  // 65,536 weights of 2 bit a bank.
  CHECK(banks.projection == std::array<double, 7>{100, 25, 25, 100, 270, 270, 270});
  CHECK(banks.layer == 1060);
  CHECK(banks.chip == 31800);
}

TEST_CASE("TOM: ROM and SRAM to the last published digit") {
  System tom("tom.toml", "bitnet-2b.toml");
  const auto content = tom.content();
  // 30 x (2 x 2,560^2 + 2 x 640 x 2,560 + 3 x 6,912 x 2,560) weights of 2 bit.
  CHECK(content.layers.all.value() == 2 * 2084044800.0);
  // 30 x (2,560 + 2,560 + 2,560 + 6,912) norm gains of 32 bit.
  CHECK(content.norms.value() == 437760.0 * 32);
  CHECK((content.layers.all + content.norms).value() / mebibyte == Approx(498.545).margin(5e-4));
  CHECK(content.head.all.value() == 0);
  // A position is 30 layers x 2 x 640 x 8 bit: 37.5 MiB hold 1,024 without adapters.
  CHECK(tom.hw.values.sram.capacity.value() == 1024 * 307200.0);
  // Ternary rank 16: 30 x 16 x 45,056 x 2 bit = 5.156 MiB; 883.2 positions, in steps of 16 lanes.
  CHECK(tom.max_context() == 16 * 55);
  tom.set("base.heads", "none");
  CHECK(tom.max_context() == 160 * 5);
  tom.set("base.heads", "units");
  tom.set("adapter.rank", "0");
  CHECK(tom.max_context() == 1024);
}

TEST_CASE("TOM: attention of 20 heads over 10 units and 16 lanes") {
  const auto pass = System("tom.toml", "bitnet-2b.toml").at(256);
  // 5 key heads on 10 units: 2 units a head, each with 2 of its 4 query heads; 256 / 16 positions.
  CHECK(op(pass, Op::scores).compute.value() == 16 * 2);
  CHECK(op(pass, Op::context).compute.value() == 16 * 2);
  // A row of 128 x 8 bit takes 4 cycles at 256.
  CHECK(op(pass, Op::scores).sram.value() == 16 * 4);
  // Both units of a head read it.
  CHECK(op(pass, Op::scores).sram_read.value() == 256 * 5 * 2 * 1024);
}

TEST_CASE("ROMA: 10,752 base cycles a token, LM head 1,503") {
  const auto pass = System("roma.toml", "llama-3.2-3b-int4.toml").at(256);
  // 256 units split outputs, 64 x 16 inputs at once.
  double sum = 0;
  for (const auto& [id, cycles] : {std::pair{Op::q, 12 * 3},
                                   {Op::k, 4 * 3},
                                   {Op::v, 4 * 3},
                                   {Op::o, 12 * 3},
                                   {Op::gate, 32 * 3},
                                   {Op::up, 32 * 3},
                                   {Op::down, 12 * 8}}) {
    CHECK(op(pass, id).compute.value() == cycles);
    CHECK(op(pass, id).memory.value() <= cycles);
    sum += op(pass, id).compute.value();
  }
  CHECK(sum == 384);
  CHECK(28 * sum == 10752);
  // 28 x 384 x 2^18 weights: all of them in use.
  CHECK(pass.base_macs == 10752.0 * (1 << 18));
  CHECK(pass.lm_head.compute.value() == 501 * 3);
  // Base projections run beside the H-Units.
  CHECK(pass.layer.path.value() <
        (pass.layer.load[0] + pass.layer.load[1] + pass.layer.load[2]).value());
}

TEST_CASE("ROMA: tokens that fit 64 MiB") {
  System roma("roma.toml", "llama-3.2-3b-int4.toml");
  roma.set("sram.capacity", "64 MiB");
  // 8-bit adapters: 28 x rank x 54,272 bytes; a position is 57,344; 32 position parts.
  // (67,108,864 - 24,313,856) / (32 x 57,344) = 23.3
  CHECK(roma.max_context() == 32 * 23);
  CHECK(roma.max_context() == 736);
  // Rank 64 alone takes 97,255,424 bytes.
  roma.set("adapter.rank", "64");
  CHECK(roma.max_context() == 0);
}

TEST_CASE("ROMA: a cached position costs 14.0 cycles at the ports, over all layers") {
  const System roma("roma.toml", "llama-3.2-3b-int4.toml");
  const auto kv = [&](double context) {
    const auto pass = roma.at(context);
    const auto& scores = op(pass, Op::scores);
    CHECK(scores.sram > scores.compute);  // ports bind, not multipliers
    return 28 * (scores.sram + op(pass, Op::context).sram).value();
  };
  // 32 positions more are one row of 128 x 8 bit for scores and one for context, at 128 bit/cycle.
  CHECK((kv(1024) - kv(512)) / 512 == 14.0);
}

TEST_CASE("ROMA: LLaMA 3 8B at 2 bit with its groups is 1,867.5 MB, and its tables come on top") {
  const auto content = System("roma.toml", "llama-3-8b-int2.toml").content();
  // 32 x (2 x 4,096^2 + 2 x 1,024 x 4,096 + 3 x 14,336 x 4,096) weights x (2 + 18 / 128) bit.
  CHECK(content.layers.all.value() == 6979321856.0 * 2 + 54525952.0 * 18);
  CHECK(content.layers.all.value() / 8e6 == Approx(1867.5).margin(0.05));
  // LM head and embedding, 128,256 x 4,096 of 2 bit each, are not in the published 1.86 GB.
  CHECK(content.head.all.value() / 8e6 == Approx(262.7).margin(0.05));
}

TEST_CASE("Ankhdjet: 128,400 macros of 64 x 256, in lockstep") {
  System ankhdjet("ankhdjet.toml", "bitnet-2b.toml");
  ankhdjet.set("workload.context", "4096");
  ankhdjet.set("adapter.rank", "0");
  const auto e = engine::estimate(ankhdjet.hw.values, ankhdjet.model.values);
  // A layer: q, o 10 x 40; k, v 3 x 40; gate, up 27 x 40; down 10 x 108.
  const auto s =
      engine::make_setting(ankhdjet.hw.values, ankhdjet.model.values, {1.0, 1.0, 4095.0});
  CHECK(engine::base_units(s) == 30 * (2 * 400 + 2 * 120 + 2 * 1080 + 1080));
  CHECK(engine::base_units(s) == 128400);
  // 8 bits of 64 rows, one row a cycle, whatever the matrix; 2 pipeline stages.
  for (const auto id : {Op::q, Op::k, Op::v, Op::o, Op::gate, Op::up, Op::down}) {
    CHECK(op(e.decode, id).compute.value() == 512);
    CHECK(total_cycles(op(e.decode, id)).value() == 514);
  }
  // Scores: 4,096 / 64 positions x 4 query heads, and 6; then 97 of synchronization.
  CHECK(total_cycles(op(e.decode, Op::scores)).value() == 256 + 6);
  CHECK(e.epoch.value() == 514 + 262 + 97);
  CHECK(e.chip.throughput.value() == Approx(1.5e9 / 873));
  CHECK(e.decode_capacity.max_context == 4096);
  // 0.07 um^2 a weight with 15 % and 12 % of overheads: 187.6 mm^2 at 0.045 a bit.
  CHECK(e.common.content.layers_area.value() == Approx(2 * 2084044800.0 * 0.045e-12));
}
