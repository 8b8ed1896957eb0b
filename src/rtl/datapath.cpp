// SPDX-License-Identifier: Apache-2.0
#include <tomestimate/rtl/datapath.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "comment.hpp"

namespace tomestimate::rtl {
namespace {

// ---- Verilog ----

// Products that wait to be aligned, a signed tree and an accumulator. A negative product is
// inverted, and the count of them added to the tree's sum.
constexpr std::string_view mvu_text = R"(module @module@ (
  input  wire clock,
  input  wire ternary,
  input  wire clear,
  input  wire [8*@width@-1:0] activations,
  input  wire [8*@width@-1:0] operands,
  output reg  [47:0] sum
);
  localparam WIDTH = @width@, LEVELS = @levels@, P = 37, T = 14, S = 48;
  reg [8*WIDTH-1:0] a, b;
  reg weights, clear1, clear2, clear3;
  reg [T*WIDTH-1:0] product;
  wire [T*WIDTH-1:0] product_next;
  genvar i, l;
  generate for (i = 0; i < WIDTH; i = i + 1) begin : lane
    wire [7:0] x = a[8*i +: 8];
    wire [7:0] y = b[8*i +: 8];
    // Mantissa with its hidden bit, and exponent counted from the smallest one.
    wire [3:0] mx = {|x[6:3], x[2:0]};
    wire [3:0] ex = |x[6:3] ? x[6:3] - 4'd1 : 4'd0;
    wire [3:0] my = weights ? {|y[1:0], 3'b000} : {|y[6:3], y[2:0]};
    wire [3:0] ey = weights ? 4'd6 : |y[6:3] ? y[6:3] - 4'd1 : 4'd0;
    wire sy = weights ? y[1] : y[7];
    wire [7:0] m = mx * my;
    wire [4:0] e = ex + ey;
    assign product_next[T*i +: T] = {x[7] ^ sy, e, m};
    wire [35:0] magnitude = {28'd0, product[T*i +: 8]} << product[T*i+8 +: 5];
    wire negative = product[T*i+13];
    wire [P-1:0] value = negative ? {1'b1, ~magnitude} : {1'b0, magnitude};
  end endgenerate
)";

// A product is the activation, 0, or the activation inverted, and the count of these added to the
// tree's sum.
constexpr std::string_view mvu_int8_text = R"(module @module@ (
  input  wire clock,
  input  wire clear,
  input  wire [8*@width@-1:0] activations,
  input  wire [8*@width@-1:0] operands,
  output reg  [31:0] sum
);
  localparam WIDTH = @width@, LEVELS = @levels@, P = 8, T = 9, S = 32;
  reg [8*WIDTH-1:0] a, b;
  reg clear1, clear2, clear3;
  reg [T*WIDTH-1:0] product;
  wire [T*WIDTH-1:0] product_next;
  genvar i, l;
  generate for (i = 0; i < WIDTH; i = i + 1) begin : lane
    wire [7:0] x = a[8*i +: 8];
    wire plus = b[8*i];
    wire minus = b[8*i+1];
    assign product_next[T*i +: T] = {minus, ({8{plus}} & x) | ({8{minus}} & ~x)};
    wire negative = product[T*i+8];
    wire [P-1:0] value = product[T*i +: 8];
  end endgenerate
)";

constexpr std::string_view l_unit_text = R"(module @module@ (
  input  wire clock,
  input  wire clear,
  input  wire [3:0] zero,
  input  wire [16*@width@-1:0] activations,
  input  wire [4*@width@-1:0] operands,
  output reg  [55:0] sum
);
  localparam WIDTH = @width@, LEVELS = @levels@, P = 46, T = 21, S = 56;
  reg [16*WIDTH-1:0] a;
  reg [4*WIDTH-1:0] b;
  reg [3:0] z;
  reg clear1, clear2, clear3;
  reg [T*WIDTH-1:0] product;
  wire [T*WIDTH-1:0] product_next;
  genvar i, l;
  generate for (i = 0; i < WIDTH; i = i + 1) begin : lane
    wire [15:0] x = a[16*i +: 16];
    wire [4:0] d = {1'b0, b[4*i +: 4]} - {1'b0, z};
    wire [3:0] md = d[4] ? ~d[3:0] + 4'd1 : d[3:0];
    wire [10:0] mx = {|x[14:10], x[9:0]};
    wire [4:0] ex = |x[14:10] ? x[14:10] - 5'd1 : 5'd0;
    wire [14:0] m = mx * md;
    assign product_next[T*i +: T] = {x[15] ^ d[4], ex, m};
    wire [44:0] magnitude = {30'd0, product[T*i +: 15]} << product[T*i+15 +: 5];
    wire negative = product[T*i+20];
    wire [P-1:0] value = negative ? {1'b1, ~magnitude} : {1'b0, magnitude};
  end endgenerate
)";

constexpr std::string_view tree_text =
    R"(  generate for (l = 0; l <= LEVELS; l = l + 1) begin : level
    wire [(P+l)*(WIDTH>>l)-1:0] value;
    wire [(l+1)*(WIDTH>>l)-1:0] negatives;
    for (i = 0; i < (WIDTH>>l); i = i + 1) begin : node
      if (l == 0) begin : leaf
        assign value[P*i +: P] = lane[i].value;
        assign negatives[i] = lane[i].negative;
      end else begin : inner
        assign value[(P+l)*i +: P+l] =
          {level[l-1].value[(P+l-1)*(2*i+1)-1], level[l-1].value[(P+l-1)*(2*i) +: P+l-1]} +
          {level[l-1].value[(P+l-1)*(2*i+2)-1], level[l-1].value[(P+l-1)*(2*i+1) +: P+l-1]};
        assign negatives[(l+1)*i +: l+1] =
          level[l-1].negatives[l*(2*i) +: l] + level[l-1].negatives[l*(2*i+1) +: l];
      end
    end
  end endgenerate
  reg [P+LEVELS-1:0] tree;
  reg [LEVELS:0] negatives;
  wire [S-1:0] total = {{(S-P-LEVELS){tree[P+LEVELS-1]}}, tree} + negatives;
  always @(posedge clock) begin
@load@    product <= product_next;
    tree <= level[LEVELS].value;
    negatives <= level[LEVELS].negatives;
    clear1 <= clear;
    clear2 <= clear1;
    clear3 <= clear2;
    sum <= clear3 ? total : sum + total;
  end
endmodule
)";

constexpr std::string_view add_text = R"(module @module@ (
  input  wire [@e@+@m@:0] a,
  input  wire [@e@+@m@:0] b,
  output wire [@e@+@m@:0] y
);
  localparam E = @e@, M = @m@;
  wire swap = a[E+M-1:0] < b[E+M-1:0];
  wire [E+M:0] greater = swap ? b : a;
  wire [E+M:0] lesser = swap ? a : b;
  wire greater_normal = |greater[E+M-1:M];
  wire lesser_normal = |lesser[E+M-1:M];
  wire [E-1:0] greater_e = greater_normal ? greater[E+M-1:M] : {{(E-1){1'b0}}, 1'b1};
  wire [E-1:0] lesser_e = lesser_normal ? lesser[E+M-1:M] : {{(E-1){1'b0}}, 1'b1};
  wire [E-1:0] distance = greater_e - lesser_e;
  // Three bits below the last one: guard, round, and whether anything is left of the rest.
  wire [2*M+3:0] shifted = {lesser_normal, lesser[M-1:0], {(M+3){1'b0}}} >> distance;
  wire rest = distance > M + 3 ? lesser_normal | (|lesser[M-1:0]) : |shifted[M:0];
  wire [M+3:0] x = {greater_normal, greater[M-1:0], 3'b000};
  wire [M+3:0] z = {shifted[2*M+3:M+1], rest};
  wire subtract = a[E+M] ^ b[E+M];
  wire [M+4:0] t = subtract ? {1'b0, x} - {1'b0, z} : {1'b0, x} + {1'b0, z};
  reg [E-1:0] zeros;
  integer k;
  always @* begin
    zeros = M + 4;
    for (k = 0; k <= M + 3; k = k + 1) if (t[k]) zeros = M + 3 - k;
  end
  wire [E-1:0] left = zeros >= greater_e ? greater_e - 1'b1 : zeros;
  wire [M+3:0] normal = t[M+4] ? {t[M+4:2], t[1] | t[0]} : t[M+3:0] << left;
  wire [E:0] e = t[M+4] ? {1'b0, greater_e} + 1'b1 : normal[M+3] ? {1'b0, greater_e} - left : {(E+1){1'b0}};
  wire up = normal[2] & (normal[3] | normal[1] | normal[0]);
  wire [E+M:0] rounded = {e, normal[M+2:3]} + up;
  wire infinite = &rounded[E+M-1:M] | rounded[E+M];
  wire sign = t == 0 ? a[E+M] & b[E+M] : greater[E+M];
  assign y = {sign, infinite ? {{E{1'b1}}, {M{1'b0}}} : rounded[E+M-1:0]};
endmodule
)";

constexpr std::string_view multiply_text = R"(module @module@ (
  input  wire [@e@+@m@:0] a,
  input  wire [@e@+@m@:0] b,
  output wire [@e@+@m@:0] y
);
  localparam E = @e@, M = @m@, B = (1 << (E-1)) - 1, W = 2*M + 2;
  wire a_normal = |a[E+M-1:M];
  wire b_normal = |b[E+M-1:M];
  wire [M:0] am = {a_normal, a[M-1:0]};
  wire [M:0] bm = {b_normal, b[M-1:0]};
  wire [W-1:0] p = am * bm;
  wire signed [E+2:0] ea = a_normal ? a[E+M-1:M] : 1;
  wire signed [E+2:0] eb = b_normal ? b[E+M-1:M] : 1;
  reg [E+1:0] zeros;
  integer k;
  always @* begin
    zeros = W;
    for (k = 0; k < W; k = k + 1) if (p[k]) zeros = W - 1 - k;
  end
  // The exponent if the product is made normal; below 1 the result is subnormal.
  wire signed [E+2:0] e0 = ea + eb - B + 1 - $signed({1'b0, zeros});
  wire subnormal = e0 < 1;
  wire signed [E+2:0] below = 1 - e0;
  wire [E+2:0] right = below > W ? W : below;
  wire [W-1:0] normal = p << zeros;
  wire [W-1:0] aligned = subnormal ? normal >> right : normal;
  wire lost = subnormal & ((aligned << right) != normal);
  wire [E:0] e = subnormal ? 0 : e0[E:0];
  wire up = aligned[M] & (aligned[M+1] | (|aligned[M-1:0]) | lost);
  wire [E+M:0] rounded = {e, aligned[2*M:M+1]} + up;
  wire infinite = (!subnormal & e0 >= (1 << E) - 1) | (&rounded[E+M-1:M]) | rounded[E+M];
  assign y = {a[E+M] ^ b[E+M],
              p == 0 ? {(E+M){1'b0}} : infinite ? {{E{1'b1}}, {M{1'b0}}} : rounded[E+M-1:0]};
endmodule
)";

constexpr std::string_view integer_text = R"(module @module@ (
  input  wire [@in@-1:0] a,
  input  wire [@in@-1:0] b,
  output wire [@out@-1:0] y
);
  assign y = a @operator@ b;
endmodule
)";

using Names = std::vector<std::pair<std::string_view, std::string>>;

// The text with every @name@ replaced.
std::string fill(std::string_view text, const Names& names) {
  std::string out(text);
  for (const auto& [name, value] : names) {
    const auto mark = fmt::format("@{}@", name);
    for (auto at = out.find(mark); at != std::string::npos; at = out.find(mark, at + value.size()))
      out.replace(at, mark.size(), value);
  }
  return out;
}

std::string lanes_verilog(std::string_view text, std::string_view load, std::size_t width,
                          const std::string& module) {
  const auto levels = static_cast<std::size_t>(std::bit_width(width)) - 1;
  return fill(std::string(text) + std::string(tree_text), {{"module", module},
                                                           {"width", fmt::format("{}", width)},
                                                           {"levels", fmt::format("{}", levels)},
                                                           {"load", std::string(load)}});
}

// ---- the model ----

// Bits of a unit's formats.
struct Shape {
  int a;  // bits of a code
  int b;
  int answer;
  int exponent = 0;  // of floating-point units, and of a unit with lanes' activations
  int mantissa = 0;
};

Shape shape(Unit unit) {
  switch (unit) {
    case Unit::mvu:
      return {8, 8, 48, 4, 3};
    case Unit::l_unit:
      return {16, 4, 56, 5, 10};
    case Unit::fp16_add:
    case Unit::fp16_multiply:
      return {16, 16, 16, 5, 10};
    case Unit::fp32_add:
    case Unit::fp32_multiply:
      return {32, 32, 32, 8, 23};
    case Unit::int32_add:
      return {32, 32, 32};
    case Unit::int8_multiply:
      return {8, 8, 16};
    case Unit::mvu_int8:
      return {8, 8, 32};
  }
  return {};
}

// A code as a whole number of the format's smallest subnormals.
std::int64_t fixed_point(std::uint32_t code, int exponent, int mantissa) {
  const auto e = static_cast<int>((code >> mantissa) & ((1u << exponent) - 1));
  auto m = static_cast<std::int64_t>(code & ((1u << mantissa) - 1));
  if (e > 0) m = (m + (std::int64_t{1} << mantissa)) << (e - 1);
  return (code >> (exponent + mantissa) & 1) != 0 ? -m : m;
}

double decode(std::uint32_t code, int exponent, int mantissa) {
  const int bias = (1 << (exponent - 1)) - 1;
  const double magnitude = std::ldexp(
      static_cast<double>(std::abs(fixed_point(code, exponent, mantissa))), 1 - bias - mantissa);
  return std::copysign(magnitude, (code >> (exponent + mantissa) & 1) != 0 ? -1.0 : 1.0);
}

// The code of a magnitude, to nearest even, as if there were no largest number.
std::uint32_t round_magnitude(double magnitude, int exponent, int mantissa) {
  if (magnitude == 0) return 0;
  const int bias = (1 << (exponent - 1)) - 1;
  int e = 0;
  std::frexp(magnitude, &e);
  e = std::max(e - 1, 1 - bias);
  const auto steps =
      static_cast<std::uint32_t>(std::nearbyint(std::ldexp(magnitude, mantissa - e)));
  // The hidden bit, and a carry out of the mantissa, raise the exponent by themselves.
  return (static_cast<std::uint32_t>(e + bias - 1) << mantissa) + steps;
}

std::uint32_t sign_code(double value, int exponent, int mantissa) {
  return std::signbit(value) ? 1u << (exponent + mantissa) : 0u;
}

// To infinity above the largest number.
std::uint32_t round_code(double value, int exponent, int mantissa) {
  const auto infinity = ((1u << exponent) - 1) << mantissa;
  return sign_code(value, exponent, mantissa) |
         std::min(round_magnitude(std::abs(value), exponent, mantissa), infinity);
}

std::uint32_t float_code(float x) { return std::bit_cast<std::uint32_t>(x); }
float code_float(std::uint32_t x) { return std::bit_cast<float>(x); }

std::uint64_t answer_of(Unit unit, std::uint32_t a, std::uint32_t b) {
  switch (unit) {
    case Unit::fp16_add:
      return round_code(decode(a, 5, 10) + decode(b, 5, 10), 5, 10);
    case Unit::fp16_multiply:
      return round_code(decode(a, 5, 10) * decode(b, 5, 10), 5, 10);
    case Unit::fp32_add:
      return float_code(code_float(a) + code_float(b));
    case Unit::fp32_multiply:
      return float_code(code_float(a) * code_float(b));
    case Unit::int32_add:
      return a + b;
    default:
      return a * b;
  }
}

std::int64_t dot(Unit unit, const UnitVector& v) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < v.a.size(); ++i) {
    const auto b = static_cast<std::int64_t>(v.b[i]);
    if (unit == Unit::mvu_int8)
      sum += static_cast<std::int8_t>(v.a[i]) * (b == 0 ? 0 : b == 1 ? 1 : -1);
    else if (unit == Unit::l_unit)
      sum += fixed_point(v.a[i], 5, 10) * (b - v.zero);
    else if (v.ternary)  // a weight of 1 is 2^9 smallest E4M3 subnormals
      sum += fixed_point(v.a[i], 4, 3) * (b == 0 ? 0 : b == 1 ? 512 : -512);
    else
      sum += fixed_point(v.a[i], 4, 3) * fixed_point(v.b[i], 4, 3);
  }
  return sum;
}

// A code that is a number.
std::uint32_t draw(Unit unit, int bits, std::mt19937_64& random) {
  const auto s = shape(unit);
  while (true) {
    const auto code = static_cast<std::uint32_t>(random() >> (64 - bits));
    if (s.exponent == 0 || bits != s.a) return code;
    const auto top = (1u << s.exponent) - 1;
    const bool all = (code >> s.mantissa & top) == top;
    const bool nan = s.exponent == 4 ? (code & 0x7f) == 0x7f : all;
    if (!nan) return code;
  }
}

// Operands of floating point whose exponents lie far apart hide what near ones show: of one
// exponent, of equal magnitude and unlike signs, or both -0.
void relate(std::uint32_t& a, std::uint32_t& b, std::size_t i, const Shape& s,
            std::mt19937_64& random) {
  const auto sign = std::uint32_t{1} << (s.a - 1);
  if (i % 64 == 31) a = sign;
  b = i % 64 == 31   ? sign
      : i % 64 == 63 ? a ^ sign
                     : a ^ static_cast<std::uint32_t>(random() >> (64 - s.mantissa)) ^
                           (random() >> 63 != 0 ? sign : 0);
}

}  // namespace

bool is_lane_count(std::size_t width) {
  return width >= 2 && width <= 1024 && std::has_single_bit(width);
}

std::string unit_verilog(Unit unit, std::size_t width, const std::string& module,
                         const std::string& comment) {
  const auto s = shape(unit);
  const auto bits = [](int n) { return fmt::format("{}", n); };
  const Names names{{"module", module},      {"e", bits(s.exponent)},
                    {"m", bits(s.mantissa)}, {"in", bits(s.a)},
                    {"out", bits(s.answer)}, {"operator", unit == Unit::int32_add ? "+" : "*"}};
  const auto text = [&]() -> std::string {
    switch (unit) {
      case Unit::mvu:
        return lanes_verilog(mvu_text,
                             "    a <= activations;\n    b <= operands;\n    weights <= ternary;\n",
                             width, module);
      case Unit::mvu_int8:
        return lanes_verilog(mvu_int8_text, "    a <= activations;\n    b <= operands;\n", width,
                             module);
      case Unit::l_unit:
        return lanes_verilog(l_unit_text,
                             "    a <= activations;\n    b <= operands;\n    z <= zero;\n", width,
                             module);
      case Unit::fp16_add:
      case Unit::fp32_add:
        return fill(add_text, names);
      case Unit::fp16_multiply:
      case Unit::fp32_multiply:
        return fill(multiply_text, names);
      default:
        return fill(integer_text, names);
    }
  };
  return commented(comment) + text();
}

void answer(Unit unit, std::vector<UnitVector>& vectors) {
  const auto mask = ~std::uint64_t{0} >> (64 - shape(unit).answer);
  std::int64_t sum = 0;
  for (auto& v : vectors) {
    if (!has_lanes(unit)) {
      v.answer = answer_of(unit, v.a[0], v.b[0]) & mask;
      continue;
    }
    sum = (v.clear ? 0 : sum) + dot(unit, v);
    v.answer = static_cast<std::uint64_t>(sum) & mask;
  }
}

std::vector<UnitVector> random_vectors(Unit unit, std::size_t width, std::size_t count,
                                       std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto s = shape(unit);
  std::vector<UnitVector> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto& v = out[i];
    v.clear = i % 4 == 0;
    v.ternary = unit == Unit::mvu_int8 || (unit == Unit::mvu && i / 4 % 2 == 0);
    v.zero = static_cast<std::uint8_t>(random() >> 60);
    for (std::size_t lane = 0; lane < (has_lanes(unit) ? width : 1); ++lane) {
      v.a.push_back(draw(unit, s.a, random));
      v.b.push_back(v.ternary ? static_cast<std::uint32_t>(random() % 3) : draw(unit, s.b, random));
      if (s.exponent > 0 && !has_lanes(unit) && i % 2 == 1)
        relate(v.a.back(), v.b.back(), i, s, random);
    }
  }
  answer(unit, out);
  return out;
}

std::string unit_testbench(Unit unit, std::size_t width, const std::vector<UnitVector>& vectors,
                           const std::string& module, const std::string& comment) {
  const auto s = shape(unit);
  const auto lanes = has_lanes(unit) ? width : 1;
  // A code list as one hexadecimal number, the first code in its low end.
  const auto hex = [](const std::vector<std::uint32_t>& codes, int bits) {
    std::string digits;
    for (auto c = codes.rbegin(); c != codes.rend(); ++c)
      digits += fmt::format("{:0{}x}", *c, bits / 4);
    return fmt::format("{}'h{}", codes.size() * static_cast<std::size_t>(bits), digits);
  };
  std::string calls;
  for (const auto& v : vectors)
    calls += fmt::format("    check({}, {}, 4'd{}, {}, {}, {}'h{:x});\n", int(v.clear),
                         int(v.ternary), v.zero, hex(v.a, s.a), hex(v.b, s.b), s.answer, v.answer);
  const bool clocked = has_lanes(unit);
  static constexpr std::string_view text = R"(module @module@_testbench;
  reg clock, clear, ternary;
  reg [3:0] zero;
  reg [@abits@-1:0] a;
  reg [@bbits@-1:0] b;
  wire [@ybits@-1:0] y;
  reg [@ybits@-1:0] wanted [0:@latency@];
  integer errors, at, k;

  @module@ unit (@ports@);

  task check;
    input first;
    input weights;
    input [3:0] offset;
    input [@abits@-1:0] left;
    input [@bbits@-1:0] right;
    input [@ybits@-1:0] expected;
    begin
      clear = first;
      ternary = weights;
      zero = offset;
      a = left;
      b = right;
      for (k = @latency@; k > 0; k = k - 1) wanted[k] = wanted[k-1];
      wanted[0] = expected;
      #1 clock = 1;
      #1 clock = 0;
      if (at >= @latency@ && y !== wanted[@latency@]) begin
        errors = errors + 1;
        $display("vector %0d: read %h, expected %h", at - @latency@, y, wanted[@latency@]);
      end
      at = at + 1;
    end
  endtask

  initial begin
    clock = 0;
    errors = 0;
    at = 0;
@calls@    if (errors == 0)
      $display("PASS: @count@ vectors");
    else
      $display("FAIL: %0d of @count@ vectors differ", errors);
    $finish;
  end
endmodule
)";
  // What is under way when the vectors end is pushed out by repeating the last one.
  if (clocked && !vectors.empty()) {
    const auto& last = vectors.back();
    for (int i = 0; i < 3; ++i)
      calls += fmt::format("    check(1, {}, 4'd{}, {}, {}, {}'h0);\n", int(last.ternary),
                           last.zero, hex(last.a, s.a), hex(last.b, s.b), s.answer);
  }
  const auto ports =
      unit == Unit::mvu ? ".clock(clock), .ternary(ternary), .clear(clear), .activations(a), "
                          ".operands(b), .sum(y)"
      : unit == Unit::mvu_int8
          ? ".clock(clock), .clear(clear), .activations(a), .operands(b), .sum(y)"
      : unit == Unit::l_unit ? ".clock(clock), .clear(clear), .zero(zero), .activations(a), "
                               ".operands(b), .sum(y)"
                             : ".a(a), .b(b), .y(y)";
  const auto bits = [&](int n) { return fmt::format("{}", lanes * static_cast<std::size_t>(n)); };
  return commented(comment) + fill(text, {{"module", module},
                                          {"abits", bits(s.a)},
                                          {"bbits", bits(s.b)},
                                          {"ybits", fmt::format("{}", s.answer)},
                                          {"latency", clocked ? "3" : "0"},
                                          {"ports", ports},
                                          {"calls", calls},
                                          {"count", fmt::format("{}", vectors.size())}});
}

std::uint32_t encode_float(double value, int exponent, int mantissa) {
  const auto top = ((1u << exponent) - 1) << mantissa;
  const auto largest = exponent == 4 ? top + 6 : top - 1;  // E4M3 has no infinity, and one NaN
  return sign_code(value, exponent, mantissa) |
         std::min(round_magnitude(std::abs(value), exponent, mantissa), largest);
}

}  // namespace tomestimate::rtl
