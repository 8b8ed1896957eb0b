// SPDX-License-Identifier: Apache-2.0
// Laws of a bank's area, energy and leakage over height and 1-bits, fitted by least squares of
// relative errors and judged by banks that the fit has not seen.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace tomestimate::rtl {

// What the laws are fitted to, of one bank.
struct BankSample {
  double words;
  double ones_share;  // 1-bits / bits
  double bits;
  double area;      // um^2
  double in_order;  // fJ an access, addresses one after the other
  double random;    // fJ an access, addresses at random
  double leakage;   // pW
  bool held_out;
};

// Relative errors of a law, (law - measured)/measured; 0 without samples.
struct Errors {
  double rms = 0;
  double worst = 0;  // the largest, with its sign
};

struct Law {
  std::string quantity;    // "area a bit"
  std::string unit;        // "um^2/bit"
  std::string expression;  // "H*(a + b*x) + c", H and x as in `law_symbols`
  std::vector<double> coefficients;
  Errors fit;
  Errors held_out;
};

inline constexpr const char* law_symbols =
    "p is the share of 1-bits, H = -p log2 p - (1-p) log2 (1-p), x = log2(words)";

// Entropy of a bit that is 1 with probability p, in bit; 0 at 0 and 1.
double entropy(double p);

// The laws, first of each quantity the one to use: area a bit (and forms to judge it by), energy
// of an access in order and at random a um^2, leakage a um^2. A law that the samples cannot tell
// the terms of apart is left out. Samples without area are.
std::vector<Law> fit_laws(std::span<const BankSample> samples);

// Coefficients c that make the sum of (c . terms[i]/target[i] - 1)^2 least; empty if the terms
// cannot be told apart.
std::vector<double> fit_relative(const std::vector<std::vector<double>>& terms,
                                 const std::vector<double>& targets);

}  // namespace tomestimate::rtl
