// The simulation's moving parts. Internal to the simulator.
#pragma once

#include <span>
#include <vector>

#include "model/sm_state.hpp"

namespace perfmodel {

class SmMachineRoom {
 public:
  SimulationResult run(std::span<const SmResident> residents, const SimulationOptions& options,
                       std::vector<SmEvent>* events);

 private:
  void set_up(std::span<const SmResident> residents);
  void start_cta(int cta);
  void enter_segment(RoleState& role);
  void next_op(RoleState& role);
  void next_segment(RoleState& role);
  void finish_role_item(RoleState& role);
  void record_item(const CtaState& cta);
  void end_cta(int cta);

  [[nodiscard]] bool idle(const RoleState& role) const;
  void advance(int role);
  // When the operation can start; never while something that it waits for has not happened.
  double ready_at(RoleState& role, const SmOp& op) const;
  double blocked(RoleState& role, int channel) const;
  void start(int role, const SmOp& op);
  void hold_slots(const RoleState& role, const SmOp& op, Running& running);
  void complete(const Running& running);
  void empty_slot(int slot, double when);
  void feed(Queue& queue, int pool);
  void set_rates();
  void give_engines_rates(int engines);
  [[nodiscard]] double wanted(const Running& running) const;
  [[nodiscard]] double fetched() const;
  void give_rate(Running& running);
  void set_even_rates();
  double next_event() const;
  void progress(double to);

  // sm_recurrence.cpp
  void watch(const RoleState& reference);
  [[nodiscard]] bool has_settled() const;
  [[nodiscard]] std::size_t wanders() const;  // iterations to average over, or 0
  [[nodiscard]] double least_interval(const RoleState& reference) const;
  [[nodiscard]] const Snapshot& back(std::size_t snapshots) const;  // taken so many before the latest
  void sign(Snapshot& snapshot) const;
  bool skip_from(const Snapshot& before, const Snapshot& now, const RoleState& reference, bool exact,
                 double most_iterations);

  [[nodiscard]] const SmOp& op_of(const RoleState& role) const {
    return ctas_[static_cast<std::size_t>(role.cta)].code->ops[static_cast<std::size_t>(role.op)];
  }
  [[nodiscard]] std::int64_t& taken(int role, int channel) {
    return taken_[static_cast<std::size_t>(role) * channels_of_cta_ + static_cast<std::size_t>(channel)];
  }
  [[nodiscard]] std::int64_t taken(int role, int channel) const {
    return taken_[static_cast<std::size_t>(role) * channels_of_cta_ + static_cast<std::size_t>(channel)];
  }
  [[nodiscard]] static int place_of(const ChannelState& channel, std::int64_t token) {
    return channel.first_slot +
           static_cast<int>(static_cast<std::uint32_t>(token) % static_cast<std::uint32_t>(channel.depth));
  }
  [[nodiscard]] Slot& slot_of(const ChannelState& channel, std::int64_t token) {
    return slots_[static_cast<std::size_t>(place_of(channel, token))];
  }
  [[nodiscard]] const Slot& slot_of(const ChannelState& channel, std::int64_t token) const {
    return slots_[static_cast<std::size_t>(place_of(channel, token))];
  }
  [[nodiscard]] const ChannelState& channel_of(const RoleState& role, int channel) const {
    return channels_[static_cast<std::size_t>(ctas_[static_cast<std::size_t>(role.cta)].first_channel + channel)];
  }
  void report(SimulationResult& result) const;

  SimulationOptions options_;
  std::vector<SmEvent>* events_ = nullptr;
  SimulationResult result_;
  double now_ = 0;
  double offset_ = 0;  // of what was left out
  bool stirred_ = false;  // a slot was filled or emptied, or a CTA started
  bool started_ = false;  // the set of operations under way has changed

  std::vector<CtaState> ctas_;
  std::vector<RoleState> roles_;
  std::vector<ChannelState> channels_;
  std::vector<Slot> slots_;
  std::vector<std::int64_t> taken_;  // by role and channel of its CTA
  std::vector<int> through_;         // by CTA and item
  std::size_t channels_of_cta_ = 0;
  std::vector<Running> pool_;    // one place a role, then one an engine
  std::vector<int> order_;       // places under way, oldest first
  std::array<Queue, 2> queues_;  // tensor, tma
  std::array<double, max_sm_pipes> free_{};

  std::array<Snapshot, 12> snapshots_;
  std::size_t snapshot_count_ = 0;
  int watched_segment_ = -1;
};

}  // namespace perfmodel
