// One constant of a machine with where it comes from, and a type-erased handle on one for the code that treats all
// constants alike: loader, checks, what-if settings, sweeps, the fit and the sensitivity analysis.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "support/units.hpp"

namespace perfmodel {

// Where a constant comes from. `absent` marks one that the machine does not have or no file gives.
enum class Origin : std::uint8_t { absent, datasheet, measured, derived, published, assumed, fitted };

// "datasheet", "measured", ...
std::string_view origin_name(Origin origin);

// Q is a strong unit, double (a ratio or a number of slots) or std::int64_t (a count).
template <class Q>
struct Constant {
  Q value{};
  Origin source = Origin::absent;
  std::string ref;  // the document, probe or reasoning behind the value

  [[nodiscard]] bool present() const { return source != Origin::absent; }
};

namespace detail {
template <class Q>
constexpr Dimension constant_dimension() {
  if constexpr (std::is_arithmetic_v<Q>) {
    return Dimension{};
  } else {
    return Q::dimension;
  }
}

template <class Q>
double constant_si(const Q& value) {
  if constexpr (std::is_arithmetic_v<Q>) {
    return static_cast<double>(value);
  } else {
    return value.si();
  }
}

template <class Q>
Q constant_from_si(double si) {
  if constexpr (std::is_integral_v<Q>) {
    return static_cast<Q>(std::llround(si));
  } else {
    return Q(si);
  }
}
}  // namespace detail

// A handle on one Constant<Q> whatever its Q; values in SI units. Valid as long as the machine it points into.
class ConstantRef {
 public:
  template <class Q>
  explicit ConstantRef(Constant<Q>& constant)
      : value_(&constant.value), source_(&constant.source), ref_(&constant.ref), type_(&type_of<Q>) {}

  [[nodiscard]] double get() const { return type_->get(value_); }
  void set(double si) { type_->set(value_, si); }
  void set(double si, Origin source, std::string ref) {
    set(si);
    *source_ = source;
    *ref_ = std::move(ref);
  }

  [[nodiscard]] bool present() const { return *source_ != Origin::absent; }
  [[nodiscard]] Origin source() const { return *source_; }
  [[nodiscard]] const std::string& ref() const { return *ref_; }
  [[nodiscard]] const Dimension& dimension() const { return type_->dimension; }
  [[nodiscard]] bool integral() const { return type_->integral; }

 private:
  struct Type {
    Dimension dimension;
    bool integral;
    double (*get)(const void*);
    void (*set)(void*, double);
  };

  template <class Q>
  static constexpr Type type_of{
      detail::constant_dimension<Q>(), std::is_integral_v<Q>,
      [](const void* value) { return detail::constant_si(*static_cast<const Q*>(value)); },
      [](void* value, double si) { *static_cast<Q*>(value) = detail::constant_from_si<Q>(si); }};

  void* value_;
  Origin* source_;
  std::string* ref_;
  const Type* type_;
};

}  // namespace perfmodel
