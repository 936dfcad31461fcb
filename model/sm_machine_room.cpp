#include "model/sm_machine_room.hpp"

#include <algorithm>
#include <cmath>

namespace perfmodel {

namespace {

// Of shared memory's bandwidth, beside tensor cores that would take all of it: wgmma then loses 1.3 times (H200, own
// probe).
constexpr double least_of_warps = 1 - 1 / 1.3;
// Cycles: events nearer than this are at the same time. More than the last digit of a long run, so that time always
// advances.
constexpr double instant = 1e-6;

std::size_t at(int index) { return static_cast<std::size_t>(index); }

int queue_of(Engine engine) { return engine == Engine::tensor ? 0 : 1; }

}  // namespace

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
    stirred_ = true;
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
    stirred_ = true;
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

// Whether it would do nothing now.
bool SmMachineRoom::idle(const RoleState& role) const {
  if (role.blocked_by >= 0) return channels_[at(role.blocked_by)].changes == role.seen;
  if (role.status == RoleStatus::asleep) return role.wake > now_ + instant;
  return role.status != RoleStatus::ready;
}

void SmMachineRoom::advance(int index) {
  RoleState& role = roles_[at(index)];
  role.blocked_by = -1;
  while (role.status == RoleStatus::ready || role.status == RoleStatus::asleep) {
    if (role.status == RoleStatus::asleep) {
      if (role.wake > now_ + instant) return;
      role.status = RoleStatus::ready;
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
      role.status = RoleStatus::asleep;
      role.wake = when;
      return;
    }
    start(index, op);
  }
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
      continue;
    }
    queue.busy = true;
    order_.push_back(pool);
    started_ = true;
  }
}

// The share of shared memory that an operation under way would take, were it alone.
double SmMachineRoom::wanted(const Running& running) const {
  const SmCode& code = *ctas_[at(running.cta)].code;
  double sum = 0;
  for (int i = 0; i < running.op->uses; ++i) {
    const PipeUse& use = code.uses[at(running.op->first_use + i)];
    if (use.pipe == code.smem_pipe) sum += use.work / running.op->floor;
  }
  return sum;
}

// The same of the engines together.
double SmMachineRoom::fetched() const {
  double sum = 0;
  for (const int place : order_) {
    if (place >= static_cast<int>(roles_.size())) sum += wanted(pool_[at(place)]);
  }
  return sum;
}

// Warps before engines: an operand fetch of a whole tile gives way to a warp's single access. With operands first,
// warps get what the engines leave of shared memory, and a small share where they would leave nothing.
void SmMachineRoom::set_rates() {
  if (options_.arbitration == Arbitration::even) {
    set_even_rates();
    return;
  }
  free_.fill(1.0);
  const int engines = static_cast<int>(roles_.size());
  const bool product = std::ranges::find(order_, engines) != order_.end();
  for (const PipeUse& taken : ctas_[0].code->withheld) {
    if (product) free_[static_cast<std::size_t>(taken.pipe)] -= taken.work;
  }
  const bool operands_first = options_.arbitration == Arbitration::operands_first;
  const double kept = operands_first ? std::min(fetched(), 1 - least_of_warps) : 0.0;
  double& shared = free_[at(ctas_[0].code->smem_pipe)];
  shared -= kept;
  for (const int place : order_) {
    if (place < engines) give_rate(pool_[at(place)]);
  }
  shared += kept;
  give_engines_rates(engines);
}

// Products and the copies that feed them come to their parts over an iteration, because copies run ahead by the depth
// of their ring: products leave copies theirs, and copies get what products cannot use beside. So both a loop of
// products alone and one of shared memory take what the pipe takes: H100, 4096 x 12288 x 4096 in tiles of 128 x 256,
// 795,682 clk for 12 x 64 iterations of 1024; tiles of 64 x 128, 319 clk of 192 for reads and 192 for writes, see
// copy_contention (counters.csv). Nothing is known of copies out of shared memory: whoever started first.
void SmMachineRoom::give_engines_rates(int engines) {
  const auto busy = [&](int place) { return std::ranges::find(order_, place) != order_.end(); };
  const int tensor = engines;
  const int copies = engines + 1;
  if (!busy(tensor) || !busy(copies) || pool_[at(copies)].op->copied <= 0) {
    for (const int place : order_) {
      if (place >= engines) give_rate(pool_[at(place)]);
    }
    return;
  }
  double& shared = free_[at(ctas_[0].code->smem_pipe)];
  const double kept = std::min(wanted(pool_[at(copies)]), pool_[at(copies)].op->copied * std::max(0.0, shared));
  shared -= kept;
  give_rate(pool_[at(tensor)]);
  shared += kept;
  give_rate(pool_[at(copies)]);
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
    // Another round only if slots have changed hands: nothing else lets a role go on at the same time.
    do {
      stirred_ = false;
      for (int role = 0; role < roles; ++role) {
        if (!idle(roles_[at(role)])) advance(role);
      }
      for (int queue = 0; queue < 2; ++queue) feed(queues_[at(queue)], roles + queue);
    } while (stirred_);
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
