// The journal of a search as the search uses it. A search is worked out anew from its seed; what it asked of the model
// is remembered, and what came from outside (silicon, agents) is given back in the order in which it came. So a search
// that was killed takes the same way again, quickly, until it is where it was.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "search/fitness.hpp"
#include "search/journal.hpp"

namespace perfmodel {

class SearchRecord {
 public:
  // `identity` says what search this is. Throws InputError where the folder's journal is of another one. Without folder
  // nothing is kept.
  SearchRecord(const std::string& folder, const std::string& identity);

  // What the model said of a design in an earlier run.
  [[nodiscard]] std::optional<Fitness> score(const std::string& key) const;
  void add_score(const std::string& key, const Fitness& fitness);

  // The next event of a kind ("silicon", "agent") of an earlier run: JSON text.
  std::optional<std::string> next(const std::string& kind);
  // On the disk when it returns.
  void add(const std::string& kind, const std::string& json, double elapsed);

  // Seconds that the search had run when it last said.
  [[nodiscard]] double elapsed() const { return elapsed_; }
  [[nodiscard]] bool resumed() const { return resumed_; }

 private:
  void read(const std::string& line);

  std::unique_ptr<Journal> journal_;
  std::unordered_map<std::string, Fitness> scores_;
  std::map<std::string, std::deque<std::string>> events_;
  double elapsed_ = 0;
  bool resumed_ = false;
};

}  // namespace perfmodel
