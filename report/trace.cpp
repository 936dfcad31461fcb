#include "report/trace.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "report/json.hpp"

namespace perfmodel {

using nlohmann::ordered_json;

namespace {

double microseconds(Seconds time) { return time.si() * 1e6; }

ordered_json slice(std::string_view name, int stream, Seconds start, Seconds duration, ordered_json args) {
  return {{"name", name}, {"ph", "X"},     {"ts", microseconds(start)}, {"dur", microseconds(duration)},
          {"pid", 1},     {"tid", stream}, {"args", std::move(args)}};
}

ordered_json counter(std::string_view name, Seconds at, double value) {
  return {{"name", name}, {"ph", "C"}, {"ts", microseconds(at)}, {"pid", 1}, {"args", {{"value", value}}}};
}

ordered_json naming(std::string_view what, int stream, std::string_view name) {
  return {{"name", what}, {"ph", "M"}, {"pid", 1}, {"tid", stream}, {"args", {{"name", name}}}};
}

void add_parts(ordered_json& events, const Parts& parts, int stream, Seconds start) {
  struct Part {
    std::string_view name;
    Seconds time;
  };
  const std::array<Part, 4> all{
      {{"launch", parts.launch}, {"fill", parts.fill}, {"steady", parts.steady}, {"tail", parts.tail}}};
  for (const Part& part : all) {
    if (part.time <= Seconds(0.0)) continue;
    events.push_back(slice(part.name, stream, start, part.time, ordered_json::object()));
    start += part.time;
  }
}

}  // namespace

std::string chrome_trace(const Study& study) {
  ordered_json events = ordered_json::array();
  events.push_back(naming("process_name", 0, study.machine_name));
  std::set<int> streams;
  for (const SequenceItem& item : study.estimate.items) streams.insert(item.stream);
  for (const int stream : streams) {
    events.push_back(naming("thread_name", stream, "stream " + std::to_string(stream)));
  }
  for (const SequenceItem& item : study.estimate.items) {
    const Estimate& estimate = item.estimate;
    if (!estimate.feasible()) continue;
    events.push_back(slice(item.name, item.stream, item.start, estimate.time, operator_json(item.op, estimate)));
    if (!item.beside.empty()) continue;  // parts and counters are those of both together
    add_parts(events, estimate.parts, item.stream, item.start);
    events.push_back(counter("SM clock [MHz]", item.start, estimate.clock.si() * 1e-6));
    events.push_back(counter("power [W]", item.start, estimate.power.si()));
  }
  const ordered_json trace{{"displayTimeUnit", "ns"}, {"traceEvents", std::move(events)}};
  return trace.dump(1) + '\n';
}

}  // namespace perfmodel
