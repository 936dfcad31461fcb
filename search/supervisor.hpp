// Watches a search for stalls and unproductive cycles, and says what to do about one. The thresholds are settings
// (SupervisorSettings): so many evaluations without gain, refused designs in a row, designs in a row that were met
// before, an operator with nothing left to propose. Versions that only equal the best are let in up to so many in a
// row.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "search/evolve_file.hpp"

namespace perfmodel {

// In order of rising force; after the last the search ends.
enum class Redirection : std::uint8_t {
  none,
  widen,    // the operator forgets its failures and looks further
  rotate,   // another operator
  retreat,  // on from an earlier version, with some variables thrown anew
  give_up,
};
inline constexpr std::array<std::string_view, 5> redirection_names{"none", "widen", "rotate", "retreat", "give up"};

class Supervisor {
 public:
  Supervisor(const SupervisorSettings& settings, std::size_t operators) : settings_(settings), operators_(operators) {}

  // What came of a design.
  void judged(bool repeated, bool refused, bool committed, bool gained);
  // Whether one more version that only equals the best may be committed.
  [[nodiscard]] bool takes_equals() const { return neutral_ < settings_.neutral; }
  // The operator has nothing left to propose.
  void exhausted() { reason_ = "the operator has nothing left to propose"; }

  // What to do now; `none` while all is well. A redirection starts the counts anew; a gain starts the forces anew.
  Redirection redirect();
  // Why the last redirection.
  [[nodiscard]] const std::string& reason() const { return told_; }

 private:
  [[nodiscard]] std::string trouble() const;

  SupervisorSettings settings_;
  std::size_t operators_;
  int since_gain_ = 0;
  int refused_ = 0;
  int repeats_ = 0;
  int neutral_ = 0;
  int redirections_ = 0;  // since the last gain
  std::string reason_;
  std::string told_;
};

}  // namespace perfmodel
