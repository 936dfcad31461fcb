// Whole kernels measured by the protocol of the tables, each experiment one table of rows that perfmodel validate
// reads.
#pragma once

#include "calibrate/device/bench.hpp"
#include "calibrate/table_sink.hpp"

namespace perfmodel {

void measure_gemm(Bench& bench, TableSink& rows);           // gemm.csv: cuBLASLt, cold and sustained
void measure_attention(Bench& bench, TableSink& rows);      // attention.csv: cuDNN forward and backward, cold
void measure_attention_own(Bench& bench, TableSink& rows);  // attention_own.csv: the own kernel's three forms, cold
void measure_rng(Bench& bench, TableSink& rows);            // rng.csv: rounds, bits, grids, cold
void measure_power(Bench& bench, TableSink& rows);          // power.csv: steady clock and power by operand data
void measure_overlap(Bench& bench, TableSink& rows);        // overlap.csv: second stream, both orders, both carve-outs
void measure_inside(Bench& bench, TableSink& rows);         // rng_in_gemm.csv: mask by extra warps inside a GEMM
void measure_chain(Bench& bench, TableSink& rows);     // chain.csv: GEMM || RNG, then attention; fused; in sequence
void measure_counters(Bench& bench, TableSink& rows);  // counters.csv: pipe utilisations and bytes of whole kernels

}  // namespace perfmodel
