// A pipeline program priced for one machine at one operating point: flat arrays of operations with the pipes they
// occupy, what they wait for and what they hand on. Made once, then bounded and simulated as often as wanted.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "arch/machine.hpp"
#include "model/sm.hpp"
#include "workloads/pipeline.hpp"

namespace perfmodel {

// Pipes of an SM: those of the machine in its order, then the tensor cores and the port to the L2.
inline constexpr int max_sm_pipes = 20;

// Cycles for which an operation would occupy a pipe alone.
struct PipeUse {
  std::int16_t pipe = 0;
  double work = 0;
};

struct SmWait {
  std::int16_t channel = 0;
  bool take = false;       // empties the slot when done; else only looks at it
  bool early = false;      // empties it on issue: whoever fills it goes through the same queue after this
  std::int16_t ahead = 0;  // looks at the slot so many after the one that its role takes next
};

struct SmOp {
  std::int16_t role = 0;
  Engine engine = Engine::none;
  std::int16_t first_use = 0, uses = 0;    // in SmCode::uses
  std::int16_t first_wait = 0, waits = 0;  // in SmCode::waits
  std::int16_t first_give = 0, gives = 0;  // in SmCode::gives
  double floor = 0;                        // cycles it takes with every pipe to itself
  double issue = 0;                        // cycles of its role, for an engine's operation
  double give_lag = 0;                     // from its end until a waiting role runs on with what it gave
  double take_lag = 0;                     // until a waiting giver may refill what it took
  double copied =
      0;  // of a copy into shared memory: such copies' part of what they and products move there in its segment
};

struct SmChannel {
  std::int16_t depth = 1;
  std::int16_t initial = 0;
  std::int16_t takers = 0;  // roles that take from it
};

struct SmRange {
  std::int16_t begin = 0, end = 0;
};

struct SmSegment {
  double count = 0;
  int reference = 0;                        // the role with most operations: its iterations are those of the segment
  std::array<SmRange, 16> roles{};          // operations of each role
  std::array<double, max_sm_pipes> work{};  // of an iteration, cycles of each pipe
  double recurrence = 0;                    // cycles of an iteration by its dependence cycle, of a loop
};

struct SmCode {
  std::vector<SmOp> ops;
  std::vector<PipeUse> uses;
  std::vector<SmWait> waits;
  std::vector<std::int16_t> gives;
  std::vector<SmChannel> channels;
  std::vector<SmSegment> segments;
  int roles = 0;
  int pipes = 0;
  int tensor_pipe = 0;
  int port_pipe = 0;
  int smem_pipe = 0;
  // Shares of pipes that warps do not get while a product runs whose accumulators are in the register file.
  std::vector<PipeUse> withheld;
  bool persistent = false;
  double restart = 0;  // cycles from the end of a CTA to the start of the next in its place

  // For reports; none where they were left out.
  std::vector<std::string> op_names;
  std::vector<std::string> op_roles;
  std::vector<std::string> op_parts;  // of the operator, "qk" of a product; empty for the others
  std::vector<std::string> pipe_names;
  std::vector<std::string> channel_names;
  std::vector<std::string> segment_names;
};

// Whether what is priced can be talked about afterwards; bulk scoring does not.
enum class OpNames : std::uint8_t { left_out, kept };

// Throws InputError where the program names an instruction class or needs tensor cores that the machine lacks. The
// prices: instructions by their class on the machine's pipes; a product multiply-adds over the tensor rate and its
// operands' bytes over shared memory; a lone role of few warps gets the sub-partitions it sits on.
SmCode price(const Machine& machine, const OperatingPoint& point, const Pipeline& pipeline,
             OpNames names = OpNames::kept);

// The conditions of one SM among all: its share of the L2's bandwidth at that clock.
OperatingPoint operating_point(const Machine& machine, Hertz clock);

}  // namespace perfmodel
