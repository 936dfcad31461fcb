#include "workloads/instruction_tally.hpp"

namespace perfmodel {

InstructionTally read_tally(YamlMap& map, const char* key) {
  YamlMap counts = map.optional_map(key);
  if (!counts.valid()) return {};
  const auto count = [&](const char* pipe) {
    return counts.optional_number(pipe, NumberRange::not_negative()).value_or(0.0);
  };
  const InstructionTally tally{count("alu"), count("fma"), count("xu"), count("all"), count("wide")};
  counts.finish();
  return tally;
}

}  // namespace perfmodel
