// A line of the oracle's protocol (docs/oracle.md) read: a definition that later lines refer to, or a question.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "search/oracle.hpp"

namespace perfmodel {

inline constexpr std::size_t longest_line = std::size_t{1} << 20U;
inline constexpr std::size_t deepest_nesting = 16;
inline constexpr std::size_t most_definitions = 1000;

// What a line's `id` is: echoed with its answer.
using RequestId = std::variant<std::monostate, std::string, std::int64_t, std::uint64_t, double>;

// What questions share.
struct Definition {
  std::string name;
  Suite suite;
  std::optional<Candidate> base;  // that questions change
  ScoreOptions options;
  std::vector<std::string> columns;  // what the `values` of a question are
};
using DefinitionPtr = std::shared_ptr<const Definition>;

// All definitions so far; never changes once made, so that threads may share it.
struct Definitions {
  std::map<std::string, DefinitionPtr, std::less<>> by_name;
  DefinitionPtr latest;
};

struct Question {
  DefinitionPtr definition;  // its own, or one that it uses
  Candidate candidate;
  ScoreOptions options;
};

struct RequestFault {
  std::string message;
};

struct Request {
  RequestId id;
  std::variant<RequestFault, Question, DefinitionPtr> what;
};

// Whether a line may be a definition; true for some that are none.
bool may_define(std::string_view line);

// Reads lines; reuses its memory. One a thread.
class RequestReader {
 public:
  RequestReader();
  ~RequestReader();
  RequestReader(RequestReader&&) noexcept;

  // Never throws: what is wrong with a line is in the request.
  Request read(std::string_view line, const Definitions& known);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace perfmodel
