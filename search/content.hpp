// Keys of content: what a score follows from, boiled down to 128 bits.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

#include "arch/machine.hpp"
#include "search/candidate.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

struct ContentKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  bool operator==(const ContentKey&) const = default;
};

// Gathers values one after the other; the key follows from their bytes.
class Content {
 public:
  template <class Value>
  Content& add(const Value& value) {
    static_assert(std::is_arithmetic_v<Value> || std::is_enum_v<Value>, "a struct has padding");
    const auto* begin = reinterpret_cast<const char*>(&value);
    bytes_.insert(bytes_.end(), begin, begin + sizeof value);
    return *this;
  }
  Content& add(std::string_view text);
  [[nodiscard]] ContentKey key() const;
  void clear() { bytes_.clear(); }

 private:
  std::vector<char> bytes_;
};

// Of the model's version, the machine's constants and the residuals of its overlay.
ContentKey key_of(const Machine& machine);
void add(Content& content, const Operator& op);
void add(Content& content, const Candidate& candidate);
void add(Content& content, const Move& move);

}  // namespace perfmodel
