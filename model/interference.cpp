#include "model/interference.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace perfmodel {

namespace {

constexpr double never = std::numeric_limits<double>::infinity();

double share(const std::array<double, resource_count>& use, Resource resource) {
  return use[static_cast<std::size_t>(resource)];
}

// What an item's main course consists of.
struct Course {
  Demand busy;       // what adds to that of other CTAs
  Demand all;        // what is contained in other work besides
  double steps = 0;  // instructions of a warp, one after the other
  Cycles least;      // the busiest resource of each segment, summed up
};

Course course_of(const Program& program) {
  Course course;
  for (const Segment& segment : program.all()) {
    course.busy += segment.count * segment.busy;
    course.all += segment.count * segment.busy;
    course.all += segment.count * segment.aside;
    course.steps += segment.count * segment.steps;
    course.least += segment.count * segment.busy.largest();
  }
  return course;
}

// One of the two, with what it asks for while alone.
struct Side {
  const CoResident& resident;
  Course course;
  std::array<double, resource_count> use{};
  double partitions = 4;

  [[nodiscard]] double warps_of_cta() const { return std::max(1.0, std::ceil(resident.program->warps / partitions)); }
  // CTAs with a warp on the fullest sub-partition.
  [[nodiscard]] double ctas_of_partition() const {
    return std::ceil(resident.ctas * std::min<double>(resident.program->warps, partitions) / partitions);
  }
  [[nodiscard]] double port() const {
    return std::min(1.0, std::max({share(use, Resource::alu), share(use, Resource::fma), share(use, Resource::issue)}));
  }
  [[nodiscard]] bool stepwise() const { return course.steps > 0; }
};

Side side_of(const Machine& machine, const CoResident& resident) {
  Side side{.resident = resident, .course = course_of(*resident.program)};
  side.partitions = static_cast<double>(machine.limits.sub_partitions.value);
  side.use = utilisation(resident);
  return side;
}

// A CTA whose warps are so seldom all stalled that the scheduler never leaves it.
bool keeps_scheduler(const Machine& machine, const Side& side) {
  const double warps = side.warps_of_cta();
  return warps > 1 && std::pow(side.resident.program->stalled, warps) < machine.contention.gap.value;
}

// How long an instruction waits until the CTAs of `other` have had their turn. With w warps of a sub-partition a CTA's
// turn is w^1.5 times as long: 2.83 for two in overlap.csv.
Cycles turn_beside(const Machine& machine, const Side& other) {
  return other.ctas_of_partition() * std::pow(other.warps_of_cta(), 1.5) * other.port() * machine.contention.turn.value;
}

double stepwise_slowdown(const Machine& machine, const Side& side, const Side& other) {
  if (keeps_scheduler(machine, other)) {
    return never;
  }
  const Cycles path = side.course.least + side.course.steps * turn_beside(machine, other);
  const double exponent = machine.dram.overlap.value;
  return std::pow(1.0 + std::pow(path / side.resident.item, exponent), 1.0 / exponent);
}

// Issue slots of a sub-partition that the steps of a kernel take in a clock.
double issue_of_steps(const Side& side, double slowdown) {
  const double warps = side.resident.ctas * side.warps_of_cta();
  return std::min(0.5, warps * side.course.steps / (slowdown * side.resident.item.si()));
}

// What the register file's share for the tensor cores costs work of the other pipes, while they work for so much of the
// time. A 64-bit product holds its pipe twice as long as the ALU port, and the rest of that hides behind other warps
// only while both are free.
double shadowed(const Machine& machine, const Side& side, double tensor) {
  const Contention& contention = machine.contention;
  double lost = contention.alu.value;
  double most = share(side.use, Resource::alu);
  const auto consider = [&](Resource resource, double value) {
    if (share(side.use, resource) > most) {
      most = share(side.use, resource);
      lost = value;
    }
  };
  const double multiply = side.resident.program->multiply;
  if (multiply <= 0) {
    consider(Resource::fma, contention.fma.value);
  }
  consider(Resource::xu, contention.xu.value);
  const auto stretched = [&](double part) { return 1.0 / std::max(0.05, 1.0 - part * tensor); };
  const double all = (1.0 - multiply) * stretched(lost) + multiply * (2.0 * stretched(contention.multiply.value) - 1.0);
  // Work of the tensor cores themselves loses nothing in this way.
  const double own = share(side.use, Resource::tensor);
  return own > 0 ? 1.0 + side.port() / (side.port() + own) * (all - 1.0) : all;
}

// Work that keeps its pipes busy from many warps: what the other takes of them it goes without. Of its time only that
// counts in which the tensor cores do not cover it; and no warp gets more than its share of the turns.
double crowded(const Side& side, const Side& other, double other_slowdown) {
  const double mine = side.resident.ctas * side.warps_of_cta();
  const double theirs = other.resident.ctas * other.warps_of_cta();
  const double taken = std::min(other.port() / other_slowdown, theirs / (mine + theirs));
  const double open = std::min(side.port(), 1.0 - std::min(1.0, share(side.use, Resource::tensor)));
  return 1.0 + open * taken / (1.0 - taken);
}

double tensor_share(const Side& side, double slowdown) {
  return std::min(1.0, share(side.use, Resource::tensor) / slowdown);
}

double steady_slowdown(const Machine& machine, const Side& side, const Side& other, double other_slowdown) {
  const double shadow = shadowed(machine, side, tensor_share(other, other_slowdown));
  if (other.stepwise()) {
    return shadow / (1.0 - issue_of_steps(other, other_slowdown));
  }
  return shadow * crowded(side, other, other_slowdown);
}

// Where the two together ask for more of a resource than there is, both slow down alike.
void share_out(const Side& a, const Side& b, std::array<double, 2>& slowdown) {
  double most = 1.0;
  for (const Resource resource : {Resource::tensor, Resource::xu, Resource::smem, Resource::issue}) {
    most = std::max(most, share(a.use, resource) / slowdown[0] + share(b.use, resource) / slowdown[1]);
  }
  slowdown[0] *= most;
  slowdown[1] *= most;
}

}  // namespace

std::array<double, resource_count> utilisation(const CoResident& resident) {
  const Course course = course_of(*resident.program);
  std::array<double, resource_count> use{};
  for (const Resource resource : all_resources) {
    use[static_cast<std::size_t>(resource)] = std::min(1.0, resident.ctas * (course.all[resource] / resident.item));
  }
  return use;
}

std::array<double, 2> slowdowns(const Machine& machine, const CoResident& a, const CoResident& b) {
  const Side first = side_of(machine, a);
  const Side second = side_of(machine, b);
  std::array<double, 2> result{1.0, 1.0};
  if (first.stepwise()) {
    result[0] = stepwise_slowdown(machine, first, second);
  }
  if (second.stepwise()) {
    result[1] = stepwise_slowdown(machine, second, first);
  }
  // Each depends on how much the other is slowed: a second round settles two steady kernels.
  for (int round = 0; round < 2; ++round) {
    if (!first.stepwise()) {
      result[0] = steady_slowdown(machine, first, second, result[1]);
    }
    if (!second.stepwise()) {
      result[1] = steady_slowdown(machine, second, first, result[0]);
    }
  }
  share_out(first, second, result);
  return result;
}

}  // namespace perfmodel
