#include "workloads/pipeline_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "support/suggest.hpp"

namespace perfmodel {

namespace {

constexpr double rounding = 1e-9;
constexpr double most_iterations = 100;  // of a loop that are played

std::size_t at(int index) { return static_cast<std::size_t>(index); }

// A program played without time: an operation happens as soon as its waits are over. Whoever waits for ever waits in
// any order of events, since a ring has one giver and every role is sequential.
class Game {
 public:
  Game(const Pipeline& pipeline, double most_iterations)
      : pipeline_(pipeline),
        most_(most_iterations),
        claimed_(pipeline.channels.size()),
        taken_(pipeline.roles.size(), std::vector<std::int64_t>(pipeline.channels.size(), 0)),
        takers_(pipeline.channels.size()),
        at_(pipeline.roles.size()) {
    for (std::size_t c = 0; c < claimed_.size(); ++c) claimed_[c] = pipeline.channels[c].initial;
    for (const PipelineSegment& segment : pipeline.segments) {
      for (const PipelineOp& op : segment.ops) {
        for (const int channel : op.takes) {
          auto& takers = takers_[at(channel)];
          if (std::ranges::find(takers, op.role) == takers.end()) takers.push_back(op.role);
        }
      }
    }
  }

  // True if every role came through.
  bool play() {
    for (bool moved = true; moved;) {
      moved = false;
      for (int role = 0; role < static_cast<int>(at_.size()); ++role) {
        while (const PipelineOp* op = next(role)) {
          if (obstacle(*op) >= 0) break;
          act(*op);
          ++at_[at(role)].op;
          moved = true;
        }
      }
    }
    for (int role = 0; role < static_cast<int>(at_.size()); ++role) {
      if (next(role) != nullptr) return false;
    }
    return true;
  }

  // The operation that a role stands at; null behind its last.
  const PipelineOp* next(int role) {
    Place& place = at_[at(role)];
    while (place.segment < pipeline_.segments.size()) {
      const PipelineSegment& segment = pipeline_.segments[place.segment];
      while (place.op < segment.ops.size() && segment.ops[place.op].role != role) ++place.op;
      if (place.op < segment.ops.size() && place.iteration < std::min(most_, std::floor(segment.count))) {
        return &segment.ops[place.op];
      }
      place.op = 0;
      if (++place.iteration >= std::min(most_, std::floor(segment.count))) {
        place.iteration = 0;
        ++place.segment;
      }
    }
    return nullptr;
  }

  // The channel that keeps it from happening, -1 for none.
  int obstacle(const PipelineOp& op) const {
    for (const int channel : op.takes) {
      if (claimed_[at(channel)] <= taken_[at(op.role)][at(channel)]) return channel;
    }
    for (const PipelineRead& read : op.reads) {
      if (claimed_[at(read.channel)] <= taken_[at(op.role)][at(read.channel)] + read.ahead) return read.channel;
    }
    for (const int channel : op.gives) {
      if (full(channel) >= pipeline_.channels[at(channel)].depth) return channel;
    }
    return -1;
  }

  [[nodiscard]] static bool gives(const PipelineOp& op, int channel) {
    return std::ranges::find(op.gives, channel) != op.gives.end();
  }

  [[nodiscard]] std::int64_t given(int channel) const {
    return claimed_[at(channel)] - pipeline_.channels[at(channel)].initial;
  }
  [[nodiscard]] std::int64_t taken(int role, int channel) const { return taken_[at(role)][at(channel)]; }
  [[nodiscard]] const std::vector<int>& takers(int channel) const { return takers_[at(channel)]; }

 private:
  struct Place {
    std::size_t segment = 0;
    std::size_t op = 0;
    double iteration = 0;
  };

  [[nodiscard]] std::int64_t full(int channel) const {
    std::int64_t least = claimed_[at(channel)];
    for (const int role : takers_[at(channel)]) least = std::min(least, taken_[at(role)][at(channel)]);
    return takers_[at(channel)].empty() ? 0 : claimed_[at(channel)] - least;
  }

  void act(const PipelineOp& op) {
    for (const int channel : op.takes) ++taken_[at(op.role)][at(channel)];
    for (const int channel : op.gives) ++claimed_[at(channel)];
  }

  const Pipeline& pipeline_;
  double most_;
  std::vector<std::int64_t> claimed_;
  std::vector<std::vector<std::int64_t>> taken_;  // by role, by channel
  std::vector<std::vector<int>> takers_;
  std::vector<Place> at_;
};

struct Users {
  std::vector<const PipelineOp*> givers, takers;
};

Users users_of(const Pipeline& pipeline, int channel) {
  Users users;
  for (const PipelineSegment& segment : pipeline.segments) {
    for (const PipelineOp& op : segment.ops) {
      if (std::ranges::find(op.gives, channel) != op.gives.end()) users.givers.push_back(&op);
      if (std::ranges::find(op.takes, channel) != op.takes.end()) users.takers.push_back(&op);
    }
  }
  return users;
}

bool check_users(const Pipeline& pipeline, Diagnostics& faults) {
  const std::size_t before = faults.error_count();
  for (int c = 0; c < static_cast<int>(pipeline.channels.size()); ++c) {
    const PipelineChannel& channel = pipeline.channels[at(c)];
    const Users users = users_of(pipeline, c);
    if (users.givers.empty() || users.takers.empty()) {
      const bool given = !users.givers.empty();
      faults
          .error(channel.location,
                 fmt::format("no operation {} channel '{}'", given ? "takes from" : "gives to", channel.name))
          .note(fmt::format("list it under '{}' of the operation that {} its slots, or leave the channel out",
                            given ? "takes" : "gives", given ? "empties" : "fills"));
      continue;
    }
    const auto other = std::ranges::find_if(
        users.givers, [&](const PipelineOp* op) { return op->role != users.givers.front()->role; });
    if (other != users.givers.end()) {
      faults
          .error((*other)->location, fmt::format("'{}' is a second role that gives to channel '{}'",
                                                 pipeline.roles[at((*other)->role)].name, channel.name))
          .note(users.givers.front()->location, "the first gives to it here")
          .note("a ring has one giver: give each role a channel of its own");
    }
  }
  for (const PipelineSegment& segment : pipeline.segments) {
    for (const PipelineOp& op : segment.ops) {
      for (const PipelineRead& read : op.reads) {
        const Users users = users_of(pipeline, read.channel);
        const bool own = std::ranges::any_of(users.takers, [&](const PipelineOp* o) { return o->role == op.role; });
        if (own || users.takers.empty()) continue;
        const std::string& channel = pipeline.channels[at(read.channel)].name;
        faults
            .error(op.location, fmt::format("'{}' reads channel '{}', which its role '{}' never takes from", op.name,
                                            channel, pipeline.roles[at(op.role)].name))
            .note(fmt::format("let the role's last operation that needs the slot take it: 'takes: [{}]'", channel));
      }
    }
  }
  return faults.error_count() == before;
}

// What would let a role go on that waits there.
std::string remedy_of_wait(const Pipeline& pipeline, const Game& game, const PipelineOp& op, int channel) {
  const PipelineChannel& ring = pipeline.channels[at(channel)];
  if (game.gives(op, channel)) {
    return fmt::format("to go on: more slots ('depth' of '{}' is {}), or take from it earlier", ring.name, ring.depth);
  }
  return fmt::format("to go on: give to '{}' before this, or let slots of it start full ('initial' is {})", ring.name,
                     ring.initial);
}

void report_deadlock(const Pipeline& pipeline, Game& game, Diagnostics& faults) {
  Diagnostic* found = nullptr;
  std::vector<std::string> remedies;
  for (int role = 0; role < static_cast<int>(pipeline.roles.size()); ++role) {
    const PipelineOp* op = game.next(role);
    if (op == nullptr) continue;
    const int channel = game.obstacle(*op);
    const std::string text =
        fmt::format("'{}' waits for {} slot of '{}'", op->name, game.gives(*op, channel) ? "an empty" : "a full",
                    pipeline.channels[at(channel)].name);
    if (found == nullptr) {
      found = &faults.error(op->location, "deadlock: " + text);
    } else {
      found->note(op->location, text);
    }
    remedies.push_back(remedy_of_wait(pipeline, game, *op, channel));
  }
  for (const std::string& remedy : remedies) found->note(remedy);
}

void check_balance(const Pipeline& pipeline, const Game& game, Diagnostics& faults) {
  for (int c = 0; c < static_cast<int>(pipeline.channels.size()); ++c) {
    for (const int role : game.takers(c)) {
      if (game.taken(role, c) == game.given(c)) continue;
      faults
          .error(pipeline.channels[at(c)].location,
                 fmt::format("channel '{}' is unbalanced: an item gives {} slots and role '{}' takes {}",
                             pipeline.channels[at(c)].name, game.given(c), pipeline.roles[at(role)].name,
                             game.taken(role, c)))
          .note("the next item would start with other slots: let the segments' counts give and take alike");
    }
  }
}

struct DutyWord {
  Duty duty;
  std::string_view words;
};

// In the order in which a cheat is told: what was left out outright before what follows from it.
constexpr std::array<DutyWord, 18> duty_words{{{Duty::qk, "multiply-adds of Q K^T"},
                                               {Duty::pv, "multiply-adds of P V"},
                                               {Duty::dp, "multiply-adds of dP"},
                                               {Duty::dv, "multiply-adds of dV"},
                                               {Duty::dk, "multiply-adds of dK"},
                                               {Duty::dq, "multiply-adds of dQ"},
                                               {Duty::gemm, "multiply-adds"},
                                               {Duty::max, "scores in row maxima"},
                                               {Duty::scale, "scaled scores"},
                                               {Duty::exp, "exponentials"},
                                               {Duty::convert, "conversions"},
                                               {Duty::sum, "scores in row sums"},
                                               {Duty::mask, "masked scores"},
                                               {Duty::normalise, "normalised outputs"},
                                               {Duty::grad, "gradients of scores"},
                                               {Duty::dropout, "dropout decisions"},
                                               {Duty::load, "bytes loaded"},
                                               {Duty::store, "bytes stored"}}};

bool enough(double done, double demand) { return done >= demand * (1 - rounding); }

// Rows rescaled or decided about; a rescaled output row is head_dim_v elements, which is P V over the scores.
double rescaled_rows(const Pipeline& pipeline, const PipelineDemand& done) {
  const double width = pipeline.demand[Duty::normalise] / std::max(1, pipeline.cta_m);
  return done[Duty::vote] + (width > 0 ? done[Duty::rescale] / width : 0);
}

}  // namespace

void check_rings(const Pipeline& pipeline, Diagnostics& faults) {
  if (!check_users(pipeline, faults)) return;
  Game game(pipeline, most_iterations);
  if (!game.play()) {
    report_deadlock(pipeline, game, faults);
  } else {
    check_balance(pipeline, game, faults);
  }
}

namespace {

// The first operation that does some of it, else the program.
Location place_of(const Pipeline& pipeline, Duty duty) {
  for (const PipelineSegment& segment : pipeline.segments) {
    for (const PipelineOp& op : segment.ops) {
      if (std::ranges::find(op.duties, duty, &DutyAmount::duty) != op.duties.end()) return op.location;
    }
  }
  return pipeline.location;
}

// How a program comes to do that work.
std::string provider_of(Duty duty) {
  switch (duty) {
    case Duty::load: return "'load' of an operation counts towards it";
    case Duty::store: return "'store' of an operation counts towards it";
    case Duty::convert: return "the sequences 'softmax_convert', 'epilogue' count towards it";
    case Duty::dropout: return "the sequence 'dropout_mask', or 'dropout_apply' on scores, counts towards it";
    case Duty::vote: return "the sequences 'softmax_rescale', 'softmax_vote' and 'softmax_select' count towards it";
    default: break;
  }
  const std::string_view name = duty_names[static_cast<std::size_t>(duty)];
  if (duty <= Duty::gemm) return fmt::format("a product with 'is: {}' counts towards it", name);
  return fmt::format("the sequence 'softmax_{}' counts towards it", name);
}

}  // namespace

bool RingMemory::hold(const EvaluatedPipeline& evaluated) {
  constexpr std::size_t most_known = 64;
  const Pipeline& pipeline = evaluated.pipeline;
  if (structure_ != evaluated.structure) known_.clear();
  structure_ = evaluated.structure;
  counts_.clear();
  for (const PipelineChannel& channel : pipeline.channels) {
    counts_.push_back(channel.depth);
    counts_.push_back(channel.initial);
  }
  for (const PipelineSegment& segment : pipeline.segments) {
    counts_.push_back(static_cast<int>(std::min(most_iterations, std::floor(segment.count))));
  }
  const auto found = std::ranges::find(known_, counts_, &Known::counts);
  if (found != known_.end()) return found->held;
  Diagnostics faults;
  check_rings(pipeline, faults);
  if (known_.size() == most_known) known_.clear();
  known_.push_back({counts_, !faults.has_errors()});
  return known_.back().held;
}

void check_coverage(const Pipeline& pipeline, Diagnostics& faults) {
  check_coverage(pipeline, pipeline.done(), faults);
}

void check_coverage(const Pipeline& pipeline, const PipelineDemand& done, Diagnostics& faults) {
  const auto short_of = [&](Duty duty, std::string_view words, double has, double wants) {
    faults
        .error(place_of(pipeline, duty),
               fmt::format("work left out: an item asks for {:.0f} {}, the program does {:.0f}", wants, words, has))
        .note(fmt::format("{}, times the counts of the segments", provider_of(duty)));
  };
  for (const DutyWord& each : duty_words) {
    if (!enough(done[each.duty], pipeline.demand[each.duty])) {
      short_of(each.duty, each.words, done[each.duty], pipeline.demand[each.duty]);
    }
  }
  const double rows = rescaled_rows(pipeline, done);
  if (!enough(rows, pipeline.demand[Duty::vote])) {
    short_of(Duty::vote, "rows rescaled or voted on", rows, pipeline.demand[Duty::vote]);
  }
}

bool covers(const Pipeline& pipeline) {
  const PipelineDemand done = pipeline.done();
  for (const DutyWord& each : duty_words) {
    if (!enough(done[each.duty], pipeline.demand[each.duty])) return false;
  }
  return enough(rescaled_rows(pipeline, done), pipeline.demand[Duty::vote]);
}

namespace {

using Shape = std::vector<SequenceParameter>;

std::vector<Shape> shapes_of(PipelineKind kind) {
  switch (kind) {
    case PipelineKind::attention_forward:
    case PipelineKind::attention_backward:
      return {{{"full_iterations", 7}, {"masked_iterations", 0}, {"causal", 0}},
              {{"full_iterations", 6}, {"masked_iterations", 2}},
              {{"full_iterations", 0}, {"masked_iterations", 2}},
              {{"full_iterations", 1}, {"masked_iterations", 0}, {"causal", 0}}};
    case PipelineKind::gemm: return {{{"k_iterations", 16}}, {{"k_iterations", 5}}, {{"k_iterations", 1}}};
    case PipelineKind::mask: return {{{"words", 1024}}, {{"words", 96}, {"rounds", 10}}};
  }
  return {};
}

}  // namespace

void check_pipeline(const PipelineFile& file, Diagnostics& faults) {
  for (const Shape& shape : shapes_of(file.pipeline().kind)) {
    const Pipeline pipeline = file.pipeline(shape);
    check_rings(pipeline, faults);
    check_coverage(pipeline, faults);
    if (!faults.has_errors()) continue;
    std::string text;
    for (const SequenceParameter& word : shape)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", word.name, word.value);
    faults.warning({}, "found at " + text);
    return;
  }
}

}  // namespace perfmodel
