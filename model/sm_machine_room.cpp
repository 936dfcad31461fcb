#include "model/sm_machine_room.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace perfmodel {

namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }

int queue_of(Engine engine) { return engine == Engine::tensor ? 0 : 1; }

}  // namespace

void SmMachineRoom::sleep(RoleState& role, double until) {
  role.status = RoleStatus::asleep;
  role.wake = until;
  asleep_.add(role.index);
}

// A slot of it was filled or emptied.
void SmMachineRoom::change(ChannelState& channel) {
  for (std::uint32_t left = channel.waiting; left != 0; left &= left - 1) {
    due_.add(channel.first_role + std::countr_zero(left));
  }
  channel.waiting = 0;
}

double SmMachineRoom::blocked(const RoleState& role, ChannelState& channel) const {
  channel.waiting |= 1U << static_cast<unsigned>(role.role);
  return never;
}

double SmMachineRoom::ready_at(const RoleState& role, const SmOp& op) {
  const CtaState& cta = ctas_[at(role.cta)];
  const SmCode& code = *cta.code;
  ChannelState* channels = channels_.data() + cta.first_channel;
  double when = 0;
  for (int i = 0; i < op.waits; ++i) {
    const SmWait& wait = code.waits[at(op.first_wait + i)];
    ChannelState& channel = channels[wait.channel];
    const Cursor& cursor = taken(role.index, wait.channel);
    if (channel.claimed.token <= cursor.token + wait.ahead) return blocked(role, channel);
    const int slot = wait.ahead == 0 ? cursor.slot : (cursor.slot + wait.ahead) % channel.depth;
    const double full = slots_[at(channel.first_slot + slot)].full;
    if (full == never) return blocked(role, channel);
    when = std::max(when, full);
  }
  for (int i = 0; i < op.gives; ++i) {
    ChannelState& channel = channels[code.gives[at(op.first_give + i)]];
    const double empty = slots_[at(channel.first_slot + channel.claimed.slot)].empty;
    if (empty == never) return blocked(role, channel);
    when = std::max(when, empty);
  }
  return when;
}

void SmMachineRoom::empty_slot(int index, double when) {
  Slot& slot = slots_[at(index)];
  slot.emptied = std::max(slot.emptied, when);
  if (--slot.pending <= 0) {
    slot.empty = slot.emptied;
    change(channels_[at(slot.channel)]);
  }
}

void SmMachineRoom::hold_slots(const RoleState& role, const SmOp& op, Running& running) {
  const CtaState& cta = ctas_[at(role.cta)];
  const SmCode& code = *cta.code;
  ChannelState* channels = channels_.data() + cta.first_channel;
  running.op = &op;
  running.cta = role.cta;
  running.role = role.index;
  running.start = now_;
  running.take_count = 0;
  for (int i = 0; i < op.waits; ++i) {
    const SmWait& wait = code.waits[at(op.first_wait + i)];
    if (!wait.take) continue;
    const ChannelState& channel = channels[wait.channel];
    Cursor& cursor = taken(role.index, wait.channel);
    const int slot = channel.first_slot + cursor.slot;
    cursor.step(channel.depth);
    if (wait.early) {
      empty_slot(slot, now_);
    } else {
      running.takes[at(running.take_count++)] = slot;
    }
  }
  for (int i = 0; i < op.gives; ++i) {
    ChannelState& channel = channels[code.gives[at(op.first_give + i)]];
    const int index = channel.first_slot + channel.claimed.slot;
    Slot& slot = slots_[at(index)];
    running.gives[at(i)] = index;
    slot = {never, never, 0, channel.takers, slot.channel};
    channel.claimed.step(channel.depth);
  }
}

// What is in its place of the pool starts to run.
void SmMachineRoom::begin(int place) {
  const Running& running = pool_[at(place)];
  const SmOp& op = *running.op;
  const PipeUse* uses = ctas_[at(running.cta)].code->uses.data() + op.first_use;
  const auto index = static_cast<int>(&op - ctas_[at(running.cta)].code->ops.data());
  running_.push_back({1, 0, 1.0 / op.floor, uses, op.uses, place, index});
  started_ = true;
}

void SmMachineRoom::complete(const Running& running) {
  const SmOp& op = *running.op;
  if (events_ != nullptr && op.floor > 0) {
    const CtaState& cta = ctas_[at(running.cta)];
    events_->push_back({static_cast<std::int16_t>(cta.resident), static_cast<std::int16_t>(running.cta),
                        static_cast<std::int16_t>(running.op - cta.code->ops.data()), running.start + offset_,
                        now_ + offset_});
  }
  for (int i = 0; i < running.take_count; ++i) empty_slot(running.takes[at(i)], now_ + op.take_lag);
  for (int i = 0; i < op.gives; ++i) {
    Slot& slot = slots_[at(running.gives[at(i)])];
    slot.full = now_ + op.give_lag;
    change(channels_[at(slot.channel)]);
  }
  if (op.engine != Engine::none && --ctas_[at(running.cta)].in_flight == 0) end_cta(running.cta);
}

void SmMachineRoom::start(int index, const SmOp& op) {
  RoleState& role = roles_[at(index)];
  if (op.engine == Engine::none) {
    Running& running = pool_[at(index)];
    hold_slots(role, op, running);
    if (op.floor <= 0) {
      complete(running);
      next_op(role);
      return;
    }
    role.status = RoleStatus::running;
    begin(index);
    return;
  }
  Queue& queue = queues_[at(queue_of(op.engine))];
  if (queue.size == queue.waiting.size()) {
    std::rotate(queue.waiting.begin(), queue.waiting.begin() + static_cast<std::ptrdiff_t>(queue.head),
                queue.waiting.end());
    queue.head = 0;
    queue.waiting.resize(2 * queue.waiting.size());
  }
  ++ctas_[at(role.cta)].in_flight;
  hold_slots(role, op, queue.at(queue.size++));
  next_op(role);
  if (op.issue > 0 && role.status != RoleStatus::done) {
    sleep(role, std::max(role.wake, now_ + op.issue));
  }
}

// Everything that can happen now. What one role or engine does may let another go on at the same time.
void SmMachineRoom::settle() {
  do {
    due_.drain([&](int role) { advance(role); });
    for (int queue = 0; queue < 2; ++queue) {
      if (queues_[at(queue)].may_go_on()) feed(queues_[at(queue)], engines_ + queue);
    }
  } while (!due_.empty());
}

void SmMachineRoom::advance(int index) {
  RoleState& role = roles_[at(index)];
  while (role.status == RoleStatus::ready || role.status == RoleStatus::asleep) {
    if (role.status == RoleStatus::asleep) {
      if (role.wake > now_ + instant) return;
      role.status = RoleStatus::ready;
      asleep_.remove(index);
    }
    const bool boundary = options_.skip && role.cta == 0 && role.op == role.begin && role.iteration > role.watched;
    if (boundary && ctas_[0].code->segments[at(role.segment)].reference == role.role) {
      role.watched = role.iteration;
      watch(role);
    }
    const SmOp& op = op_of(role);
    const double when = ready_at(role, op);
    if (when == never) return;
    if (when > now_ + instant) {
      sleep(role, when);
      return;
    }
    start(index, op);
  }
}

// The head of a queue starts when the one before it has ended.
void SmMachineRoom::feed(Queue& queue, int pool) {
  while (queue.may_go_on()) {
    Running& running = pool_[at(pool)];
    running = queue.waiting[queue.head];
    queue.drop();
    running.start = now_;
    if (running.op->floor <= 0) {
      complete(running);
      continue;
    }
    queue.busy = true;
    begin(pool);
  }
}

double SmMachineRoom::next_event() const {
  double when = never;
  for (const Progress& running : running_) {
    if (running.rate > 0) when = std::min(when, now_ + running.left / running.rate);
  }
  asleep_.for_each([&](int role) { when = std::min(when, roles_[at(role)].wake); });
  return when;
}

void SmMachineRoom::progress(double to) {
  const double step = to - now_;
  now_ = to;
  Progress* kept = running_.data();
  for (Progress& running : running_) {
    running.left -= step * running.rate;
    if (running.left > instant * running.rate) {
      if (kept != &running) *kept = running;
      ++kept;
      continue;
    }
    const int place = running.place;
    complete(pool_[at(place)]);
    started_ = true;
    if (place < engines_) {
      roles_[at(place)].status = RoleStatus::ready;
      next_op(roles_[at(place)]);
      due_.add(place);
    } else {
      queues_[at(place - engines_)].busy = false;
    }
  }
  running_.resize(static_cast<std::size_t>(kept - running_.data()));
  asleep_.for_each([&](int role) {
    if (roles_[at(role)].wake <= now_ + instant) due_.add(role);
  });
}

void SmMachineRoom::report(SimulationResult& result) const {
  result.time = now_ + offset_;
  result.blocked.fill(-1);
  std::size_t next = 0;
  for (const RoleState& role : roles_) {
    if (role.cta == 0 && role.status != RoleStatus::done && next < result.blocked.size()) {
      result.blocked[next++] = role.op;
    }
  }
}

SimulationResult SmMachineRoom::run(std::span<const SmResident> residents, const SimulationOptions& options,
                                    std::vector<SmEvent>* events) {
  options_ = options;
  events_ = events;
  set_up(residents);
  for (;;) {
    settle();
    if (started_) find_rates();
    started_ = false;
    const double when = next_event();
    if (when == never || ++result_.events > options.most_events) break;
    progress(std::max(when, now_));
  }
  for (const RoleState& role : roles_) result_.deadlock = result_.deadlock || role.status != RoleStatus::done;
  report(result_);
  return result_;
}

}  // namespace perfmodel
