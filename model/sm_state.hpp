// What a simulation keeps between two events. Internal to the simulator.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "model/sm_simulate.hpp"

namespace perfmodel {

inline constexpr double never = std::numeric_limits<double>::infinity();
inline constexpr int most_waits = 8;  // channels that one operation waits for or gives to

enum class RoleStatus : std::uint8_t { ready, asleep, running, done };

struct RoleState {
  int cta = 0;   // index in Simulator's list of CTAs
  int role = 0;  // of its code
  int segment = 0;
  int op = 0;  // in SmCode::ops
  int end = 0;
  int begin = 0;
  double iteration = 0;
  double count = 0;
  double wake = 0;
  double watched = 0;      // the last iteration at whose start the state was looked at
  int item = 0;            // of a persistent CTA
  int blocked_by = -1;     // channel that has to change before it can go on
  std::uint32_t seen = 0;  // changes of that channel when it was looked at
  RoleStatus status = RoleStatus::ready;
};

struct CtaState {
  const SmCode* code = nullptr;
  int resident = 0;
  int first_role = 0;
  int first_channel = 0;
  int items = 1;
  int items_left = 1;
  int roles_left = 0;             // not yet through the item; of a CTA that is not persistent
  int in_flight = 0;              // operations of its engines
  int first_through = 0;  // of a persistent CTA: roles that are through each item
};

struct Slot {
  double full = never;  // from when on a taker may use it
  double empty = 0;     // from when on a giver may fill it
  double emptied = 0;   // latest of the takers so far
  int pending = 0;      // takers still to finish
  int channel = 0;
};

struct ChannelState {
  std::int64_t claimed = 0;  // slots ever given a content
  std::uint32_t changes = 0;
  int first_slot = 0;
  int depth = 1;
  int takers = 1;
};

// An operation under way, with the slots it holds.
struct Running {
  const SmOp* op = nullptr;
  int cta = 0;
  int role = 0;     // in the list of roles
  double left = 1;  // share still to do
  double rate = 0;  // share a cycle
  double start = 0;
  std::array<int, most_waits> takes{};  // slots
  std::array<std::int16_t, most_waits> take_channels{};
  std::array<int, most_waits> gives{};
  int take_count = 0;
};

struct Queue {
  std::vector<Running> waiting;  // a ring
  std::size_t head = 0;
  std::size_t size = 0;
  bool busy = false;
};

struct Snapshot {
  double time = 0;
  std::array<double, 64> iterations{};
  std::vector<double> signature;
};

}  // namespace perfmodel
