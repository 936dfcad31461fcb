// A kernel as a warp-specialised program: roles that run operations in order, rings that hand tiles from one to the
// other, and segments of alike iterations. This is one program with all its expressions evaluated; it says what is
// done, in thread instructions, multiply-adds and bytes, and nothing of what that costs on a machine.
// docs/pipeline-schema.md documents the files (workloads/pipelines/*.yaml) that it is read from.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/diagnostic.hpp"
#include "support/units.hpp"
#include "workloads/operator.hpp"
#include "workloads/sequences.hpp"

namespace perfmodel {

// The same place of the same text.
inline bool operator==(const Location& a, const Location& b) {
  return a.source == b.source && a.line == b.line && a.column == b.column;
}

// What a program is for; decides the work that it has to do.
enum class PipelineKind : std::uint8_t { attention_forward, attention_backward, gemm, mask };
inline constexpr std::array<std::string_view, 4> pipeline_kind_names{"attention_forward", "attention_backward", "gemm",
                                                                     "mask"};

// Who carries an operation out: the warps of its role, or an engine that works through its queue in order.
enum class Engine : std::uint8_t { none, tensor, tma };

// The parts of an operator's work. Matrix products count multiply-adds, load and store bytes, vote rows, and the
// others elements.
enum class Duty : std::uint8_t {
  qk,
  pv,
  dp,
  dv,
  dk,
  dq,
  gemm,  // matrix products
  max,
  scale,
  exp,
  convert,
  sum,
  mask,
  vote,
  rescale,
  normalise,
  grad,
  dropout,  // on scores, rows and outputs
  load,
  store,
};
inline constexpr std::array<std::string_view, 20> duty_names{
    "qk",      "pv",  "dp",   "dv",   "dk",      "dq",        "gemm", "max",     "scale", "exp",
    "convert", "sum", "mask", "vote", "rescale", "normalise", "grad", "dropout", "load",  "store"};
inline constexpr std::size_t duty_count = duty_names.size();

// Where the tensor cores read the first operand of a product; the second is in shared memory.
enum class OperandHome : std::uint8_t { smem, tmem, registers };

// The part of a matrix product that one CTA's SM does. With `pair`, two CTAs run one instruction: `m` counts the rows
// of both, and each stages half of the second operand.
struct PipelineMma {
  double m = 0;
  double n = 0;
  double k = 0;
  bool pair = false;
  OperandHome a = OperandHome::smem;
  bool registers_b = false;  // mma.sync: both operands come through registers, ldmatrix is the program's own work

  // Of this CTA's SM.
  [[nodiscard]] double multiply_adds() const { return m * n * k / (pair ? 2.0 : 1.0); }

  bool operator==(const PipelineMma&) const = default;
};

struct DutyAmount {
  Duty duty = Duty::qk;
  double amount = 0;

  bool operator==(const DutyAmount&) const = default;
};

struct PipelineRole {
  std::string name;
  int warps = 1;
  int registers = 0;       // of a thread
  bool predicted = false;  // the program does not say them
  double spills = 0;       // of them a thread keeps in local memory, where they are predicted
  Location location;

  bool operator==(const PipelineRole&) const = default;
};

// A ring of `depth` slots. A giver waits for an empty slot, a taker for a full one; a slot is empty again when every
// role that takes from the ring has finished with it.
struct PipelineChannel {
  std::string name;
  int depth = 1;
  int initial = 0;      // slots full at the start of a CTA
  Bytes smem;           // of a slot
  int columns = 0;      // of tensor memory, a slot
  bool stated = false;  // the program says its bytes
  Location location;

  bool operator==(const PipelineChannel&) const = default;
};

// A wait for the slot that the role's next take empties, or for one so many after it.
struct PipelineRead {
  int channel = 0;
  int ahead = 0;

  bool operator==(const PipelineRead&) const = default;
};

struct PipelineOp {
  std::string name;
  int role = 0;
  Engine engine = Engine::none;
  std::vector<DutyAmount> duties;
  std::vector<InstructionCount> instructions;  // of all threads together
  std::vector<InstructionCount> chain;         // dependent instructions that nothing hides
  std::optional<PipelineMma> mma;
  Bytes loaded;            // from the L2, or from DRAM
  bool from_dram = false;  // no other CTA has just read it
  Bytes stored;            // to the L2
  double rows = 0;         // of the boxes that TMA loads
  Bytes smem;              // moved in shared memory beside what instructions and products move
  std::vector<int> takes;  // channels: waits for a full slot and empties it when done
  std::vector<PipelineRead> reads;
  std::vector<int> gives;  // waits for an empty slot and fills it when done
  Location location;

  bool operator==(const PipelineOp&) const = default;
};

struct PipelineSegment {
  std::string name;
  double count = 1;             // iterations
  std::vector<PipelineOp> ops;  // each role runs its own in this order
  Location location;

  bool operator==(const PipelineSegment&) const = default;
};

// A parameter with the value it has here, and the range that a search may move in.
struct PipelineParameter {
  std::string name;
  double value = 0;
  std::optional<double> low;
  std::optional<double> high;

  bool operator==(const PipelineParameter&) const = default;
};

// What the operator asks of one CTA's item.
struct PipelineDemand {
  std::array<double, duty_count> amounts{};

  double& operator[](Duty duty) { return amounts[static_cast<std::size_t>(duty)]; }
  double operator[](Duty duty) const { return amounts[static_cast<std::size_t>(duty)]; }

  bool operator==(const PipelineDemand&) const = default;
};

// What cuts an operator into items.
struct PipelineTile {
  int cta_m = 0;
  int cta_n = 0;
  bool longest_first = false;
  int cluster = 1;
};

struct Pipeline {
  std::string name;
  std::string description;
  PipelineKind kind = PipelineKind::gemm;
  std::string tensor;  // generation it is written for
  int cluster = 1;
  int ctas_per_sm = 1;
  bool persistent = false;
  bool longest_first = false;
  int cta_m = 0;
  int cta_n = 0;
  int cta_k = 0;
  int split_k = 1;            // CTAs that share a tile's k, their sums added by a kernel of its own
  bool stream_k = false;      // CTAs have equal shares of all iterations; cut tiles are added up through memory
  Dtype dtype = Dtype::bf16;  // the operator's: no program says it
  double element_bytes = 2;   // of its operands
  std::vector<PipelineParameter> parameters;
  std::vector<PipelineRole> roles;
  std::vector<PipelineChannel> channels;
  std::vector<PipelineSegment> segments;
  PipelineDemand demand;  // of an item
  // What the L2 moves over what the program asks of it: more where the operator's rows start off its sectors and lines.
  double read_cost = 1;
  double write_cost = 1;
  Location location;

  [[nodiscard]] int warps() const;
  [[nodiscard]] Bytes smem() const;        // of all rings
  [[nodiscard]] int columns() const;       // of tensor memory
  [[nodiscard]] double registers() const;  // of all threads together
  // What its operations do in one item.
  [[nodiscard]] PipelineDemand done() const;

  bool operator==(const Pipeline&) const = default;
};

}  // namespace perfmodel
