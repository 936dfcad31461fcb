// The report of one prediction, for people. The verdict comes first, then what it is made of, then what to do.
//
//     llama2_block takes 1.82 ms (90 % interval 1.73 to 1.93 ms) on NVIDIA H100 SXM5 80GB, sustained.
//     ffn_up is 34 % of it, limited by power: the 700 W limit holds the clock at 1490 of 1980 MHz.
//
//     operator        time  share  limiter  next (slack)  TFLOPS  TB/s  90 % interval
//     qkv           321 us   18 %  power    tensor (2 %)    1285  0.42  308 to 335 us
//     attention     502 us   28 %  xu       fma (11 %)       274  0.27  477 to 530 us
//     total        1.82 ms          ...
//     matmul       1.61 ms
//
//     dropout   0.1 fused costs 182 us (11 %): without it 1.64 ms
//     clock     1490 MHz, held by the 700 W power limit; mean power 700 W
//     roofline  0.95 ms by datasheet peaks alone: 52 % of the prediction
//     rests on  21 of 231 constants: 9 datasheet, 4 measured, 5 fitted, 3 assumed; most on tensor.fp8 (datasheet)
//     try       dropout_mode=overlapped: 1.70 ms (-6.6 %)
//
// share: of the total. limiter: what holds the operator's time. next: what would hold it if the limiter were gone, and
// how much shorter the operator would then be. TB/s: device memory. A single operator shows its bounds, the time that
// each resource alone would take, in place of the operators.
#pragma once

#include <string>

#include "report/study.hpp"
#include "report/style.hpp"

namespace perfmodel {

std::string text_report(const Study& study, const Style& style = {});

// The same facts as Markdown tables and lists.
std::string markdown_report(const Study& study);

}  // namespace perfmodel
