// The simulation's moving parts. Internal to the simulator.
#pragma once

#include <span>
#include <vector>

#include "model/sm_state.hpp"

namespace perfmodel {

// Cycles: events nearer than this are at the same time. More than the last digit of a long run, so that time always
// advances.
inline constexpr double instant = 1e-6;

class SmMachineRoom {
 public:
  SimulationResult run(std::span<const SmResident> residents, const SimulationOptions& options,
                       std::vector<SmEvent>* events);

 private:
  // sm_course.cpp
  void set_up(std::span<const SmResident> residents);
  void set_up_cta(const SmResident& resident, int index);
  void find_takings();
  void start_cta(int cta);
  void next_op(RoleState& role);
  void next_segment(RoleState& role);
  void finish_role_item(RoleState& role);
  void record_item(const CtaState& cta);
  void end_cta(int cta);

  // Whose turn it is. A role that waits for a channel or for a time is not looked at before.
  void sleep(RoleState& role, double until);
  void change(ChannelState& channel);
  void settle();
  void advance(int role);
  // When the operation can start; never while something that it waits for has not happened.
  double ready_at(const RoleState& role, const SmOp& op);
  double blocked(const RoleState& role, ChannelState& channel) const;
  void start(int role, const SmOp& op);
  void hold_slots(const RoleState& role, const SmOp& op, Running& running);
  void begin(int place);
  void complete(const Running& running);
  void empty_slot(int slot, double when);
  void feed(Queue& queue, int pool);
  double next_event() const;
  void progress(double to);
  void report(SimulationResult& result) const;

  // sm_sharing.cpp
  void find_rates();
  [[nodiscard]] std::uint64_t key_of_running() const;  // 0 where rates are not kept
  void set_rates();
  void give_engines_rates(Progress* first, Progress* second);
  [[nodiscard]] double wanted(const Progress& running) const;
  [[nodiscard]] double fetched() const;
  void give_rate(Progress& running);
  void set_even_rates();

  // sm_recurrence.cpp
  void watch(const RoleState& reference);
  [[nodiscard]] bool has_settled() const;
  [[nodiscard]] std::size_t wanders() const;  // iterations to average over, or 0
  [[nodiscard]] double least_interval(const RoleState& reference) const;
  [[nodiscard]] const Snapshot& back(std::size_t snapshots) const;  // taken so many before the latest
  [[nodiscard]] std::size_t longest_signature() const;
  void sign(Snapshot& snapshot) const;
  bool skip_from(const Snapshot& before, const Snapshot& now, const RoleState& reference, bool exact,
                 double most_iterations);

  [[nodiscard]] const SmOp& op_of(const RoleState& role) const {
    return ctas_[static_cast<std::size_t>(role.cta)].code->ops[static_cast<std::size_t>(role.op)];
  }
  // Of the role among all, of the channel among those of its CTA.
  [[nodiscard]] Cursor& taken(int role, int channel) {
    return taken_[static_cast<std::size_t>(role) * channels_of_cta_ + static_cast<std::size_t>(channel)];
  }
  [[nodiscard]] const Cursor& taken(int role, int channel) const {
    return taken_[static_cast<std::size_t>(role) * channels_of_cta_ + static_cast<std::size_t>(channel)];
  }

  SimulationOptions options_;
  std::vector<SmEvent>* events_ = nullptr;
  SimulationResult result_;
  double now_ = 0;
  double offset_ = 0;  // of what was left out
  int pipes_ = 0;
  int engines_ = 0;       // the first one's place in the pool
  bool started_ = false;  // the set of operations under way has changed

  std::vector<CtaState> ctas_;
  std::vector<RoleState> roles_;
  RoleSet due_;  // to be looked at
  RoleSet asleep_;
  std::vector<ChannelState> channels_;
  std::vector<Slot> slots_;
  std::vector<Cursor> taken_;    // by role and channel of its CTA
  std::vector<Taking> takings_;  // of all roles
  std::vector<char> takes_;      // by role and channel of its CTA
  std::vector<int> through_;     // by CTA and item
  std::size_t channels_of_cta_ = 0;
  std::vector<Running> pool_;      // one place a role, then one an engine
  std::vector<Progress> running_;  // oldest first
  std::array<Queue, 2> queues_;    // tensor, tma
  std::array<double, max_sm_pipes> free_{};
  std::array<KnownRates, 256> known_rates_;
  bool keeps_rates_ = false;

  std::array<Snapshot, 12> snapshots_;
  std::size_t snapshot_count_ = 0;
  int watched_segment_ = -1;
  std::size_t differs_ = 0;  // where two signatures did last
};

}  // namespace perfmodel
