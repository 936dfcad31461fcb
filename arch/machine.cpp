#include "arch/machine.hpp"

#include <algorithm>

namespace perfmodel {

namespace {

template <class Named>
std::optional<int> index_of(const std::vector<Named>& all, std::string_view name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Named& one) { return one.name == name; });
  return found == all.end() ? std::nullopt : std::optional<int>(static_cast<int>(found - all.begin()));
}

}  // namespace

std::string_view origin_name(Origin origin) {
  switch (origin) {
    case Origin::absent: return "absent";
    case Origin::datasheet: return "datasheet";
    case Origin::measured: return "measured";
    case Origin::derived: return "derived";
    case Origin::published: return "published";
    case Origin::assumed: return "assumed";
    case Origin::fitted: return "fitted";
  }
  return "";
}

std::string_view tensor_generation_name(TensorGeneration generation) {
  switch (generation) {
    case TensorGeneration::mma: return "mma";
    case TensorGeneration::wgmma: return "wgmma";
    case TensorGeneration::tcgen05: return "tcgen05";
  }
  return "";
}

const CodeCounts* Machine::find_code(std::string_view name) const {
  for (const CodeCounts& counts : code) {
    if (counts.name == name) {
      return &counts;
    }
  }
  return nullptr;
}

std::optional<int> Machine::find_pipe(std::string_view pipe) const { return index_of(pipes, pipe); }

std::optional<int> Machine::find_instruction(std::string_view instruction) const {
  return index_of(instructions, instruction);
}

}  // namespace perfmodel
