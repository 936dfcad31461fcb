#include <nlohmann/json.hpp>

#include "report/json.hpp"
#include "report/sweep.hpp"

namespace perfmodel {

using nlohmann::ordered_json;

namespace {

ordered_json axis_json(const SweepAxis& axis) {
  ordered_json json{{"key", axis.key}, {"values", axis.values}};
  json["numbers"] = axis.numbers.empty() ? ordered_json(nullptr) : ordered_json(axis.numbers);
  return json;
}

ordered_json outcome_json(const SweepOutcome& outcome) {
  if (!outcome.feasible()) {
    return {{"feasible", false}, {"limiter", limiter_name(Limiter::infeasible)}, {"refusal", outcome.refusal}};
  }
  ordered_json json{{"feasible", true},
                    {"time", outcome.time.si()},
                    {"interval", {{"lower", outcome.lower.si()}, {"upper", outcome.upper.si()}, {"level", 0.9}}},
                    {"matmul_time", outcome.matmul.si()},
                    {"limiter", limiter_name(outcome.limiter)},
                    {"second_limiter", limiter_name(outcome.second)},
                    {"clock", outcome.clock.si()},
                    {"clock_limit", clock_limit_name(outcome.clock_limit)},
                    {"power", outcome.power.si()},
                    {"roofline", outcome.roofline.si()}};
  if (outcome.mask > Bytes(0.0)) json["mask_bytes"] = outcome.mask.si();
  if (outcome.hiding) json["hiding"] = hiding_json(*outcome.hiding);
  return json;
}

ordered_json point_json(const Sweep& sweep, std::size_t i) {
  const SweepPoint& point = sweep.points[i];
  const std::size_t inner = sweep.axes.size() > 1 ? sweep.axes[1].values.size() : 1;
  ordered_json at{{sweep.axes[0].key, sweep.axes[0].values[i / inner]}};
  if (sweep.axes.size() > 1) at[sweep.axes[1].key] = sweep.axes[1].values[i % inner];
  ordered_json json{{"at", std::move(at)}, {"prediction", outcome_json(point.after)}};
  if (point.before) {
    const auto speedup = point.speedup();
    json["before"] = outcome_json(*point.before);
    json["speedup"] = speedup ? ordered_json(*speedup) : ordered_json(nullptr);
  }
  return json;
}

ordered_json range_json(const Sweep& sweep) {
  const auto range = speedup_range(sweep);
  if (!range) return nullptr;
  return {{"least", range->least},
          {"median", range->median},
          {"most", range->most},
          {"least_at", sweep.place(range->least_at)},
          {"most_at", sweep.place(range->most_at)}};
}

}  // namespace

ordered_json sweep_document(const Sweep& sweep) {
  ordered_json json = document("sweep");
  json["subject"] = sweep.subject;
  json["machine"] = sweep.machine.empty() ? ordered_json(nullptr) : ordered_json(sweep.machine);
  json["fidelity"] = fidelity_name(sweep.fidelity);
  json["given"] = sweep.given;
  json["changes"] = sweep.changes;
  json["axes"] = ordered_json::array();
  for (const SweepAxis& axis : sweep.axes) json["axes"].push_back(axis_json(axis));
  json["points"] = ordered_json::array();
  for (std::size_t i = 0; i < sweep.points.size(); ++i) json["points"].push_back(point_json(sweep, i));
  json["speedup"] = range_json(sweep);
  return json;
}

std::string json_sweep(const Sweep& sweep) { return sweep_document(sweep).dump(2) + '\n'; }

}  // namespace perfmodel
