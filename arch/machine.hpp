// A GPU as data: every constant with its unit, source and reference, nested as in arch/<name>.yaml. No formulas.
// docs/arch-schema.md says what each constant means; arch/fields.cpp is where a new one is declared.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arch/constant.hpp"
#include "support/units.hpp"

namespace perfmodel {

using Count = Constant<std::int64_t>;
using Ratio = Constant<double>;

// How warps reach the tensor cores: mma.sync (A100), wgmma (Hopper), tcgen05 (Blackwell).
enum class TensorGeneration : std::uint8_t { mma, wgmma, tcgen05 };
std::string_view tensor_generation_name(TensorGeneration generation);

struct Clock {
  Constant<Hertz> maximum;      // the top SM clock, which light or short loads reach
  Constant<Hertz> datasheet;    // the SM clock behind the datasheet's tensor peaks
  Ratio activity_onset;         // tensor duty above which the clock under load falls further
  Ratio activity_slope;         // share of the tensor clock lost for a duty of one more
  Ratio droop_power;            // power, as a multiple of the limit, from which the supply droops
  Ratio plateau;                // share of the tensor clock lost for one limit's power above that, until the cap acts
  Ratio dip;                    // the same at the bottom of the dip after a load step
  Constant<Seconds> ramp;       // from the top clock to the loaded one
  Constant<Seconds> step_end;   // of the drop at the load step, since the start of the load
  Constant<Seconds> dip_start;  // since the start of the load
  Constant<Seconds> dip_bottom;
  Constant<Seconds> dip_end;
  Constant<Seconds> response;  // time under load after which the power limit holds
  Ratio shown;                 // what tools show of a limited clock, over what the tensor cores get
};

// Dense rates of one SM at full instruction width; absent where the GPU lacks the type.
struct Tensor {
  TensorGeneration generation = TensorGeneration::mma;
  Constant<FlopsPerCycle> fp16;
  Constant<FlopsPerCycle> bf16;
  Constant<FlopsPerCycle> tf32;
  Constant<FlopsPerCycle> fp8;
  Constant<FlopsPerCycle> nvfp4;
  Constant<FlopsPerCycle> int8;
  Constant<FlopsPerCycle> fp64;
  Count rows;                         // M of one instruction of one SM at the full rate
  Count maximum_columns;              // largest N of one instruction
  Constant<Cycles> minimum_interval;  // an instruction occupies the pipe at least this long
  Constant<Cycles> latency;           // of a lone instruction beyond its issue interval, until its warp runs on
  Constant<Cycles> pair_latency;      // more of it where two CTAs run one instruction
  Ratio mma_sync;                     // share of the dense rate that mma.sync reaches
};

// A resource of an SM that instructions occupy: an execution port, counted in thread-level slots (a warp's
// instruction is 32 of them), or a data path (smem, tmem_read, tmem_write), counted in bytes.
struct Pipe {
  std::string name;
  Constant<PerCycle> rate;
};

// Slots or bytes of one pipe that one thread's share of an instruction takes.
struct Occupancy {
  int pipe = 0;  // index into Machine::pipes
  Constant<double> slots;
};

// An instruction class: what kernels name and machines price. An instruction takes all its pipes at once.
struct Instruction {
  std::string name;
  std::vector<Occupancy> occupies;  // ordered by pipe; issue always among them
  Constant<Cycles> latency;         // until a dependent instruction may issue, unloaded
  Constant<Joules> energy;          // of one thread's share, random data, top clock; absent: power.instruction
};

// What one family of attention kernels was counted or fitted to do, beyond what its program states. Physical counts
// of the code, not of a shape.
struct CodeCounts {
  std::string name;            // "cudnn_fwd"
  Ratio softmax;               // issue slots a score: exponential, maximum, sum, scaling, conversion
  Ratio dropout;               // slots of the ALU port a dropout decision
  Constant<Cycles> tile;       // prologue and epilogue of an item at a head dimension of 128
  Constant<Cycles> iteration;  // fixed cost of a main-loop iteration
  Ratio serial;                // share of the shorter of matrix and softmax work not hidden behind the longer one
  Ratio tensor;                // share of the tensor peak that its instructions reach
  Constant<Seconds> start;     // of the main kernel beyond an empty one, warm
  Constant<Seconds> combine;   // the kernel that joins key-value splits
};

struct SharedMemory {
  Constant<Bytes> capacity;  // of an SM, at the largest carve-out
  Constant<Bytes> maximum_per_cta;
  Constant<Bytes> reserved_per_cta;  // taken by the system for each CTA
  Constant<Bytes> granularity;       // allocations round up to it
  // Sizes that an SM's shared memory can be set to, rising, the rest being L1; changes only while the SM is idle.
  Constant<std::vector<Bytes>> carveouts;
  Constant<Cycles> latency;
  Ratio copy_contention;  // share of the copy engine's writes that competes with the tensor cores' reads
};

struct Registers {
  Count per_sub_partition;  // 32-bit registers of one sub-partition
  Count maximum_per_thread;
  Count allocation_unit;  // a warp's allocation is a multiple of it
};

// Tensor memory, Blackwell only.
struct TensorMemory {
  Count columns;
  Count lanes;
  Count allocation_unit;  // columns; allocations are powers of two from here on
};

struct Limits {
  Count sub_partitions;  // of an SM, each with its scheduler, registers and quarter of the pipes
  Count warps;           // resident on an SM
  Count ctas;
  Count threads;
  Count threads_per_cta;
  Count cluster_portable;  // CTAs of a cluster that every GPU of the generation runs
  Count cluster_maximum;
};

// Latencies of the machinery that moves data and hands it over.
struct Transfer {
  Constant<Cycles> tma_issue;     // between two TMA instructions of one warp
  Constant<Cycles> tma_latency;   // of TMA itself, on top of the memory's own latency
  Constant<Cycles> tma_row;       // a row of a box takes TMA at least this long
  Constant<Cycles> barrier_wait;  // arrive on an mbarrier to the waiter running
  Constant<Cycles> cta_barrier;   // __syncthreads of a small CTA
  Constant<Cycles> cluster_barrier;
  Constant<Cycles> round_stall;      // what a warp alone on its sub-partition waits in a Philox round
  Constant<Cycles> iteration;        // shortest main-loop iteration: barrier, one tensor instruction, release
  Constant<BytesPerCycle> epilogue;  // output of a tile from the shared memory of one SM to the L2
  Constant<Seconds> tensor_map;      // a CTA makes its tensor maps and fences them
  Constant<Seconds> cold_prologue;   // more of it when caches and translations are cold
  Constant<Seconds> prologue;        // kernel start to the first operands asked for, and from the last store to the end
};

// What kernels that share an SM cost each other there, beyond using the same pipes.
struct Contention {
  Ratio alu;              // share of the ALU port's time that other warps lose while the tensor cores work
  Ratio fma;              // the same of the FMA pipes
  Ratio multiply;         // the same of 64-bit integer products
  Ratio xu;               // the same of special functions
  Constant<Cycles> turn;  // an instruction waits so long beside a CTA that keeps one warp a sub-partition at work
  Ratio gap;              // a CTA whose warps are all stalled for less of the time lets no other CTA's warps in
};

// Programs written tile by tile, a CTA an output tile: how their CTAs get on beside each other.
struct Tiles {
  Ratio columns;            // of tiles that a GPC's CTAs go through in step, eight rows of each
  Ratio onset;              // the L2's load over the SMs' at which CTAs lose step by half
  Ratio latency;            // of a load beside those of all others, over that of one alone
  Constant<Cycles> around;  // of a tile, outside of its loop
  Ratio first_touch;  // exponent of the norm that adds DRAM time where all CTAs of a head wait for what one of them
                      // touches first
};

// The L2 has its own clock: bandwidths per second and latencies in seconds.
struct L2 {
  Constant<Bytes> capacity;
  Constant<Bytes> line;
  Count partitions;
  Constant<BytesPerSecond> bandwidth;  // reads that hit, all SMs together
  Constant<BytesPerCycle> port;        // what one SM takes at most, the others idle
  Constant<Seconds> near_latency;      // hit in the SM's own partition
  Constant<Seconds> far_latency;       // hit in the other one
  Ratio dirty;                         // share of dirty lines after a large fill
  Ratio dirty_capacity;                // the same fill's dirty data as a share of the capacity
  Count coalesced;                     // SMs whose reads of a line at about the same time reach the L2 as one
  Ratio overlap;                       // exponent of the norm that adds SM and L2 time; large: perfect overlap
  Ratio copy_share;                    // of the bandwidth that the copy engines of all SMs reach
  Ratio write;                         // of the bandwidth that writes of all SMs reach, on a way of their own
  Ratio unaligned_read;                // sectors fetched for rows that start off a sector, over those of aligned rows
  Ratio unaligned_write;               // cost of output rows that start off a line, over that of aligned rows
};

struct Dram {
  Constant<Bytes> capacity;
  Constant<BytesPerSecond> bandwidth;  // of the datasheet
  Ratio read;                          // achieved share of it by a long pure read
  Ratio write;                         // by a long pure write
  Ratio copy;                          // by reads and writes in equal parts
  Constant<Seconds> latency;           // of a read that misses the L2, from the SM
  Constant<Seconds> ramp;              // lost until a cold stream has reached its rate
  Constant<Bytes> ramp_bytes;          // a stream of this size has lost two thirds of it
  Ratio overlap;                       // the same of DRAM time and those two together
};

struct Launch {
  Constant<Seconds> kernel;     // an empty kernel, by CUPTI: start-up and drain
  Constant<Seconds> stream;     // gap between dependent kernels of one stream
  Constant<Seconds> graph;      // the same inside a CUDA graph
  Constant<Seconds> event;      // what a pair of events adds around a single kernel
  Constant<Seconds> do_bench;   // what triton.testing.do_bench adds to one launch
  Constant<PerCycle> dispatch;  // CTAs that the chip starts in an SM clock
  Constant<Seconds> successor;  // from the end of a CTA to the start of the next one in its place
  Constant<Seconds> cold_code;  // first run of a large kernel after a pause: code and translations come from memory
  Constant<Seconds> grid;       // filling and draining the SMs of a plain kernel, beyond an empty one
  Constant<Seconds> memset;     // clearing the tile counters of a multi-wave library GEMM
  Constant<Seconds> scale;      // fetching the scale factors of an fp8 GEMM
  Constant<Seconds> reduction;  // the kernel that adds the slices of a split-K GEMM, beyond its bytes
};

struct Power {
  Constant<Watts> limit;
  Constant<Watts> idle;
  Ratio held;                     // share of the limit that a steady load settles at
  Constant<Watts> active;         // awake SMs at the top clock, beyond idle: clock tree and leakage
  Constant<Joules> tensor_cycle;  // one SM's tensor cores busy for a clock, random operands, top clock; operands apart
  Ratio tensor_fp8;               // energy of a busy tensor cycle with 8-bit operands over that with 16-bit ones
  Constant<Joules> instruction;   // one thread's instruction of a class without an energy of its own
  Constant<JoulesPerByte> smem_byte;  // read or written in shared memory, top clock
  Constant<JoulesPerByte> l2_byte;    // through the L2 and the network to the SM
  Constant<JoulesPerByte> dram_byte;  // through DRAM, beyond what the L2 takes
  Ratio mma_sync;                     // energy of mma.sync over that of wgmma, for the same work
  Ratio zeros;                        // core energy with zero operands over that with random ones
  Ratio sparse;                       // the same with 90 % zeros
  Ratio memory_zeros;                 // energy of what moves, zeros over random data
  Ratio memory_sparse;                // the same with 90 % zeros
  Ratio voltage_slope;                // relative fall of the core voltage over that of the clock
};

// The error that a fit left behind, by class of rows: measured / predicted - 1 at three quantiles.
struct ResidualQuantiles {
  std::string op;
  std::string regime;
  std::string limiter;
  std::int64_t n = 0;
  double q05 = 0.0;
  double q50 = 0.0;
  double q95 = 0.0;
};

// Where the fitted constants and the residuals come from; empty machine name if no overlay was read.
struct Calibration {
  struct Table {
    std::string name;
    std::string hash;
  };

  std::string machine;  // the machine that was fitted, perhaps one that this machine is based on
  std::string file;
  std::string date;
  std::string command;
  std::vector<Table> tables;
  std::vector<ResidualQuantiles> residuals;

  [[nodiscard]] bool present() const { return !machine.empty(); }
};

struct Machine {
  std::string id;                    // "h100-sxm": the file's name
  std::string name;                  // "NVIDIA H100 SXM5 80GB"
  std::vector<std::string> lineage;  // ids from the root of `based-on` to this machine

  Count sms;
  Count gpcs;
  Count sms_per_tpc;
  Clock clock;
  Tensor tensor;
  std::vector<Pipe> pipes;
  std::vector<Instruction> instructions;
  std::vector<CodeCounts> code;
  SharedMemory shared_memory;
  Registers registers;
  TensorMemory tmem;
  Limits limits;
  Transfer transfer;
  Contention contention;
  Tiles tiles;
  L2 l2;
  Dram dram;
  Launch launch;
  Power power;

  Calibration calibration;

  // Index into pipes or instructions; nothing if the machine has none of that name.
  [[nodiscard]] std::optional<int> find_pipe(std::string_view pipe) const;
  [[nodiscard]] std::optional<int> find_instruction(std::string_view instruction) const;
  // The counts of that name; null if the machine has none.
  [[nodiscard]] const CodeCounts* find_code(std::string_view code) const;
};

}  // namespace perfmodel
