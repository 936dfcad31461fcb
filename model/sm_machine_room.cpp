#include "model/sm_machine_room.hpp"

#include <algorithm>
#include <cmath>

namespace perfmodel {

namespace {

constexpr double instant = 1e-9;  // cycles: events nearer than this are at the same time

std::size_t at(int index) { return static_cast<std::size_t>(index); }

int queue_of(Engine engine) { return engine == Engine::tensor ? 0 : 1; }

}  // namespace

void SmMachineRoom::set_up(std::span<const SmResident> residents) {
  ctas_.clear();
  roles_.clear();
  channels_.clear();
  slots_.clear();
  order_.clear();
  channels_of_cta_ = 0;
  now_ = offset_ = 0;
  snapshot_count_ = 0;
  watched_segment_ = -1;
  result_ = {};
  for (Queue& queue : queues_) queue.head = queue.size = 0, queue.busy = false;
  for (std::size_t resident = 0; resident < residents.size(); ++resident) {
    const SmCode& code = *residents[resident].code;
    channels_of_cta_ = std::max(channels_of_cta_, code.channels.size());
    for (int i = 0; i < residents[resident].ctas; ++i) {
      CtaState cta;
      cta.code = &code;
      cta.resident = static_cast<int>(resident);
      cta.first_role = static_cast<int>(roles_.size());
      cta.first_channel = static_cast<int>(channels_.size());
      cta.items = cta.items_left = residents[resident].items > 0 ? residents[resident].items : options_.items;
      roles_.resize(roles_.size() + at(code.roles));
      for (const SmChannel& channel : code.channels) {
        channels_.push_back({0, 0, static_cast<int>(slots_.size()), channel.depth, channel.takers});
        slots_.resize(slots_.size() + at(channel.depth));
      }
      ctas_.push_back(cta);
    }
  }
  taken_.assign(roles_.size() * channels_of_cta_, 0);
  pool_.resize(std::max(pool_.size(), roles_.size() + 2));
  for (Queue& queue : queues_) queue.waiting.resize(std::max<std::size_t>(queue.waiting.size(), 64));
  for (int cta = 0; cta < static_cast<int>(ctas_.size()); ++cta) start_cta(cta);
}

void SmMachineRoom::start_cta(int index) {
  CtaState& cta = ctas_[at(index)];
  const SmCode& code = *cta.code;
  for (std::size_t i = 0; i < code.channels.size(); ++i) {
    ChannelState& channel = channels_[at(cta.first_channel) + i];
    channel.claimed = code.channels[i].initial;
    ++channel.changes;
    for (int s = 0; s < channel.depth; ++s) {
      Slot& slot = slots_[at(channel.first_slot + s)];
      const bool full = s < code.channels[i].initial;
      slot = {full ? now_ : never, full ? never : now_, 0, full ? channel.takers : 0,
              cta.first_channel + static_cast<int>(i)};
    }
  }
  cta.roles_left = code.roles;
  for (int i = 0; i < code.roles; ++i) {
    RoleState& role = roles_[at(cta.first_role + i)];
    role = {};
    role.cta = index;
    role.role = i;
    for (std::size_t c = 0; c < channels_of_cta_; ++c) taken(cta.first_role + i, static_cast<int>(c)) = 0;
    role.segment = -1;
  }
  for (int i = 0; i < code.roles; ++i) next_segment(roles_[at(cta.first_role + i)]);
}

void SmMachineRoom::next_segment(RoleState& role) {
  const SmCode& code = *ctas_[at(role.cta)].code;
  for (;;) {
    if (++role.segment >= static_cast<int>(code.segments.size())) {
      finish_role_item(role);
      return;
    }
    const SmSegment& segment = code.segments[at(role.segment)];
    const SmRange range = segment.roles[at(role.role)];
    if (segment.count < 1 || range.begin == range.end) continue;
    role.begin = role.op = range.begin;
    role.end = range.end;
    role.count = segment.count;
    role.iteration = 0;
    return;
  }
}

void SmMachineRoom::next_op(RoleState& role) {
  if (++role.op < role.end) return;
  role.op = role.begin;
  role.iteration += 1;
  if (role.iteration >= role.count) next_segment(role);
}

// A role of a persistent CTA goes on with the next item by itself; the others wait until the CTA has ended.
void SmMachineRoom::finish_role_item(RoleState& role) {
  CtaState& cta = ctas_[at(role.cta)];
  if (cta.code->persistent) {
    int& through = cta.through[at(role.item) % cta.through.size()];
    if (++through == cta.code->roles) {
      through = 0;
      record_item(cta);
    }
    if (++role.item < cta.items) {
      role.segment = -1;
      role.watched = 0;
      next_segment(role);
      return;
    }
  } else {
    --cta.roles_left;
  }
  role.status = RoleStatus::done;
  role.op = role.begin = role.end = 0;
  end_cta(role.cta);
}

void SmMachineRoom::record_item(const CtaState& cta) {
  const double end = now_ + offset_;
  const auto resident = at(std::min(cta.resident, max_simulated - 1));
  ++result_.items;
  if (result_.first_item[resident] <= 0) result_.first_item[resident] = end;
  result_.last_item[resident] = end;
}

// A CTA that is not persistent ends with its last operation, stores among them, and leaves its place to the next.
void SmMachineRoom::end_cta(int index) {
  CtaState& cta = ctas_[at(index)];
  if (cta.code->persistent || cta.roles_left > 0 || cta.in_flight > 0 || cta.items_left <= 0) return;
  record_item(cta);
  if (--cta.items_left <= 0) return;
  start_cta(index);
  for (int i = 0; i < cta.code->roles; ++i) {
    RoleState& role = roles_[at(cta.first_role + i)];
    if (role.status == RoleStatus::done) continue;
    role.status = RoleStatus::asleep;
    role.wake = now_ + cta.code->restart;
  }
}

double SmMachineRoom::blocked(RoleState& role, int channel) const {
  role.blocked_by = ctas_[at(role.cta)].first_channel + channel;
  role.seen = channels_[at(role.blocked_by)].changes;
  return never;
}

double SmMachineRoom::ready_at(RoleState& role, const SmOp& op) const {
  const CtaState& cta = ctas_[at(role.cta)];
  const SmCode& code = *cta.code;
  const int self = cta.first_role + role.role;
  double when = 0;
  for (int i = 0; i < op.waits; ++i) {
    const SmWait& wait = code.waits[at(op.first_wait + i)];
    const ChannelState& state = channel_of(role, wait.channel);
    const std::int64_t token = taken(self, wait.channel) + wait.ahead;
    if (state.claimed <= token) return blocked(role, wait.channel);
    const double full = slot_of(state, token).full;
    if (full == never) return blocked(role, wait.channel);
    when = std::max(when, full);
  }
  for (int i = 0; i < op.gives; ++i) {
    const int channel = code.gives[at(op.first_give + i)];
    const ChannelState& state = channel_of(role, channel);
    const double empty = slot_of(state, state.claimed).empty;
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
    ++channels_[at(slot.channel)].changes;
  }
}

void SmMachineRoom::hold_slots(const RoleState& role, const SmOp& op, Running& running) {
  const CtaState& cta = ctas_[at(role.cta)];
  const SmCode& code = *cta.code;
  running.op = &op;
  running.cta = role.cta;
  running.role = cta.first_role + role.role;
  running.left = 1;
  running.start = now_;
  running.take_count = 0;
  for (int i = 0; i < op.waits; ++i) {
    const SmWait& wait = code.waits[at(op.first_wait + i)];
    if (!wait.take) continue;
    const ChannelState& channel = channel_of(role, wait.channel);
    const auto token = taken(running.role, wait.channel)++;
    const int slot = place_of(channel, token);
    if (wait.early) {
      empty_slot(slot, now_);
    } else {
      running.takes[at(running.take_count++)] = slot;
    }
  }
  for (int i = 0; i < op.gives; ++i) {
    ChannelState& channel = channels_[at(cta.first_channel + code.gives[at(op.first_give + i)])];
    Slot& slot = slot_of(channel, channel.claimed);
    running.gives[at(i)] = place_of(channel, channel.claimed);
    slot = {never, never, 0, channel.takers, slot.channel};
    ++channel.claimed;
  }
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
    ++channels_[at(slot.channel)].changes;
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
    order_.push_back(index);
    started_ = true;
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
  hold_slots(role, op, queue.waiting[(queue.head + queue.size++) % queue.waiting.size()]);
  next_op(role);
  if (op.issue > 0 && role.status != RoleStatus::done) {
    role.wake = std::max(role.wake, now_ + op.issue);
    role.status = RoleStatus::asleep;
  }
}

bool SmMachineRoom::advance(int index) {
  RoleState& role = roles_[at(index)];
  if (role.blocked_by >= 0) {
    if (channels_[at(role.blocked_by)].changes == role.seen) return false;
    role.blocked_by = -1;
  }
  bool acted = false;
  while (role.status == RoleStatus::ready || role.status == RoleStatus::asleep) {
    if (role.status == RoleStatus::asleep) {
      if (role.wake > now_ + instant) return acted;
      role.status = RoleStatus::ready;
    }
    const bool boundary = options_.skip && role.cta == 0 && role.op == role.begin && role.iteration > role.watched;
    if (boundary && ctas_[0].code->segments[at(role.segment)].reference == role.role) {
      role.watched = role.iteration;
      watch(role);
    }
    const SmOp& op = op_of(role);
    const double when = ready_at(role, op);
    if (when == never) return acted;
    if (when > now_ + instant) {
      role.status = RoleStatus::asleep;
      role.wake = when;
      return acted;
    }
    start(index, op);
    acted = true;
  }
  return acted;
}

// The head of a queue starts when the one before it has ended.
void SmMachineRoom::feed(Queue& queue, int pool) {
  while (!queue.busy && queue.size > 0) {
    Running& running = pool_[at(pool)];
    running = queue.waiting[queue.head];
    queue.head = (queue.head + 1) % queue.waiting.size();
    --queue.size;
    running.start = now_;
    if (running.op->floor <= 0) {
      complete(running);
      changed_ = true;
      continue;
    }
    queue.busy = true;
    order_.push_back(pool);
    started_ = true;
  }
}

// Warps before engines: an operand fetch of a whole tile gives way to a warp's single access.
void SmMachineRoom::set_rates() {
  if (options_.arbitration == Arbitration::even) {
    set_even_rates();
    return;
  }
  free_.fill(1.0);
  const int engines = static_cast<int>(roles_.size());
  for (const int place : order_) {
    if (place < engines) give_rate(pool_[at(place)]);
  }
  for (const int place : order_) {
    if (place >= engines) give_rate(pool_[at(place)]);
  }
}

// What the operation can use of what those before it have left of its pipes.
void SmMachineRoom::give_rate(Running& running) {
  const SmOp& op = *running.op;
  const PipeUse* uses = ctas_[at(running.cta)].code->uses.data() + op.first_use;
  double rate = 1.0 / op.floor;
  for (int i = 0; i < op.uses; ++i) {
    const double left = free_[static_cast<std::size_t>(uses[i].pipe)];
    if (rate * uses[i].work > left) rate = left / uses[i].work;
  }
  for (int i = 0; i < op.uses; ++i) {
    double& left = free_[static_cast<std::size_t>(uses[i].pipe)];
    left -= rate * uses[i].work;
    if (left < 1e-12) left = 0;
  }
  running.rate = rate;
}

void SmMachineRoom::set_even_rates() {
  std::array<double, max_sm_pipes> asked{};
  const auto uses_of = [&](const Running& running) {
    return std::span(ctas_[at(running.cta)].code->uses).subspan(at(running.op->first_use), at(running.op->uses));
  };
  for (const int place : order_) {
    const Running& running = pool_[at(place)];
    for (const PipeUse& use : uses_of(running))
      asked[static_cast<std::size_t>(use.pipe)] += use.work / running.op->floor;
  }
  for (const int place : order_) {
    Running& running = pool_[at(place)];
    double most = 1;
    for (const PipeUse& use : uses_of(running)) most = std::max(most, asked[static_cast<std::size_t>(use.pipe)]);
    running.rate = 1.0 / (running.op->floor * most);
  }
}

double SmMachineRoom::next_event() const {
  double when = never;
  for (const int place : order_) {
    const Running& running = pool_[at(place)];
    if (running.rate > 0) when = std::min(when, now_ + running.left / running.rate);
  }
  for (const RoleState& role : roles_) {
    if (role.status == RoleStatus::asleep) when = std::min(when, role.wake);
  }
  return when;
}

void SmMachineRoom::progress(double to) {
  const double step = to - now_;
  now_ = to;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const int place = order_[i];
    Running& running = pool_[at(place)];
    running.left -= step * running.rate;
    if (running.left > instant * running.rate) {
      order_[kept++] = place;
      continue;
    }
    complete(running);
    started_ = true;
    if (place < static_cast<int>(roles_.size())) {
      roles_[at(place)].status = RoleStatus::ready;
      next_op(roles_[at(place)]);
    } else {
      queues_[at(place - static_cast<int>(roles_.size()))].busy = false;
    }
  }
  order_.resize(kept);
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
  const int roles = static_cast<int>(roles_.size());
  for (;;) {
    do {
      changed_ = false;
      for (int role = 0; role < roles; ++role) changed_ = advance(role) || changed_;
      for (int queue = 0; queue < 2; ++queue) feed(queues_[at(queue)], roles + queue);
    } while (changed_);
    if (started_) set_rates();
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
