// A kernel as the model sees it: what one work item (an output tile, a block of queries) asks of the SM, segment by
// segment, and what a CTA holds while it is resident. Flat arrays, made by lowering, read by the SM model.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "model/limiter.hpp"
#include "support/units.hpp"

namespace perfmodel {

// What an SM has only one of. The instruction pipes of all machines map to these.
enum class Resource : std::uint8_t { tensor, fma, alu, xu, issue, smem };
inline constexpr int resource_count = 6;

// The limiter that a report names for a resource.
Limiter limiter_of(Resource resource);

// Busy time of each resource [cycles of it], for whatever the context counts: an iteration, an item, a kernel.
class Demand {
 public:
  constexpr Cycles& operator[](Resource resource) { return busy_[static_cast<std::size_t>(resource)]; }
  constexpr Cycles operator[](Resource resource) const { return busy_[static_cast<std::size_t>(resource)]; }
  constexpr Demand& operator+=(const Demand& other) {
    for (std::size_t i = 0; i < busy_.size(); ++i) {
      busy_[i] += other.busy_[i];
    }
    return *this;
  }
  friend constexpr Demand operator*(double factor, Demand demand) {
    for (Cycles& busy : demand.busy_) {
      busy *= factor;
    }
    return demand;
  }
  friend constexpr Demand operator-(Demand a, const Demand& b) {
    for (std::size_t i = 0; i < a.busy_.size(); ++i) {
      a.busy_[i] = a.busy_[i] - b.busy_[i];
    }
    return a;
  }
  [[nodiscard]] constexpr Cycles largest() const {
    Cycles most;
    for (const Cycles busy : busy_) {
      most = busy > most ? busy : most;
    }
    return most;
  }
  [[nodiscard]] constexpr Cycles sum() const {
    Cycles all;
    for (const Cycles busy : busy_) {
      all += busy;
    }
    return all;
  }

 private:
  std::array<Cycles, resource_count> busy_{};
};

inline constexpr std::array<Resource, resource_count> all_resources = {
    Resource::tensor, Resource::fma, Resource::alu, Resource::xu, Resource::issue, Resource::smem};

// A stretch of alike iterations of one work item.
struct Segment {
  double count = 0;   // iterations, a mean where items differ
  Demand busy;        // of one iteration
  Demand aside;       // work contained in that of another resource: nothing adds to it, but no iteration is shorter
  Cycles interval;    // an iteration takes at least this long, whatever the resources: its dependent steps
  double serial = 0;  // share of the work off the busiest resource that one CTA does not hide behind it, 0 to 1
  // Instructions of a warp in an iteration that follow one another, where they are known: beside another kernel's CTAs
  // each waits for its turn.
  double steps = 0;
};

inline constexpr int max_segments = 4;

struct SmCode;

struct Program {
  std::array<Segment, max_segments> segments{};
  int segment_count = 0;

  int warps = 1;       // of a CTA
  int registers = 32;  // of a thread
  Bytes smem;          // of a CTA
  int tmem_columns = 0;
  int cluster = 1;
  double multiply = 0;  // share of its ALU port's time that 64-bit products take
  double stalled = 1;   // share of its time that a warp alone on its sub-partition cannot issue; 1: not known
  std::shared_ptr<const SmCode> code;  // the same work as a pipeline program, where there is one

  void add(const Segment& segment) { segments[static_cast<std::size_t>(segment_count++)] = segment; }
  [[nodiscard]] std::span<const Segment> all() const {
    return {segments.data(), static_cast<std::size_t>(segment_count)};
  }
};

}  // namespace perfmodel
