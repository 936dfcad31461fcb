#include "cli/conflict.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "support/diagnostic.hpp"

namespace perfmodel {
namespace {

Location place_of(const Block& block, const std::string& name) {
  const auto found = std::ranges::find_if(block.operators, [&](const BlockOperator& op) { return op.op.name == name; });
  return found == block.operators.end() ? Location() : found->location;
}

}  // namespace

void throw_conflict(const SequenceEstimate& estimate, const Block& block, const std::string& machine) {
  if (!estimate.conflict) return;
  const Conflict& conflict = *estimate.conflict;
  Diagnostics faults;
  faults.error(place_of(block, conflict.first), fmt::format("on {}, {}", machine, conflict.message))
      .note(place_of(block, conflict.second), fmt::format("'{}' is here", conflict.second))
      .note("leave out 'ctas' and 'threads' of the mask, or 'under', and they are chosen to fit");
  throw InputError(std::move(faults));
}

}  // namespace perfmodel
