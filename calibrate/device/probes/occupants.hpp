// Two kernels on the card at once, whose CTAs only stay: a first one that holds every SM, and a second that is launched
// when the first is there. What starts beside what shows the rules of residency and dispatch.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "calibrate/device/bench.hpp"

namespace perfmodel {

struct Occupant {
  int ctas = 0;
  int threads = 128;
  int registers = 32;                           // a thread; first_registers or second_registers
  std::size_t shared_bytes = 0;                 // dynamic, of a CTA
  int carveout = cudaSharedmemCarveoutDefault;  // the kernel's preference, percent
  int cluster = 1;                              // CTAs of a cluster
  bool urgent = false;                          // in a stream of the highest priority
  // Time that each CTA stays, and up to so much more, different from CTA to CTA; without, all stay until the
  // same moment, `stay_together` after the first kernel is there.
  std::uint32_t stay_nanoseconds = 0;
  std::uint32_t more_nanoseconds = 0;
};

// Register counts that the kernels were compiled for.
inline constexpr int first_registers[] = {32, 96, 128, 152, 168, 200, 232, 248};
inline constexpr int second_registers[] = {16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128};

struct CtaRecord {
  unsigned long long start;  // nanoseconds of the card's timer; 0 if it never ran
  unsigned long long end;
  unsigned long long warps;  // a bit for each warp slot that it took
  unsigned first_warp;       // the slot of its warp 0
  unsigned sm;
  unsigned ticket;   // its place in the order of starts, over both kernels
  unsigned ran_out;  // not 0 if its wait was ended by the limit
};

class Occupants {
 public:
  explicit Occupants(Bench& bench);
  ~Occupants();
  Occupants(const Occupants&) = delete;
  Occupants& operator=(const Occupants&) = delete;

  struct Records {
    std::vector<CtaRecord> first, second;   // one a CTA, by blockIdx
    unsigned long long together_until = 0;  // nanoseconds: when those that stay together leave
  };

  // Launches `first`, waits until `there` CTAs of it have started (all where 0), and launches `second` beside; no
  // second where it has no CTAs. Nothing if the first never came, or the host was too slow to launch the second in
  // time. Throws DeviceError.
  std::optional<Records> run(const Occupant& first, const Occupant& second, int there = 0);

  // From now on, right before the first kernel, a short one on every SM whose preferred carve-out is so many percent:
  // what the SMs are left with.
  void leave_carveout(int percent) { left_ = percent; }

  // As the driver counts them for the second kernel.
  int second_registers_of(int registers) const;
  int first_registers_of(int registers) const;

 private:
  std::optional<Records> attempt(const Occupant& first, const Occupant& second, int there);
  bool wait_until_there() const;
  void set_carveout();

  Bench& bench_;
  Stream stream_;
  Stream beside_;
  Stream urgent_;
  DeviceBuffer<CtaRecord> records_;
  DeviceBuffer<unsigned long long> meeting_;
  std::optional<int> left_;
  volatile unsigned* there_ = nullptr;  // pinned memory of the host
};

}  // namespace perfmodel
