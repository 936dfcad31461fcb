// Several values of one key in one text, as sweeps take them: KEY=V1,V2,... with ranges.
//
//     seq=1024..32768*2                       1024, 2048, ... 32768
//     rng_rounds=3..10+1                      3, 4, ... 10
//     machine.dram.bandwidth=3 TB/s..5 TB/s+0.5 TB/s
//     machine.pipes.xu.rate=*1,*2,*4          factors of what stands there; *1..*4*2 is the same
//
// Commas within brackets and parentheses belong to the value.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/diagnostic.hpp"

namespace perfmodel {

struct ListedValue {
  std::string text;              // as written, without the star of a factor: "4096", "3.5 TB/s", "fused"
  std::optional<double> factor;  // the value multiplies what stands at the key
  Location where;
};

struct ValueList {
  std::string key;
  Location key_location;
  std::vector<ListedValue> values;  // at least one
};

// Most values of one list.
inline constexpr std::size_t most_listed_values = 1000;

// `option` stands for the file name in messages, as "--sweep:1:5". Throws InputError without '=', key or value, and
// for a range that is none: ends in different units, a step that leads nowhere, more values than there may be.
ValueList parse_value_list(std::string_view text, std::string_view option);

// "fused", "*2": the value as the list has it.
std::string value_label(const ListedValue& value);

}  // namespace perfmodel
