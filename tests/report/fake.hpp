// Estimates made up by hand, so that the text of a report does not move with the model.
#pragma once

#include <string>

#include "report/study.hpp"

namespace perfmodel::test {

inline SequenceItem fake_item(const std::string& name, const Operator& op, double microseconds, Limiter limiter,
                              Limiter second, double slack, bool matmul) {
  SequenceItem item;
  item.name = name;
  item.op = op;
  item.op.name = name;
  item.matmul = matmul;
  Estimate& estimate = item.estimate;
  estimate.time = Seconds(microseconds * 1e-6);
  estimate.lower = 0.95 * estimate.time;
  estimate.upper = 1.06 * estimate.time;
  estimate.limiter = limiter;
  estimate.second = second;
  estimate.slack = slack;
  estimate.bounds[limiter] = 0.9 * estimate.time;
  estimate.bounds[second] = 0.9 * (1.0 - slack) * estimate.time;
  estimate.parts = {0.01 * estimate.time, 0.02 * estimate.time, 0.92 * estimate.time, 0.05 * estimate.time};
  estimate.utilisation.tensor = 0.8;
  estimate.utilisation.dram = 0.2;
  estimate.traffic = {Bytes(4e9), Bytes(1e9), Bytes(2e8), Bytes(1e8)};
  estimate.flops = matmul ? Flops(4.5e11) : Flops(0.0);
  estimate.clock = Hertz(1.49e9);
  estimate.clock_limit = ClockLimit::power;
  estimate.power = Watts(700);
  estimate.regime = Regime::sustained;
  estimate.roofline = 0.5 * estimate.time;
  estimate.kernel = "128x256x64, 4 stages, 132 CTAs";
  return item;
}

inline SequenceEstimate fake_sequence() {
  SequenceEstimate sequence;
  sequence.name = "tiny_block";
  Operator copy;
  copy.work = memory_bound(MemoryKind::copy, Bytes(1e8), Dtype::bf16);
  Operator gemm;
  gemm.work = Gemm{.m = 4096, .n = 12288, .k = 4096, .dtype = Dtype::fp8};
  Operator attention;
  attention.work = Attention{.batch = 1,
                             .heads = 32,
                             .kv_heads = 32,
                             .seq_q = 4096,
                             .seq_kv = 4096,
                             .head_dim = 128,
                             .head_dim_v = 128,
                             .causal = true,
                             .dropout = 0.1};
  sequence.items = {fake_item("norm", copy, 24.8, Limiter::dram, Limiter::l2, 0.7, false),
                    fake_item("qkv", gemm, 327.0, Limiter::power, Limiter::tensor, 0.02, true),
                    fake_item("attention", attention, 521.0, Limiter::alu, Limiter::xu, 0.11, true)};
  for (const SequenceItem& item : sequence.items) {
    sequence.total += item.estimate.time;
    sequence.roofline += item.estimate.roofline;
    if (item.matmul) sequence.matmul += item.estimate.time;
  }
  sequence.lower = 0.95 * sequence.total;
  sequence.upper = 1.06 * sequence.total;
  sequence.matmul_lower = 0.95 * sequence.matmul;
  sequence.matmul_upper = 1.06 * sequence.matmul;
  sequence.clock = Hertz(1.49e9);
  sequence.clock_limit = ClockLimit::power;
  sequence.power = Watts(699.6);
  return sequence;
}

inline Study fake_study() {
  Study study;
  study.estimate = fake_sequence();
  study.name = "tiny_block";
  study.settings = "seq 4096, batch 1, fp8, fwd, dropout 0.1 fused";
  study.machine = "h100-sxm";
  study.machine_name = "NVIDIA H100 SXM5 80GB";
  study.top_clock = Hertz(1.98e9);
  study.power_limit = Watts(700);
  study.calibration.machine = "h100-sxm";
  study.calibration.date = "2026-11-22";
  study.without_dropout = fake_sequence();
  study.without_dropout->total = Seconds(700e-6);
  study.without_dropout->matmul = Seconds(675e-6);
  study.evidence.constants = 266;
  study.evidence.influences = {{"sms", Origin::datasheet, -0.007, true},
                               {"tensor.fp8", Origin::datasheet, -0.0039, false},
                               {"dram.read", Origin::measured, -0.002, false},
                               {"power.held", Origin::assumed, 0.0012, false}};
  study.advice = {{"dropout_mode=overlapped", false, Seconds(800e-6)},
                  {"twice the ALU rate (pipes.alu.rate)", true, Seconds(700e-6)}};
  return study;
}

}  // namespace perfmodel::test
