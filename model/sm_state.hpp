// What a simulation keeps between two events. Internal to the simulator.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "model/sm_simulate.hpp"

namespace perfmodel {

inline constexpr double never = std::numeric_limits<double>::infinity();
inline constexpr int most_waits = 8;  // channels that one operation waits for or gives to

enum class RoleStatus : std::uint8_t { ready, asleep, running, done };

// Some of the roles, by their index.
class RoleSet {
 public:
  void clear(std::size_t roles) { words_.assign((roles + 63) / 64, 0); }
  void add(int role) { word(role) |= bit(role); }
  void remove(int role) { word(role) &= ~bit(role); }
  [[nodiscard]] bool empty() const {
    std::uint64_t all = 0;
    for (const std::uint64_t each : words_) all |= each;
    return all == 0;
  }

  template <class Take>
  void for_each(const Take& take) const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      for (std::uint64_t left = words_[i]; left != 0; left &= left - 1) take(index(i, std::countr_zero(left)));
    }
  }

  // Takes out one after the other, those among them that come in meanwhile behind the one at hand.
  template <class Take>
  void drain(const Take& take) {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      std::uint64_t behind = ~std::uint64_t{0};
      while (const std::uint64_t next = words_[i] & behind) {
        const int at = std::countr_zero(next);
        behind = ~std::uint64_t{1} << at;
        words_[i] &= ~(std::uint64_t{1} << at);
        take(index(i, at));
      }
    }
  }

 private:
  static int index(std::size_t word, int at) { return static_cast<int>(64 * word) + at; }
  static std::uint64_t bit(int role) { return std::uint64_t{1} << (static_cast<unsigned>(role) % 64); }
  std::uint64_t& word(int role) { return words_[static_cast<unsigned>(role) / 64]; }

  std::vector<std::uint64_t> words_;
};

struct RoleState {
  int cta = 0;    // index in Simulator's list of CTAs
  int role = 0;   // of its code
  int index = 0;  // in Simulator's list of roles
  int segment = 0;
  int op = 0;  // in SmCode::ops
  int end = 0;
  int begin = 0;
  int item = 0;  // of a persistent CTA
  double iteration = 0;
  double count = 0;
  double wake = 0;
  double watched = 0;  // the last iteration at whose start the state was looked at
  RoleStatus status = RoleStatus::ready;
};

struct CtaState {
  const SmCode* code = nullptr;
  int resident = 0;
  int first_role = 0;
  int first_channel = 0;
  int items = 1;
  int items_left = 1;
  int roles_left = 0;     // not yet through the item; of a CTA that is not persistent
  int in_flight = 0;      // operations of its engines
  int first_through = 0;  // of a persistent CTA: roles that are through each item
};

struct Slot {
  double full = never;  // from when on a taker may use it
  double empty = 0;     // from when on a giver may fill it
  double emptied = 0;   // latest of the takers so far
  int pending = 0;      // takers still to finish
  int channel = 0;
};

// How many contents someone has come through, and the slot of the next.
struct Cursor {
  std::int64_t token = 0;
  int slot = 0;  // of the channel's

  void step(int depth) {
    ++token;
    if (++slot == depth) slot = 0;
  }
};

struct ChannelState {
  Cursor claimed;             // contents ever given
  std::uint32_t waiting = 0;  // roles of its CTA that its next change may let go on, a bit each
  int first_role = 0;         // of its CTA
  int first_slot = 0;
  int depth = 1;
  int takers = 1;
};

// An operation under way, with the slots it holds.
struct Running {
  const SmOp* op = nullptr;
  int cta = 0;
  int role = 0;  // in the list of roles
  double start = 0;
  int take_count = 0;
  std::array<int, most_waits> takes{};  // slots
  std::array<int, most_waits> gives{};
};

// How far one under way is, and what it needs to go on: all that an event looks at.
struct Progress {
  double left = 1;       // share still to do
  double rate = 0;       // share a cycle
  double full_rate = 0;  // the same with every pipe to itself
  const PipeUse* uses = nullptr;
  int use_count = 0;
  int place = 0;  // in the pool
  int op = 0;     // in its code
};

// The rates of a set of operations under way, in their order: an iteration like the last has the same sets.
struct KnownRates {
  static constexpr std::size_t most = 8;

  std::uint64_t key = 0;  // the operations, a byte each; 0 for none
  std::array<double, most> rates{};
};

// A ring, its memory a power of two.
struct Queue {
  std::vector<Running> waiting;
  std::size_t head = 0;
  std::size_t size = 0;
  bool busy = false;

  [[nodiscard]] bool may_go_on() const { return !busy && size > 0; }
  // So many behind the head.
  Running& at(std::size_t place) { return waiting[(head + place) & (waiting.size() - 1)]; }
  [[nodiscard]] const Running& at(std::size_t place) const { return waiting[(head + place) & (waiting.size() - 1)]; }
  void drop() {
    head = (head + 1) & (waiting.size() - 1);
    --size;
  }
};

// A channel from which a role takes at some time.
struct Taking {
  int role = 0;
  int channel = 0;
};

struct Snapshot {
  double time = 0;
  std::array<double, 64> iterations{};
  std::vector<double> memory;  // of the signature, which changes its length
  std::size_t length = 0;

  [[nodiscard]] std::span<const double> signature() const { return {memory.data(), length}; }
};

}  // namespace perfmodel
