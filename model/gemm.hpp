// GEMM kernels from their tiles. What the libraries choose is in library_choice.hpp.
#pragma once

#include "arch/machine.hpp"
#include "model/kernel.hpp"
#include "workloads/instruction_tally.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

// Everything that describes one GEMM kernel and its launch.
struct GemmConfig {
  int cta_m = 128;
  int cta_n = 128;
  int cta_k = 64;
  int stages = 4;
  int cluster = 1;
  int mma_pair = 1;  // CTAs whose tensor cores work on one instruction: 2 halves what each reads of b
  int split_k = 1;
  std::int64_t ctas = 0;  // 0: as many as the schedule calls for
  int warps = 12;
  int registers = 168;
  Bytes smem;
  bool tma = true;             // operands by the copy engine rather than the threads' own loads
  bool tma_store = false;      // the output too; persistent kernels store so anyway
  int spills = 0;              // registers a thread keeps in local memory
  InstructionTally iteration;  // of the CTA's warps in an iteration
  InstructionTally element;    // of a thread for an output element
  InstructionTally promoted;   // of a thread for an accumulator added up in FP32
  double waiting = 0;          // warp instructions of spinning warps in a clock of an SM
  int panel = 8;               // tiles that a panel is wide: CTAs go through the output panel by panel
  double loop_steps = 0;       // instructions of a warp in an iteration, one after the other; 0: not known
  double tile_steps = 0;       // and in the rest of a tile
  int accumulator_sets = 1;    // that a thread keeps of its accumulators: 2 where products are promoted
  int ping_pong = 0;           // as many accumulators a thread lets two warpgroups take turns, each with its own tile
  int promotion = 0;           // k after which fp8 accumulators are added up in FP32, 0: never
  Schedule schedule = Schedule::persistent;
};

// The main kernel of that configuration. `gemm` gives sizes and types only.
Kernel gemm_kernel(const Machine& machine, const Gemm& gemm, const GemmConfig& config);

// What the L2 moves over what is asked of it, where rows so many bytes apart start off a 32-byte sector (read) or off a
// line (written); else 1.
double unaligned_read(const Machine& machine, double pitch);
double unaligned_write(const Machine& machine, double pitch);

// Rows of operands that a CTA asks of the L2 each iteration. CTAs of a cluster, and neighbours whose requests the
// network merges, lie along one side of the output and share what they read of the other operand.
double rows_asked(const Machine& machine, const Gemm& gemm, const GemmConfig& config);

// An output tile's way from the accumulators to shared memory and, so many bytes by bulk stores, on to the L2.
Cycles output_time(const Machine& machine, const GemmConfig& config, Bytes stored);

// The depth of a tile that makes rows of 128 bytes.
int natural_cta_k(Dtype dtype);

// Bytes of the operand buffers of a CTA.
Bytes operand_buffers(const GemmConfig& config, Dtype dtype);

}  // namespace perfmodel
