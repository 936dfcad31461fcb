#include "model/schedule.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <queue>
#include <vector>

namespace perfmodel {

namespace {

// Repetitions that are simulated: enough items for several rounds of all workers.
struct Cut {
  double simulated;
  Cycles share;  // of the others, for one worker
};

Cut cut(std::span<const Cycles> items, double repeats, double workers) {
  const double rounds = 3.0;
  const double needed = std::ceil(rounds * workers / static_cast<double>(items.size()));
  if (repeats <= 2.0 * needed) {
    return {repeats, Cycles(0)};
  }
  Cycles sum;
  for (const Cycles item : items) {
    sum += item;
  }
  // Leave out a number of repetitions whose items are a whole number of rounds, or nearly so.
  double left_out = repeats - needed;
  const double block = workers / static_cast<double>(std::gcd(static_cast<std::int64_t>(workers),
                                                              static_cast<std::int64_t>(items.size())));
  left_out = std::floor(left_out / block) * block;
  return {repeats - left_out, left_out / workers * sum};
}

// Puts a larger value in the place of a min-heap's top.
void replace_top(std::vector<double>& heap, double value) {
  std::size_t at = 0;
  for (;;) {
    std::size_t child = 2 * at + 1;
    if (child >= heap.size()) {
      break;
    }
    if (child + 1 < heap.size() && heap[child + 1] < heap[child]) {
      ++child;
    }
    if (heap[child] >= value) {
      break;
    }
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = value;
}

constexpr double stagger = 1.03;

// One SM with up to two items in flight.
struct Pair {
  double left[2] = {0, 0};
  bool busy[2] = {false, false};
  double at = 0;

  [[nodiscard]] int count() const { return int{busy[0]} + int{busy[1]}; }
  [[nodiscard]] double next(double alone) const {
    double least = 0;
    for (int i = 0; i < 2; ++i) {
      if (busy[i] && (least <= 0 || left[i] < least)) {
        least = left[i];
      }
    }
    return at + least / (count() == 1 ? alone : 1.0);
  }
};

}  // namespace

namespace {

// Until the last of `rounds` repetitions of the items ends.
Cycles simulated(std::span<const Cycles> items, double rounds, int workers) {
  // A binary heap of the times at which workers fall free; its top is replaced in place.
  std::vector<double> free(static_cast<std::size_t>(workers), 0.0);
  double end = 0;
  for (double i = 0; i < rounds; ++i) {
    for (const Cycles item : items) {
      const double done = free.front() + item.si();
      replace_top(free, done);
      end = std::max(end, done);
    }
  }
  return Cycles(end);
}

// A what-if study asks for the same few schedules again and again: most of what it changes leaves the items as they
// are, and so do more repetitions.
class LastSchedules {
 public:
  Cycles end(std::span<const Cycles> items, double rounds, int workers) {
    for (const Schedule& known : known_) {
      if (known.is(items, rounds, workers)) return known.end;
    }
    Schedule& oldest = known_[next_++ % known_.size()];
    oldest.items.assign(items.begin(), items.end());
    oldest.rounds = rounds;
    oldest.workers = workers;
    return oldest.end = simulated(items, rounds, workers);
  }

 private:
  struct Schedule {
    std::vector<Cycles> items;
    double rounds = 0;
    int workers = 0;
    Cycles end;

    [[nodiscard]] bool is(std::span<const Cycles> other, double other_rounds, int other_workers) const {
      return rounds == other_rounds && workers == other_workers && std::ranges::equal(items, other);
    }
  };

  std::array<Schedule, 8> known_;
  std::size_t next_ = 0;
};

}  // namespace

Cycles list_schedule(std::span<const Cycles> items, double repeats, int workers) {
  if (items.empty() || repeats <= 0) {
    return Cycles(0);
  }
  if (std::all_of(items.begin(), items.end(), [&](Cycles item) { return item == items.front(); })) {
    return std::ceil(repeats * static_cast<double>(items.size()) / workers) * items.front();
  }
  const Cut kept = cut(items, repeats, workers);
  thread_local LastSchedules last;
  return last.end(items, kept.simulated, workers) + kept.share;
}

Cycles paired_schedule(std::span<const Cycles> items, double repeats, int sms, double alone) {
  if (items.empty() || repeats <= 0) {
    return Cycles(0);
  }
  const Cut kept = cut(items, repeats, 2.0 * sms);
  const auto total = static_cast<std::size_t>(kept.simulated) * items.size();
  std::size_t taken = 0;
  const auto take = [&] { return items[taken++ % items.size()].si(); };
  std::vector<Pair> pairs(static_cast<std::size_t>(sms));
  for (int slot = 0; slot < 2; ++slot) {
    for (Pair& pair : pairs) {
      if (taken < total) {
        pair.left[slot] = take() * (slot == 1 ? stagger : 1.0);
        pair.busy[slot] = true;
      }
    }
  }
  using Event = std::pair<double, std::size_t>;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (pairs[i].count() > 0) {
      events.emplace(pairs[i].next(alone), i);
    }
  }
  double now = 0;
  while (!events.empty()) {
    const auto [time, index] = events.top();
    events.pop();
    now = time;
    Pair& pair = pairs[index];
    const double done = (time - pair.at) * (pair.count() == 1 ? alone : 1.0);
    pair.at = time;
    for (int slot = 0; slot < 2; ++slot) {
      pair.left[slot] -= pair.busy[slot] ? done : 0.0;
    }
    // The one with the least left is done, and so is what differs from it by no more than the clock's rounding.
    double least = -1;
    for (int slot = 0; slot < 2; ++slot) {
      if (pair.busy[slot] && (least < 0 || pair.left[slot] < least)) {
        least = std::max(0.0, pair.left[slot]);
      }
    }
    const double rounding = least + 1e-12 * time;
    for (int slot = 0; slot < 2; ++slot) {
      if (pair.busy[slot] && pair.left[slot] <= rounding) {
        pair.busy[slot] = taken < total;
        pair.left[slot] = pair.busy[slot] ? take() : 0.0;
      }
    }
    if (pair.count() > 0) {
      events.emplace(pair.next(alone), index);
    }
  }
  return Cycles(now) + kept.share;
}

}  // namespace perfmodel
