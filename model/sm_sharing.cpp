// How operations under way share the pipes: the rate of each until the next event.
#include <algorithm>
#include <span>

#include "model/sm_machine_room.hpp"

namespace perfmodel {

namespace {

// Of shared memory's bandwidth, beside tensor cores that would take all of it: wgmma then loses 1.3 times (H200, own
// probe).
constexpr double least_of_warps = 1 - 1 / 1.3;

std::size_t at(int index) { return static_cast<std::size_t>(index); }

}  // namespace

// The share of shared memory that an operation under way would take, were it alone.
double SmMachineRoom::wanted(const Progress& running) const {
  const Running& held = pool_[at(running.place)];
  const int smem = ctas_[at(held.cta)].code->smem_pipe;
  double sum = 0;
  for (const PipeUse& use : std::span(running.uses, at(running.use_count))) {
    if (use.pipe == smem) sum += use.work / held.op->floor;
  }
  return sum;
}

// The same of the engines together.
double SmMachineRoom::fetched() const {
  double sum = 0;
  for (const Progress& running : running_) {
    if (running.place >= engines_) sum += wanted(running);
  }
  return sum;
}

// The operations decide all of it, their order included.
std::uint64_t SmMachineRoom::key_of_running() const {
  if (!keeps_rates_ || running_.size() > KnownRates::most) return 0;
  std::uint64_t key = 0;
  for (const Progress& running : running_) key = key << 8U | static_cast<std::uint64_t>(running.op + 1);
  return key;
}

void SmMachineRoom::find_rates() {
  const std::uint64_t key = key_of_running();
  if (key == 0) {
    set_rates();
    return;
  }
  KnownRates& known = known_rates_[key * 0x9E3779B97F4A7C15U >> 56U];
  const std::size_t count = running_.size();
  if (known.key == key) {
    for (std::size_t i = 0; i < count; ++i) running_[i].rate = known.rates[i];
    return;
  }
  set_rates();
  known.key = key;
  for (std::size_t i = 0; i < count; ++i) known.rates[i] = running_[i].rate;
}

// Warps before engines: an operand fetch of a whole tile gives way to a warp's single access. With operands first,
// warps get what the engines leave of shared memory, and a small share where they would leave nothing.
void SmMachineRoom::set_rates() {
  if (options_.arbitration == Arbitration::even) {
    set_even_rates();
    return;
  }
  std::fill_n(free_.begin(), pipes_, 1.0);
  const std::vector<PipeUse>& withheld = ctas_[0].code->withheld;
  const auto multiplies = [&](const Progress& running) { return running.place == engines_; };
  if (!withheld.empty() && std::ranges::any_of(running_, multiplies)) {
    for (const PipeUse& taken : withheld) free_[static_cast<std::size_t>(taken.pipe)] -= taken.work;
  }
  const bool operands_first = options_.arbitration == Arbitration::operands_first;
  const double kept = operands_first ? std::min(fetched(), 1 - least_of_warps) : 0.0;
  double& shared = free_[at(ctas_[0].code->smem_pipe)];
  shared -= kept;
  std::array<Progress*, 2> busy{};  // engines, the older first
  std::size_t count = 0;
  for (Progress& running : running_) {
    if (running.place < engines_) {
      give_rate(running);
    } else {
      busy[count++] = &running;
    }
  }
  shared += kept;
  give_engines_rates(busy[0], busy[1]);
}

// Products and the copies that feed them come to their parts over an iteration, because copies run ahead by the depth
// of their ring: products leave copies theirs, and copies get what products cannot use beside. So both a loop of
// products alone and one of shared memory take what the pipe takes: H100, 4096 x 12288 x 4096 in tiles of 128 x 256,
// 795,682 clk for 12 x 64 iterations of 1024; tiles of 64 x 128, 319 clk of 192 for reads and 192 for writes, see
// copy_contention (counters.csv). Nothing is known of copies out of shared memory: whoever started first.
void SmMachineRoom::give_engines_rates(Progress* first, Progress* second) {
  if (second != nullptr) {
    const bool products_first = first->place < second->place;
    const Progress& copies = products_first ? *second : *first;
    const double copied = pool_[at(copies.place)].op->copied;
    if (copied > 0) {
      double& shared = free_[at(ctas_[0].code->smem_pipe)];
      const double kept = std::min(wanted(copies), copied * std::max(0.0, shared));
      shared -= kept;
      give_rate(products_first ? *first : *second);
      shared += kept;
      give_rate(products_first ? *second : *first);
      return;
    }
  }
  if (first != nullptr) give_rate(*first);
  if (second != nullptr) give_rate(*second);
}

// What the operation can use of what those before it have left of its pipes.
void SmMachineRoom::give_rate(Progress& running) {
  const std::span<const PipeUse> uses(running.uses, at(running.use_count));
  double rate = running.full_rate;
  for (const PipeUse& use : uses) {
    const double left = free_[static_cast<std::size_t>(use.pipe)];
    if (rate * use.work > left) rate = left / use.work;
  }
  for (const PipeUse& use : uses) {
    double& left = free_[static_cast<std::size_t>(use.pipe)];
    left -= rate * use.work;
    if (left < 1e-12) left = 0;
  }
  running.rate = rate;
}

void SmMachineRoom::set_even_rates() {
  std::array<double, max_sm_pipes> asked{};
  const auto floor_of = [&](const Progress& running) { return pool_[at(running.place)].op->floor; };
  for (const Progress& running : running_) {
    for (const PipeUse& use : std::span(running.uses, at(running.use_count))) {
      asked[static_cast<std::size_t>(use.pipe)] += use.work / floor_of(running);
    }
  }
  for (Progress& running : running_) {
    double most = 1;
    for (const PipeUse& use : std::span(running.uses, at(running.use_count))) {
      most = std::max(most, asked[static_cast<std::size_t>(use.pipe)]);
    }
    running.rate = 1.0 / (floor_of(running) * most);
  }
}

}  // namespace perfmodel
