// One launch of an operator's plan: the program of its CTAs, how many items they share, and the bytes that all of
// them move together. Lowering makes it; the chip model times it.
#pragma once

#include <string>
#include <vector>

#include "model/program.hpp"
#include "support/units.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

// How work items reach the SMs.
enum class Schedule : std::uint8_t {
  persistent,  // `ctas` CTAs stay and take items in turn
  grid,        // one CTA an item, started as others end
};

struct Kernel {
  Program program;
  Schedule schedule = Schedule::grid;
  double items = 1;       // work items; those of unlike size count by their mean
  std::int64_t ctas = 1;  // launched
  Cycles makespan;        // until the last item ends, where lowering has scheduled unlike items; else zero

  Demand held;  // of all items' busy time, what is held without executing; negative for what executes beside it

  Bytes l2_read;  // from the L2 to the SMs, once for all that a multicast serves; sectors of unaligned rows counted
  Bytes l2_written;
  Bytes input;                     // distinct bytes read
  Bytes beside_port;               // written to shared memory without holding up what reads it
  Bytes again;                     // read once more from DRAM, since the L2 has lost them between two uses
  Bytes output;                    // distinct bytes written
  Seconds latency;                 // beyond the launch: prologue, first operands, last store
  double instructions = 0;         // that threads execute beside the tensor cores' own, weighted by their energy
  double tensor_share = 1;         // share of its peak that the code's tensor instructions reach while busy
  double tensor_energy = 1;        // energy of a busy tensor cycle over that of wgmma
  bool reads_predecessor = false;  // its input is what the kernel before it wrote
  double overlap = 0;              // exponent that adds SM and L2 time and DRAM time; 0: the machine's
  bool l2_inside = false;          // the SMs' time holds what they wait for the L2, whose own is no more than a bound
  double tensor_activity = 1;      // weight of a busy tensor cycle in the activity limit of the clock

  [[nodiscard]] bool empty() const { return items <= 0; }
};

inline constexpr int max_kernels = 8;

// What an operator becomes on a machine.
struct Plan {
  std::vector<Kernel> kernels;  // no more than max_kernels
  std::string refusal;          // why it cannot run; empty if it can
  std::string description;      // the code chosen, in short

  // The reference is good until the next is added.
  Kernel& add(const Kernel& kernel) { return kernels.emplace_back(kernel); }
  [[nodiscard]] int count() const { return static_cast<int>(kernels.size()); }
};

}  // namespace perfmodel
