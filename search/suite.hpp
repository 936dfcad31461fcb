// The problems that a candidate is scored on.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "search/content.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

inline constexpr std::size_t most_configurations = 64;

// Checked when made, and then never changed.
class Suite {
 public:
  // Throws InputError for none, for more than most_configurations, for unlike ops, and for operators without a kernel
  // to choose (blocks, overlaps, memory-bound work).
  Suite(std::string name, std::vector<Operator> configurations);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::vector<Operator>& configurations() const { return configurations_; }
  [[nodiscard]] std::size_t size() const { return configurations_.size(); }
  [[nodiscard]] const ContentKey& key() const { return key_; }

 private:
  std::string name_;
  std::vector<Operator> configurations_;
  ContentKey key_;
};

// The suites of published searches: "avo_mha", "avo_gqa4", "avo_gqa8" (arXiv 2603.24517: bf16 forward at a head
// dimension of 128, 32768 tokens, causal and not). Nothing for another name.
std::optional<Suite> shipped_suite(std::string_view name);
std::vector<std::string> shipped_suite_names();

// What counts as useful work: FLOPs; for a mask kernel its decisions.
double useful_work(const Operator& op);

}  // namespace perfmodel
