#include "workloads/instruction_tally.hpp"

namespace perfmodel {

InstructionTally read_tally(YamlMap& map, const char* key) {
  InstructionTally tally;
  if (!map.has(key)) return tally;
  YamlMap counts = map.map(key);
  const auto count = [&](const char* pipe) {
    return counts.has(pipe) ? counts.number(pipe, NumberRange::not_negative()) : 0.0;
  };
  tally = {count("alu"), count("fma"), count("xu"), count("all")};
  counts.finish();
  return tally;
}

}  // namespace perfmodel
