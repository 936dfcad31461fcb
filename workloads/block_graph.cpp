#include "workloads/block_graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "support/suggest.hpp"

namespace perfmodel {
namespace {

using Waits = std::vector<std::vector<Wait>>;

bool writes(const BlockOperator& op, const std::string& tensor) {
  return std::ranges::find(op.writes, tensor, &TensorUse::name) != op.writes.end();
}

std::optional<std::size_t> writer_for(const std::vector<BlockOperator>& operators, std::size_t reader,
                                      const std::string& tensor) {
  for (std::size_t i = reader; i > 0; --i) {
    if (writes(operators[i - 1], tensor)) return i - 1;
  }
  for (std::size_t i = reader + 1; i < operators.size(); ++i) {
    if (writes(operators[i], tensor) && operators[i].stream != operators[reader].stream) return i;
  }
  return std::nullopt;
}

std::optional<std::size_t> before_in_stream(const std::vector<BlockOperator>& operators, std::size_t op) {
  for (std::size_t i = op; i > 0; --i) {
    if (operators[i - 1].stream == operators[op].stream) return i - 1;
  }
  return std::nullopt;
}

std::string reason(const std::vector<BlockOperator>& operators, std::size_t op, const Wait& wait) {
  const std::string& waiting = operators[op].op.name;
  const std::string& on = operators[wait.on].op.name;
  if (wait.tensor.empty()) return fmt::format("'{}' comes after '{}' in stream {}", waiting, on, operators[op].stream);
  return fmt::format("'{}' reads '{}', which '{}' writes", waiting, wait.tensor, on);
}

// A circle among operators none of which can run first. Every one of them waits for another one of them, so that
// following waits comes back.
void report_circle(const std::vector<BlockOperator>& operators, const Waits& waits, const std::vector<bool>& done,
                   Diagnostics& faults) {
  struct Step {
    std::size_t op;
    Wait wait;
  };
  std::vector<Step> way;
  std::size_t at = static_cast<std::size_t>(std::ranges::find(done, false) - done.begin());
  while (std::ranges::find(way, at, &Step::op) == way.end()) {
    const auto open = std::ranges::find_if(waits[at], [&](const Wait& wait) { return !done[wait.on]; });
    way.push_back({at, *open});
    at = open->on;
  }
  way.erase(way.begin(), std::ranges::find(way, at, &Step::op));
  // It begins with a tensor: streams alone make no circle.
  std::ranges::rotate(way, std::ranges::find_if(way, [](const Step& step) { return !step.wait.tensor.empty(); }));
  auto& found = faults.error(operators[way[0].op].location, "a circle of operators that wait for each other: " +
                                                                reason(operators, way[0].op, way[0].wait));
  for (std::size_t i = 1; i < way.size(); ++i) {
    found.note(operators[way[i].op].location, reason(operators, way[i].op, way[i].wait));
  }
}

// The order of execution as indices; shorter if there is a circle, which is recorded.
std::vector<std::size_t> order_of(const std::vector<BlockOperator>& operators, const Waits& waits,
                                  Diagnostics& faults) {
  std::vector<std::size_t> order;
  std::vector<bool> done(operators.size(), false);
  while (order.size() < operators.size()) {
    std::size_t next = 0;
    const auto ready = [&](std::size_t op) {
      return !done[op] && std::ranges::all_of(waits[op], [&](const Wait& wait) { return done[wait.on]; });
    };
    while (next < operators.size() && !ready(next)) ++next;
    if (next == operators.size()) {
      report_circle(operators, waits, done, faults);
      return order;
    }
    done[next] = true;
    order.push_back(next);
  }
  return order;
}

void unknown_host(const std::vector<BlockOperator>& operators, const HostName& host, Diagnostics& faults) {
  std::vector<std::string> gemms;
  for (const BlockOperator& op : operators) {
    if (std::holds_alternative<Gemm>(op.op.work)) gemms.push_back(op.op.name);
  }
  faults.error(host.location, fmt::format("'under': there is no operator '{}' here", host.name))
      .suggest(host.name, gemms)
      .note(gemms.empty() ? "there are no GEMMs" : "GEMMs: " + join_names(gemms));
}

void check_host(const std::vector<BlockOperator>& operators, const Waits& waits, std::size_t mask, const HostName& host,
                Diagnostics& faults) {
  const auto found = std::ranges::find_if(operators, [&](const BlockOperator& op) { return op.op.name == host.name; });
  if (found == operators.end()) return unknown_host(operators, host, faults);
  const std::string& name = operators[mask].op.name;
  if (!std::holds_alternative<Gemm>(found->op.work)) {
    faults.error(host.location, fmt::format("'under': '{}' is no GEMM, and a mask is made beside GEMMs", host.name))
        .note(found->location, fmt::format("'{}' is here", host.name));
    return;
  }
  if (found->stream == operators[mask].stream) {
    faults
        .error(host.location, fmt::format("'under': '{}' is in the stream of '{}', which runs its operators one after "
                                          "the other",
                                          host.name, name))
        .note(found->location, fmt::format("'{}' is here", host.name));
    return;
  }
  const auto index = static_cast<std::size_t>(found - operators.begin());
  if (host.previous || !waits_for(waits, index, mask)) return;
  faults.error(host.location, fmt::format("'under': '{}' waits for '{}' and cannot run beside it", host.name, name))
      .note(found->location, fmt::format("'{}' is here", host.name))
      .note(fmt::format("write previous.{} for the one of the layer before", host.name));
}

}  // namespace

std::vector<std::vector<Wait>> waits_of(const std::vector<BlockOperator>& operators) {
  Waits waits(operators.size());
  for (std::size_t i = 0; i < operators.size(); ++i) {
    if (const auto before = before_in_stream(operators, i)) waits[i].push_back({*before, {}});
    for (const TensorUse& read : operators[i].reads) {
      if (const auto writer = writer_for(operators, i, read.name)) waits[i].push_back({*writer, read.name});
    }
  }
  return waits;
}

bool waits_for(const Waits& waits, std::size_t op, std::size_t on) {
  std::vector<bool> seen(waits.size(), false);
  std::vector<std::size_t> open{op};
  while (!open.empty()) {
    const std::size_t at = open.back();
    open.pop_back();
    for (const Wait& wait : waits[at]) {
      if (wait.on == on) return true;
      if (!seen[wait.on]) open.push_back(wait.on);
      seen[wait.on] = true;
    }
  }
  return false;
}

void order_operators(std::vector<BlockOperator>& operators, Diagnostics& faults) {
  const bool one_stream = std::ranges::all_of(
      operators, [&](const BlockOperator& op) { return op.stream == operators.front().stream && !op.hidden; });
  if (one_stream) return;
  const Waits waits = waits_of(operators);
  const std::vector<std::size_t> order = order_of(operators, waits, faults);
  for (std::size_t i = 0; i < operators.size(); ++i) {
    for (const HostName& host : operators[i].under) check_host(operators, waits, i, host, faults);
  }
  if (order.size() < operators.size()) return;
  std::vector<BlockOperator> sorted;
  sorted.reserve(operators.size());
  for (const std::size_t op : order) sorted.push_back(std::move(operators[op]));
  operators = std::move(sorted);
}

}  // namespace perfmodel
