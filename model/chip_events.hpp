// Kernels of two streams on the SMs of one chip as a course of events: a kernel arrives, its CTAs are dispatched to SMs
// with room, mixes of CTAs run at their own rates, CTAs end and make room. Alike SMs are one group.
//
// Dispatch as probes find it (calibrate/FINDINGS.md): the CTAs of a kernel start when all of the kernel before it, in
// either stream, are dispatched; a CTA goes to an SM with fewest CTAs that has room for it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "arch/machine.hpp"
#include "model/chip.hpp"
#include "model/kernel.hpp"

namespace perfmodel {

// A kernel as the chip sees it.
struct ChipKernel {
  const Kernel* kernel = nullptr;
  const KernelWork* work = nullptr;
  int residency = 1;  // CTAs that fit on an SM by themselves
  Seconds gap;        // after the kernel before it in its stream, or after its stream has begun
};

struct EventOptions {
  // SMs of each stream: from `first_sm` to before `last_sm`.
  std::array<int, 2> first_sm{};
  std::array<int, 2> last_sm{};
  Seconds delay;        // of the second stream, since all CTAs of the first one's first kernel are dispatched
  bool inside = false;  // CTAs of the first stream come with those of the second, one each, from the same moment on
  bool keeps_carveout = false;  // SMs with CTAs of the first stream have shared memory for those alone
  Hertz loaded;                 // SM clock while tensor cores work
  Hertz light;                  // and while they do not
};

struct StreamCourse {
  Seconds start;   // its first CTA is dispatched
  Seconds end;     // its last kernel has ended
  Seconds shared;  // while both streams' kernels were at work
  Seconds done;    // what it did in that time, as the time it would have taken alone
};

struct EventCourse {
  std::array<StreamCourse, 2> stream;
  Seconds light;     // of the time, without tensor cores at work
  bool met = false;  // CTAs of both were on one SM
};

// What keeps a CTA of the one kernel off an SM that holds `ctas` of the other; empty if nothing does.
std::string obstacle_beside(const Machine& machine, const Program& resident, int ctas, const Program& other,
                            bool keeps_carveout);

EventCourse run_events(const Machine& machine, std::span<const ChipKernel> first, std::span<const ChipKernel> second,
                       const EventOptions& options);

}  // namespace perfmodel
