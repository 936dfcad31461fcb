// The same subject under several values of one setting, or on several machines, side by side.
//
//     llama2_block by dropout_mode
//
//     dropout_mode     time  change    90 % interval     clock  power  roofline  limiter
//     none          1.64 ms          1.56 to 1.73 ms  1480 MHz  700 W   1.20 ms  power
//     fused         1.82 ms   +11 %  1.73 to 1.93 ms  1490 MHz  700 W   1.20 ms  power
//
//     operator    none   fused
//     qkv       321 us  322 us
//     ...
//
// change: against the first row. The second table leaves out operators that take the same time everywhere.
#pragma once

#include <string>
#include <vector>

#include "report/study.hpp"
#include "report/style.hpp"

namespace perfmodel {

struct Alternative {
  std::string value;  // "fused", or a machine's id
  SequenceEstimate estimate;
  std::string refusal;  // why there is none
};

struct Comparison {
  std::string subject;  // "llama2_block"
  std::string key;      // "dropout_mode", "arch"
  std::vector<Alternative> alternatives;
};

std::string text_comparison(const Comparison& comparison, const Style& style = {});
std::string markdown_comparison(const Comparison& comparison);
std::string csv_comparison(const Comparison& comparison);
std::string json_comparison(const Comparison& comparison);

}  // namespace perfmodel
