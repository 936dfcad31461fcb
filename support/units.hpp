// Physical quantities as types: time, cycles, bytes, floating-point operations, energy, and what products and
// quotients of them give. Inside the library everything is in SI base units (seconds, bytes, joules) and cycles;
// conversion happens in the readers (parse_quantity) and in the printers (support/format.hpp) only.
#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace perfmodel {

// Exponents of the five base dimensions. Clock cycles are a dimension of their own, so a frequency is cycles per
// second and a time cannot be mistaken for a cycle count.
struct Dimension {
  int time = 0;
  int cycle = 0;
  int byte = 0;
  int flop = 0;
  int energy = 0;

  constexpr bool operator==(const Dimension&) const = default;
  constexpr Dimension operator+(const Dimension& o) const {
    return {time + o.time, cycle + o.cycle, byte + o.byte, flop + o.flop, energy + o.energy};
  }
  constexpr Dimension operator-(const Dimension& o) const {
    return {time - o.time, cycle - o.cycle, byte - o.byte, flop - o.flop, energy - o.energy};
  }
};

// A number with a dimension known at compile time. Construction from double is explicit and takes the SI value;
// si() gives it back. A quotient or product without dimension left is a plain double.
template <Dimension D>
class Quantity {
 public:
  static constexpr Dimension dimension = D;

  constexpr Quantity() = default;
  constexpr explicit Quantity(double si) : si_(si) {}

  [[nodiscard]] constexpr double si() const { return si_; }

  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity operator-() const { return Quantity(-si_); }
  constexpr Quantity& operator+=(Quantity o) { return si_ += o.si_, *this; }
  constexpr Quantity& operator-=(Quantity o) { return si_ -= o.si_, *this; }
  constexpr Quantity& operator*=(double factor) { return si_ *= factor, *this; }
  constexpr Quantity& operator/=(double divisor) { return si_ /= divisor, *this; }

  friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(a.si_ + b.si_); }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(a.si_ - b.si_); }
  friend constexpr Quantity operator*(Quantity a, double factor) { return Quantity(a.si_ * factor); }
  friend constexpr Quantity operator*(double factor, Quantity a) { return Quantity(factor * a.si_); }
  friend constexpr Quantity operator/(Quantity a, double divisor) { return Quantity(a.si_ / divisor); }

 private:
  double si_ = 0.0;
};

namespace detail {
template <Dimension D>
constexpr auto make_quantity(double si) {
  if constexpr (D == Dimension{}) {
    return si;
  } else {
    return Quantity<D>(si);
  }
}
}  // namespace detail

template <Dimension A, Dimension B>
constexpr auto operator*(Quantity<A> a, Quantity<B> b) {
  return detail::make_quantity<A + B>(a.si() * b.si());
}

template <Dimension A, Dimension B>
constexpr auto operator/(Quantity<A> a, Quantity<B> b) {
  return detail::make_quantity<A - B>(a.si() / b.si());
}

template <Dimension D>
constexpr auto operator/(double a, Quantity<D> b) {
  return detail::make_quantity<Dimension{} - D>(a / b.si());
}

using Seconds = Quantity<Dimension{.time = 1}>;
using Cycles = Quantity<Dimension{.cycle = 1}>;
using Bytes = Quantity<Dimension{.byte = 1}>;
using Flops = Quantity<Dimension{.flop = 1}>;  // operations, not a rate: a multiply-add counts two
using Joules = Quantity<Dimension{.energy = 1}>;

using Hertz = Quantity<Dimension{.time = -1, .cycle = 1}>;  // clock cycles a second
using Watts = Quantity<Dimension{.time = -1, .energy = 1}>;
using BytesPerSecond = Quantity<Dimension{.time = -1, .byte = 1}>;
using FlopsPerSecond = Quantity<Dimension{.time = -1, .flop = 1}>;
using PerSecond = Quantity<Dimension{.time = -1}>;
using PerCycle = Quantity<Dimension{.cycle = -1}>;  // instructions, lanes or items a clock
using BytesPerCycle = Quantity<Dimension{.cycle = -1, .byte = 1}>;
using FlopsPerCycle = Quantity<Dimension{.cycle = -1, .flop = 1}>;
using OpsPerCycle = PerCycle;
using JoulesPerFlop = Quantity<Dimension{.flop = -1, .energy = 1}>;
using JoulesPerByte = Quantity<Dimension{.byte = -1, .energy = 1}>;
using JoulesPerCycle = Quantity<Dimension{.cycle = -1, .energy = 1}>;
using FlopsPerByte = Quantity<Dimension{.byte = -1, .flop = 1}>;

// A quantity read from text: its value in SI units and its dimension. With a fault, error says what is wrong
// (lower case, no period) and offset where in the text [bytes]; value and dimension mean nothing then.
struct ParsedQuantity {
  double si = 0.0;
  Dimension dimension;
  std::string error;
  std::size_t offset = 0;

  [[nodiscard]] bool ok() const { return error.empty(); }
};

// Reads "3.35 TB/s", "50 MiB", "1980 MHz", "0.8 pJ/FLOP", "64 /clk", "700 W", "1.5 us", "5 clk".
// GB is 1e9 bytes, GiB 2^30. A number without unit, an unknown unit or prefix, NaN and infinities are faults.
ParsedQuantity parse_quantity(std::string_view text);

// The same, and a fault if the dimension is not the one wanted; the message names both.
ParsedQuantity parse_quantity(std::string_view text, const Dimension& wanted);

// The dimension in the units of the table: "B/s", "clk", "FLOP/clk", "1/s"; "a plain number" without any.
std::string dimension_name(const Dimension& dimension);

}  // namespace perfmodel
