// The rows of the field table, read by fields.cpp and read.cpp only.
//
//     X(member path = key, need, low, high, what it means)
//
// low and high are the plausible range, written in the unit that `arch show` prints. Integral members and ratios
// take plain numbers. A value outside the range is a fault in a machine file and in a fitted overlay.
#pragma once

// clang-format off
#define PERFMODEL_FIELDS(X) \
  X(sms,          required, "1", "1024", "streaming multiprocessors (SMs) enabled") \
  X(gpcs,         required, "1", "64", "graphics processing clusters (GPCs); the TPCs spread over them as evenly as they can, and a CTA cluster stays inside one") \
  X(sms_per_tpc,  required, "1", "8", "SMs that share a texture processing cluster (TPC)") \
  \
  X(clock.maximum,   required, "500 MHz", "4000 MHz", "highest SM clock, held by light loads and by short bursts") \
  X(clock.datasheet, required, "500 MHz", "4000 MHz", "SM clock that the datasheet's tensor peaks imply; only the plain roofline uses it") \
  X(clock.activity_onset, required, "0.5", "1", "duty of the tensor cores above which their clock falls further") \
  X(clock.activity_slope, required, "0", "1.5", "share of the tensor clock lost for each unit of duty above the onset") \
  X(clock.droop_power, required, "0.5", "2", "board power, as a multiple of the limit, from which the supply droops") \
  X(clock.plateau, required, "0", "1", "share of the tensor clock lost for each power limit above that, until the cap acts") \
  X(clock.dip, required, "0", "0.8", "the same at the bottom of the dip that follows a load step") \
  X(clock.ramp, required, "0 us", "1000 us", "time in which the clock falls from the top to the loaded one") \
  X(clock.step_end, required, "0 us", "2000 us", "time from the load step until the clock has recovered from its drop there, as deep as the dip") \
  X(clock.dip_start, required, "0 us", "2000 us", "time from the load step to the start of the dip") \
  X(clock.dip_bottom, required, "0 us", "2000 us", "time from the load step to the bottom of the dip") \
  X(clock.dip_end, required, "0 us", "2000 us", "time from the load step to the end of the dip") \
  X(clock.shown, required, "0.8", "1.3", "what the driver's tools show under a limit, over the clock that the tensor cores work at") \
  X(clock.response, required, "1 ms", "1000 ms", "time under load after which the power limit holds; its controller begins a little after half of that") \
  \
  X(tensor.fp16,  optional,  "64 FLOP/clk", "131072 FLOP/clk", "dense fp16 rate of one SM; a multiply-add counts two") \
  X(tensor.bf16,  required,  "64 FLOP/clk", "131072 FLOP/clk", "dense bf16 rate of one SM") \
  X(tensor.tf32,  optional,  "64 FLOP/clk", "131072 FLOP/clk", "dense tf32 rate of one SM") \
  X(tensor.fp8,   optional,  "64 FLOP/clk", "131072 FLOP/clk", "dense fp8 (e4m3, e5m2) rate of one SM") \
  X(tensor.nvfp4, optional,  "64 FLOP/clk", "131072 FLOP/clk", "dense nvfp4 rate of one SM") \
  X(tensor.int8,  optional,  "64 FLOP/clk", "131072 FLOP/clk", "dense int8 rate of one SM") \
  X(tensor.fp64,  optional,  "1 FLOP/clk", "4096 FLOP/clk", "dense fp64 rate of one SM") \
  X(tensor.rows,             required, "8", "256", "M of one tensor instruction of one SM at the full rate; a smaller M takes as long") \
  X(tensor.maximum_columns,  required, "8", "256", "largest N of one tensor instruction") \
  X(tensor.minimum_interval, required, "1 clk", "256 clk", "a tensor instruction occupies its pipe at least this long") \
  X(tensor.latency,          required, "0 clk", "1000 clk", "latency of a lone tensor instruction beyond its issue interval, its first operand in shared memory, until whoever waits for it runs on") \
  X(tensor.pair_latency,     blackwell, "0 clk", "1000 clk", "what it takes longer where two CTAs run one instruction") \
  X(tensor.mma_sync,         optional, "0.05", "1", "share of the dense rate that mma.sync reaches; all of it where nothing is said") \
  \
  X(shared_memory.capacity,         required, "16 KiB", "1024 KiB", "shared memory of one SM at the largest carve-out") \
  X(shared_memory.maximum_per_cta,  required, "16 KiB", "1024 KiB", "largest shared memory that one CTA may ask for") \
  X(shared_memory.reserved_per_cta, required, "0 KiB", "8 KiB", "shared memory that the system takes for each resident CTA") \
  X(shared_memory.granularity,      required, "1 B", "4096 B", "a CTA's shared memory rounds up to a multiple of it") \
  X(shared_memory.copy_contention, required, "0", "1", "share of what the copy engine writes that takes bandwidth from the tensor cores' reads") \
  X(shared_memory.latency,          required, "5 clk", "100 clk", "unloaded latency of a 32-bit shared load") \
  \
  X(registers.per_sub_partition,  required, "4096", "131072", "32-bit registers of one sub-partition") \
  X(registers.maximum_per_thread, required, "32", "1024", "largest register count of one thread") \
  X(registers.allocation_unit,    required, "32", "2048", "a warp's registers round up to a multiple of it") \
  \
  X(tmem.columns,         blackwell, "32", "4096", "columns of tensor memory (TMEM) of one SM") \
  X(tmem.lanes,           blackwell, "32", "1024", "lanes of tensor memory; a column is one 32-bit word in each lane") \
  X(tmem.allocation_unit, blackwell, "1", "512", "smallest TMEM allocation in columns; allocations are powers of two from there on") \
  \
  X(limits.sub_partitions,   required, "1", "16", "sub-partitions of an SM, each with a scheduler and its share of registers and pipes") \
  X(limits.warps,            required, "8", "256", "warps resident on one SM") \
  X(limits.ctas,             required, "1", "128", "CTAs resident on one SM") \
  X(limits.threads,          required, "256", "8192", "threads resident on one SM") \
  X(limits.threads_per_cta,  required, "256", "4096", "threads of one CTA") \
  X(limits.cluster_portable, hopper,   "1", "64", "CTAs of a cluster that every GPU of the generation can run") \
  X(limits.cluster_maximum,  hopper,   "1", "64", "CTAs of a cluster when the kernel opts in to non-portable sizes") \
  \
  X(transfer.tma_issue,       hopper,   "1 clk", "500 clk", "time between two TMA instructions of one warp") \
  X(transfer.tma_latency,     hopper,   "0 clk", "1000 clk", "latency that a TMA load adds to that of the memory it reads") \
  X(transfer.tma_row,         optional, "0.1 clk", "20 clk", "TMA spends at least this long on a row of a box, however short") \
  X(transfer.barrier_wait,    required, "1 clk", "500 clk", "from the arrival that completes a barrier in shared memory to the waiting warp running") \
  X(transfer.cta_barrier,     required, "1 clk", "500 clk", "bar.sync over a CTA of up to 256 threads") \
  X(transfer.cluster_barrier, hopper,   "1 clk", "2000 clk", "barrier over a cluster, relaxed") \
  X(transfer.round_stall, required, "0 clk", "20 clk", "what a warp alone on its sub-partition waits in each round of a Philox call, beyond its port time, where its code was not counted") \
  X(transfer.iteration, required, "20 clk", "1000 clk", "shortest main-loop iteration of a GEMM: barrier wait, tensor instruction, release") \
  X(transfer.epilogue, required, "4 B/clk", "256 B/clk", "rate at which one SM stores an output tile from shared memory to the L2") \
  X(transfer.tensor_map, required, "0 us", "10 us", "a CTA writes its tensor maps to memory and fences them before it may use them") \
  X(transfer.cold_prologue, required, "0 us", "10 us", "what the prologue takes longer when caches and translations are cold") \
  X(transfer.prologue, required, "0.1 us", "10 us", "kernel start to the first operands asked for, and last store to the end, beyond an empty kernel") \
  \
  X(contention.alu,      required, "0", "1", "share of the ALU port's time that other warps lose while the tensor cores work: accumulators in the register file") \
  X(contention.fma,      required, "0", "1.2", "the same of the FMA pipes") \
  X(contention.multiply, required, "0", "1.2", "the same of 64-bit integer products") \
  X(contention.xu,       required, "0", "1", "the same of special functions") \
  X(contention.turn,     required, "0 clk", "60 clk", "how long an instruction waits for its turn beside another CTA that keeps one warp of its sub-partition at work") \
  X(contention.gap,      required, "0", "0.5", "share of the time that all of a CTA's warps on a sub-partition have to be stalled for another CTA's to get a turn") \
  \
  X(tiles.columns,     required, "1", "2", "columns of output tiles, eight rows of each, that the CTAs of a GPC go through in step where nothing holds them up") \
  X(tiles.onset,       required, "0.5", "8", "time of the L2, did nothing merge, over that of the SMs at which CTAs are in step for half of their requests") \
  X(tiles.latency,     required, "1", "2", "latency of a tile's loads, beside those of all other CTAs, over that of a load alone") \
  X(tiles.around,      required, "0 clk", "10000 clk", "what a CTA of one tile takes outside of its loop: addresses, the last product, the output, the next CTA") \
  X(tiles.first_touch, required, "1", "8", "exponent of the norm that adds the DRAM time of attention: heads are first touched one after the other, and all CTAs of one wait") \
  \
  X(l2.capacity,     required, "1 MiB", "1024 MiB", "size of the L2 cache") \
  X(l2.line,         required, "32 B", "512 B", "cache line") \
  X(l2.partitions,   required, "1", "16", "partitions of the L2 with their own crossbar") \
  X(l2.bandwidth,    required, "0.5 TB/s", "100 TB/s", "read hits of the whole chip; does not follow the SM clock") \
  X(l2.overlap,      required, "2", "16", "exponent of the norm that adds SM and L2 time of a kernel; large means perfect overlap") \
  X(l2.copy_share,   required, "0.5", "1", "share of that bandwidth that the copy engines of all SMs together reach") \
  X(l2.port,         required, "8 B/clk", "1024 B/clk", "what one SM takes from the L2 at most while the others are idle") \
  X(l2.near_latency, required, "50 ns", "1000 ns", "latency of a hit in the near partition") \
  X(l2.far_latency,  required, "50 ns", "1000 ns", "latency of a hit in the far partition") \
  X(l2.write, required, "0.1", "1", "share of the bandwidth that writes of all SMs reach, beside which reads go on") \
  X(l2.dirty, required, "0", "1", "share of the L2 lines that are dirty after a large fill has flushed it") \
  X(l2.dirty_capacity, required, "0", "1", "dirty data after that fill as a share of the capacity") \
  X(l2.coalesced, required, "1", "32", "SMs whose reads of one line at about the same time the network merges into one of the L2") \
  X(l2.unaligned_read, required, "1", "4", "bytes that the L2 moves for operand rows that start off a 32-byte sector, over those of aligned rows") \
  X(l2.unaligned_write, required, "0.8", "4", "cost of output rows that start off a 128-byte line, over that of aligned rows") \
  \
  X(dram.capacity,  required, "8 GB", "2000 GB", "size of the device memory") \
  X(dram.bandwidth, required, "0.2 TB/s", "50 TB/s", "device memory bandwidth of the datasheet") \
  X(dram.read,      required, "0.5", "1", "share of the bandwidth that a long pure read achieves") \
  X(dram.write,     required, "0.5", "1", "share of the bandwidth that a long pure write achieves") \
  X(dram.copy,      required, "0.5", "1", "share of the bandwidth that reads and writes in equal parts achieve") \
  X(dram.latency,   required, "100 ns", "3000 ns", "latency of a load that misses the L2, unloaded") \
  X(dram.ramp, required, "0 us", "10 us", "time lost until a cold stream has reached its rate") \
  X(dram.ramp_bytes, required, "0.01 MB", "100 MB", "a stream of this size has lost two thirds of it") \
  X(dram.overlap, required, "1", "32", "exponent of the norm that adds DRAM time to that of SMs and L2; large means perfect overlap") \
  \
  X(launch.kernel,   required, "0.1 us", "20 us", "duration of an empty kernel as CUPTI reports it") \
  X(launch.stream,   required, "0 us", "20 us", "from the end of a kernel to the start of the next one in its stream") \
  X(launch.graph,    required, "0 us", "20 us", "the same between two nodes of a CUDA graph") \
  X(launch.event,    required, "0 us", "50 us", "what two events around a single kernel measure beyond it") \
  X(launch.do_bench, required, "0 us", "50 us", "what triton.testing.do_bench measures beyond the kernel") \
  X(launch.dispatch, required, "0.01 /clk", "64 /clk", "CTAs that the whole chip starts") \
  X(launch.successor, required, "0 us", "10 us", "from the end of a CTA to the start of the next one in its place") \
  X(launch.cold_code, required, "0 us", "10 us", "first run of a large kernel after a pause: its code and translations come from memory") \
  X(launch.grid, required, "0 us", "5 us", "filling and draining the SMs of a plain kernel, beyond an empty one") \
  X(launch.memset, required, "0 us", "10 us", "clearing the tile counters before a library GEMM of more than one wave") \
  X(launch.scale, required, "0 us", "5 us", "fetching the scale factors of an fp8 GEMM") \
  X(launch.reduction, required, "0 us", "10 us", "the kernel that adds the slices of a split-K GEMM, beyond its bytes") \
  \
  X(power.limit, required, "10 W", "5000 W", "board power limit") \
  X(power.idle,  required, "1 W", "1000 W", "board power without load at a raised clock") \
  X(power.held, required, "0.8", "1.15", "share of the power limit that a steady load settles at") \
  X(power.active, required, "1 W", "400 W", "awake SMs at the top clock, beyond idle: clock tree and leakage") \
  X(power.tensor_cycle, required, "0.5 nJ", "50 nJ", "one SM with its tensor cores busy on random operands for a clock, at the top clock; what brings the operands apart") \
  X(power.tensor_fp8, required, "0.7", "1.5", "energy of a busy tensor cycle with 8-bit or narrower operands over that with 16-bit ones") \
  X(power.instruction, required, "1 pJ", "30 pJ", "one instruction of one thread on random data, at the top clock, where its class has no energy of its own") \
  X(power.smem_byte, required, "0.5 pJ/B", "20 pJ/B", "a byte read or written in shared memory, at the top clock") \
  X(power.l2_byte, required, "5 pJ/B", "150 pJ/B", "a byte through the L2 and the network to the SM") \
  X(power.dram_byte, required, "20 pJ/B", "150 pJ/B", "a byte through DRAM, beyond what the L2 takes") \
  X(power.mma_sync, required, "1", "1.8", "energy of mma.sync, operands through registers, over that of wgmma for the same work") \
  X(power.zeros, required, "0.05", "1", "core energy with zero operands over that with random ones") \
  X(power.sparse, required, "0.1", "1.2", "core energy with 90 % zeros over that with random operands") \
  X(power.memory_zeros, required, "0.1", "1", "energy of a byte moved with zeros or constants over that with random data") \
  X(power.memory_sparse, required, "0.1", "1", "the same with 90 % zeros") \
  X(power.voltage_slope, required, "0", "1.4", "relative fall of the core voltage over the relative fall of the clock")

// Constants of a code family, `code.NAME.*`: X(member, low, high, what it means)
#define PERFMODEL_CODE_FIELDS(X) \
  X(softmax,   "1", "60", "issue slots a score beside the matrix work: exponential, maximum, sum, scaling, conversion") \
  X(dropout,   "0", "40", "slots of the ALU port that a dropout decision takes") \
  X(tile,      "0 clk", "40000 clk", "prologue and epilogue of one item at a head dimension of 128") \
  X(iteration, "0 clk", "10000 clk", "fixed cost of a main-loop iteration") \
  X(serial,    "0", "1", "share of the shorter of matrix and softmax work that does not hide behind the longer one") \
  X(tensor,    "0.05", "1", "share of the tensor peak that its matrix instructions reach") \
  X(start,     "0 us", "20 us", "of the main kernel beyond an empty one, warm") \
  X(combine,   "0 us", "30 us", "the kernel that joins key-value splits")
