// What a GPU is asked to do: one operator, with the implementation that does it and how it is timed. Plain data,
// filled by the table reader (workloads/table_rows.hpp), by block files (workloads/block.hpp) or by hand.
// Sizes are counts of elements; an empty optional means "not given", and the model then chooses as the library would.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "support/units.hpp"

namespace perfmodel {

// tf32 is stored in 4 bytes; nvfp4 in 4 bits and one scale byte for every 16 elements.
enum class Dtype { fp16, bf16, tf32, fp8, nvfp4, fp32 };

// cupti: the kernel alone. events: stream time, launch gaps included. do_bench: one launch between two events.
// graph: replayed CUDA graph.
enum class Timer { cupti, events, do_bench, graph };

// cold: L2 flushed before, clock not throttled. warm: L2 warm, short burst. sustained: back to back for over 100 ms.
enum class Regime { cold, warm, sustained };

enum class Pass { fwd, bwd };

// What the operands hold; it moves power, not work.
enum class DataKind { random, zeros, sparse90 };

// The code that runs the operator; decides which program or library menu the model uses.
enum class Family { cublas, triton, cudnn, flash2, flash3, fa4, avo, gluon, trtllm };

// fused: the kernel draws the numbers itself. mask: it reads a keep-mask.
enum class DropoutSource { fused, mask };

enum class MemoryKind { copy, read, write };

// How a mask is kept in memory: a bit or a byte a decision.
enum class MaskForm { bits, bytes };

// The shared-memory carve-out that the RNG kernel sets on the SMs it runs on.
enum class Carveout { standard, maximum };

// Which kernel the device runs first: the GEMM may start once the RNG's CTAs are resident, or the RNG is launched
// while the GEMM runs.
enum class Order { rng_first, gemm_first, inside };

// Which operators of a block count: the GEMMs and attention alone, or everything.
enum class BlockPart { matmul, all };

// The names of an enum's values in their order, as tables and files spell them ("default" and "max" for Carveout).
template <class Enum>
std::span<const std::string> enum_names();

// The value of that name; empty for an unknown one. Case counts.
template <class Enum>
std::optional<Enum> parse_enum(std::string_view name);

template <class Enum>
std::string_view name_of(Enum value) {
  return enum_names<Enum>()[static_cast<std::size_t>(value)];
}

// Storage of 16 elements [bits], scale factors included; exact for every type, 72 for nvfp4.
constexpr int bits_of_16(Dtype dtype) {
  switch (dtype) {
    case Dtype::fp16:
    case Dtype::bf16: return 16 * 16;
    case Dtype::tf32:
    case Dtype::fp32: return 16 * 32;
    case Dtype::fp8: return 16 * 8;
    case Dtype::nvfp4: return 16 * 4 + 8;
  }
  return 0;
}

// Storage of that many elements, scale factors included.
constexpr Bytes bytes_of(Dtype dtype, double elements) { return Bytes(elements * bits_of_16(dtype) / 128.0); }

// A code family and the release asked for, "" when none was named.
struct Impl {
  Family family = Family::cublas;
  std::string version{};

  bool operator==(const Impl&) const = default;
};

// Reads "cudnn" or "cudnn-9.19.1"; empty when the family is unknown or the version is missing after the dash.
std::optional<Impl> parse_impl(std::string_view text);

// "cudnn-9.19.1"
std::string impl_name(const Impl& impl);

// What a reader should know about the release asked for: "unknown version '8.0' of cudnn, predicted as cudnn";
// "" when none was named or when measurements of it stand behind the family.
std::string impl_note(const Impl& impl);

// The output tile of one CTA: cta_m rows (of m) by cta_n columns (of n), cta_k deep an iteration.
struct GemmTile {
  int cta_m = 0;
  int cta_n = 0;
  std::optional<int> cta_k{};

  bool operator==(const GemmTile&) const = default;
};

// out[m, n] = a[m, k] * b[k, n]. What follows `impl` describes one compiled kernel and one launch of it.
struct Gemm {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  Dtype dtype = Dtype::bf16;
  Dtype out_dtype = Dtype::bf16;
  Impl impl{};
  std::optional<GemmTile> tile{};
  std::optional<int> stages{};      // operand buffers in shared memory
  std::optional<int> cluster{};     // CTAs of a cluster
  std::optional<int> mma_pair{};    // CTAs whose tensor cores work on one instruction, 1 or 2 (tcgen05); no column
  std::optional<int> split_k{};     // 1 = none, n = factor; empty = the library's choice
  std::optional<int> ctas{};        // CTAs launched; with fewer than tiles, each runs several
  std::optional<int> threads{};     // of a CTA
  std::optional<int> registers{};   // of a thread
  std::optional<int> warps{};       // of a CTA; Triton counts the computing ones
  std::optional<Bytes> smem{};      // of a CTA
  std::optional<bool> tma{};        // operands by TMA rather than by the threads' own loads
  std::optional<bool> tma_store{};  // the output too, by way of shared memory
  std::optional<int> spills{};      // registers a thread keeps in local memory

  bool operator==(const Gemm&) const = default;
};

// Scaled dot-product attention over `batch` sequences. With `causal`, query i sees the keys up to i + seq_kv - seq_q.
// What follows `impl` describes one compiled kernel.
struct Attention {
  std::int64_t batch = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;  // divides heads
  std::int64_t seq_q = 0;
  std::int64_t seq_kv = 0;
  std::int64_t head_dim = 0;    // of queries and keys
  std::int64_t head_dim_v = 0;  // of values and the output
  bool causal = false;
  Dtype dtype = Dtype::bf16;
  double dropout = 0.0;  // probability to drop, in [0, 1)
  DropoutSource dropout_source = DropoutSource::fused;
  MaskForm mask_form = MaskForm::bits;  // of the mask that it reads
  Pass pass = Pass::fwd;
  Impl impl{Family::cudnn, {}};
  std::optional<int> cta_m{};  // queries of a CTA
  std::optional<int> cta_n{};  // keys an iteration
  std::optional<int> stages{};
  std::optional<int> warps{};
  std::optional<int> registers{};
  std::optional<int> spills{};
  std::optional<Bytes> smem{};

  bool operator==(const Attention&) const = default;
};

// A keep-mask, a decision an element of `bits` random bits each. `generator` X stands for the instruction
// sequence workloads/sequences/mask_X.yaml of a word of 32 decisions, or names a file.
struct Rng {
  std::int64_t elements = 0;
  int rounds = 7;  // of Philox4x32 and Threefry; other generators have none
  int bits = 8;
  std::optional<int> ctas{};     // empty: 8 an SM
  std::optional<int> threads{};  // empty: 256
  std::optional<int> registers{};
  std::string generator{};  // "threefry4x32"; empty: Philox4x32, as the tables have it
  bool packed = false;      // all decisions of a random number compared at once
  MaskForm form = MaskForm::bits;

  bool operator==(const Rng&) const = default;
};

// The name or file of the generator's sequence: "dropout_mask" where none is named, the kernel of the tables.
std::string generator_sequence(const Rng& rng);

// Work bound by memory traffic: what it reads and what it writes. A copy of 2 GiB reads 1 GiB and writes 1 GiB.
struct MemoryBound {
  MemoryKind kind = MemoryKind::copy;
  Bytes read{};
  Bytes written{};
  Dtype dtype = Dtype::bf16;

  bool operator==(const MemoryBound&) const = default;
};

// `bytes` of traffic in all, shared out as the kind says.
MemoryBound memory_bound(MemoryKind kind, Bytes bytes, Dtype dtype);

// The mask RNG on a second stream beside a GEMM, timed from the first start to the last end.
struct Overlap {
  Gemm gemm{};
  Rng rng{};
  Carveout carveout = Carveout::standard;
  Order order = Order::rng_first;

  bool operator==(const Overlap&) const = default;
};

// One row that stands for a whole transformer block of a shipped model; `dtype` is that of the GEMMs.
struct BlockRow {
  std::string model{};
  BlockPart operators = BlockPart::all;
  std::int64_t seq = 0;
  std::int64_t batch = 1;
  Dtype dtype = Dtype::bf16;
  double dropout = 0.0;
  Impl attention_impl{Family::cudnn, {}};
  Pass pass = Pass::fwd;

  bool operator==(const BlockRow&) const = default;
};

using Work = std::variant<Gemm, Attention, Rng, MemoryBound, Overlap, BlockRow>;

class KernelProgram;  // workloads/kernel_program.hpp

// How long timer do_bench runs a kernel before it measures and while it does: its defaults in Triton 3.6.
struct BenchTimes {
  Seconds warmup{25e-3};
  Seconds repetition{100e-3};

  bool operator==(const BenchTimes&) const = default;
};

struct Operator {
  Work work{};
  DataKind data = DataKind::random;
  Timer timer = Timer::cupti;
  BenchTimes bench{};              // with timer do_bench
  std::optional<Regime> regime{};  // empty: block sustained, overlap cold, else the command line's or warm
  std::string name{};
  std::shared_ptr<const KernelProgram> program{};  // the kernel, where the user has written it; null: the family's

  bool operator==(const Operator&) const = default;
};

// The regime of the row, else its op's own default (blocks sustained, overlaps cold), else `otherwise`.
Regime regime_of(const Operator& op, Regime otherwise = Regime::warm);

// The query-key pairs of one head that the mask leaves.
double visible_scores(const Attention& attention);

// Multiply-adds counted as two: 2mnk for a GEMM; 2 (head_dim + head_dim_v) a visible score and head for attention
// forward, and for its backward pass the five products of it. None for RNG and memory-bound work; a block row has
// no operators yet and counts none either.
Flops flops_of(const Work& work);

// Memory that a mask of so many decisions takes.
constexpr Bytes mask_bytes(MaskForm form, double decisions) {
  return Bytes(form == MaskForm::bytes ? decisions : decisions / 8.0);
}

// The elements of the attention dropout mask: one a query-key pair, hidden by causality or not.
double mask_elements(const Attention& attention);

}  // namespace perfmodel
