// SPDX-License-Identifier: Apache-2.0
// The least squares of the area law: by hand, on data that obeys the law, and at the border.
#include <tomestimate/rtl/area_law.hpp>

#include <cmath>
#include <random>
#include <vector>

#include "catch.hpp"

using namespace tomestimate;
using rtl::Sample;
using Samples = std::vector<Sample>;

TEST_CASE("least squares by hand") {
  // ones 1, 1, 2; bits 2, 4, 4; areas 5, 7, 9.
  // ones.ones = 1 + 1 + 4 = 6, ones.bits = 2 + 4 + 8 = 14, bits.bits = 4 + 16 + 16 = 36,
  // ones.area = 5 + 7 + 18 = 30, bits.area = 10 + 28 + 36 = 74; determinant 6*36 - 14*14 = 20.
  // of a 1-bit: (30*36 - 74*14)/20 = 44/20; of any bit: (74*6 - 30*14)/20 = 24/20.
  const auto law = rtl::fit_law(Samples{{1, 2, 5}, {1, 4, 7}, {2, 4, 9}});
  REQUIRE(law);
  CHECK(law->per_one_bit == Approx(2.2));
  CHECK(law->per_bit == Approx(1.2));
  CHECK(law->intercept == 0);
}

TEST_CASE("neither term goes below 0") {
  // ones 1, 1; bits 2, 4; areas 4, 3. Free, any bit would cost (20*2 - 7*6)/(2*20 - 36) = -1/2.
  // Without it, a 1-bit is (4 + 3)/2 = 3.5 and 0.5^2 + 0.5^2 = 0.5 is left; without 1-bits, a bit
  // is (8 + 12)/20 = 1 and 2^2 + 1^2 = 5 is left.
  const auto bits = rtl::fit_law(Samples{{1, 2, 4}, {1, 4, 3}});
  REQUIRE(bits);
  CHECK(bits->per_one_bit == Approx(3.5));
  CHECK(bits->per_bit == 0);
  // Areas that fall as the 1-bits rise: 1-bits cost nothing.
  // bits 4, 4; areas 9, 8: a bit is (36 + 32)/32.
  const auto ones = rtl::fit_law(Samples{{1, 4, 9}, {2, 4, 8}});
  REQUIRE(ones);
  CHECK(ones->per_one_bit == 0);
  CHECK(ones->per_bit == Approx(68.0 / 32));
}

TEST_CASE("the law is found again in areas that obey it, and never below 0 in those that do not") {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> draw(0, 1);
  for (int i = 0; i < 200; ++i) {
    const double a = 20 * draw(random), b = 5 * draw(random), c = 1000 * draw(random) - 500;
    Samples exact, shifted, wild;
    for (const double bits : {512.0, 2048.0, 8192.0})
      for (const double zeros : {0.2, 0.5, 0.8}) {
        const double ones = bits / 2 * (1 - zeros);
        exact.push_back({ones, bits, a * ones + b * bits});
        shifted.push_back({ones, bits, c + a * ones + b * bits});
        wild.push_back({ones, bits, 10000 * draw(random)});
      }
    const auto law = rtl::fit_law(exact);
    REQUIRE(law);
    CHECK(law->per_one_bit == Approx(a).margin(1e-9));
    CHECK(law->per_bit == Approx(b).margin(1e-9));
    const auto with = rtl::fit_law_with_intercept(shifted);
    REQUIRE(with);
    CHECK(with->per_one_bit == Approx(a).margin(1e-8));
    CHECK(with->per_bit == Approx(b).margin(1e-8));
    CHECK(with->intercept == Approx(c).margin(1e-5));
    const auto bounded = rtl::fit_law(wild);
    REQUIRE(bounded);
    CHECK(bounded->per_one_bit >= 0);
    CHECK(bounded->per_bit >= 0);
    // No neighbour with both >= 0 is better.
    const auto left = [&](const rtl::AreaLaw& l) {
      double sum = 0;
      for (const auto& s : wild) sum += std::pow(l.area(s) - s.area, 2);
      return sum;
    };
    for (const double da : {-0.01, 0.0, 0.01})
      for (const double db : {-0.01, 0.0, 0.01}) {
        const rtl::AreaLaw near{std::max(0.0, bounded->per_one_bit + da),
                                std::max(0.0, bounded->per_bit + db), 0};
        CHECK(left(near) >= left(*bounded) * (1 - 1e-12));
      }
  }
}

TEST_CASE("samples that cannot tell the terms apart give no law") {
  CHECK(!rtl::fit_law(Samples{{1, 4, 3}, {2, 8, 6}, {4, 16, 12}}));
  CHECK(!rtl::fit_law(Samples{{1, 4, 3}}));
  CHECK(!rtl::fit_law(Samples{{0, 4, 0}, {0, 8, 0}}));
  CHECK(!rtl::fit_law_with_intercept(Samples{{1, 4, 3}, {2, 4, 6}, {3, 4, 7}}));  // one size
}

TEST_CASE("entropy of ternary weights") {
  CHECK(rtl::weight_entropy(0) == Approx(1));  // a sign
  CHECK(rtl::weight_entropy(1) == 0);
  CHECK(rtl::weight_entropy(0.5) == Approx(1.5));  // 1/2*1 + 2*(1/4*2)
  CHECK(rtl::weight_entropy(1 / 3.0) == Approx(std::log2(3)));
  // 8 weights, half of them zero: 16 bits, 4 ones, 12 bit of entropy. 16 weights: 24. Areas 30 and
  // 54: k = (12*30 + 24*54)/(12*12 + 24*24) = 1656/720.
  const Samples samples{{4, 16, 30}, {8, 32, 54}};
  CHECK(rtl::fit_entropy_law(samples) == Approx(2.3));
  CHECK(rtl::entropy_law_area(2.3, samples[0]) == Approx(27.6));
}

TEST_CASE("R^2 by hand") {
  // Areas 1, 2, 3 and fits 1, 2, 4: 1 of 2 is left.
  CHECK(rtl::r_squared(Samples{{0, 0, 1}, {0, 0, 2}, {0, 0, 3}}, std::vector<double>{1, 2, 4}) ==
        Approx(0.5));
}
