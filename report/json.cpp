#include "report/json.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "report/words.hpp"
#include "support/data_path.hpp"

namespace perfmodel {

using nlohmann::ordered_json;

namespace {

template <class T>
ordered_json or_null(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json interval_json(Seconds lower, Seconds upper) {
  return {{"lower", lower.si()}, {"upper", upper.si()}, {"level", 0.9}};
}

struct WorkJson {
  ordered_json operator()(const Gemm& gemm) const {
    ordered_json json{{"m", gemm.m},
                      {"n", gemm.n},
                      {"k", gemm.k},
                      {"dtype", name_of(gemm.dtype)},
                      {"out_dtype", name_of(gemm.out_dtype)},
                      {"impl", impl_name(gemm.impl)}};
    if (gemm.tile) {
      json["cta_m"] = gemm.tile->cta_m;
      json["cta_n"] = gemm.tile->cta_n;
      json["cta_k"] = or_null(gemm.tile->cta_k);
    }
    return json;
  }
  ordered_json operator()(const Attention& attention) const {
    return {{"batch", attention.batch},
            {"heads", attention.heads},
            {"kv_heads", attention.kv_heads},
            {"seq_q", attention.seq_q},
            {"seq_kv", attention.seq_kv},
            {"head_dim", attention.head_dim},
            {"head_dim_v", attention.head_dim_v},
            {"causal", attention.causal},
            {"dtype", name_of(attention.dtype)},
            {"dropout", attention.dropout},
            {"dropout_source", name_of(attention.dropout_source)},
            {"pass", name_of(attention.pass)},
            {"impl", impl_name(attention.impl)}};
  }
  ordered_json operator()(const Rng& rng) const {
    return {{"elements", rng.elements}, {"rounds", rng.rounds}, {"bits", rng.bits}};
  }
  ordered_json operator()(const MemoryBound& memory) const {
    return {{"kind", name_of(memory.kind)},
            {"read", memory.read.si()},
            {"written", memory.written.si()},
            {"dtype", name_of(memory.dtype)}};
  }
  ordered_json operator()(const Overlap& overlap) const {
    return {{"gemm", (*this)(overlap.gemm)},
            {"rng", (*this)(overlap.rng)},
            {"rng_carveout", name_of(overlap.carveout)},
            {"order", name_of(overlap.order)}};
  }
  ordered_json operator()(const BlockRow& block) const {
    return {{"model", block.model},
            {"operators", name_of(block.operators)},
            {"seq", block.seq},
            {"batch", block.batch},
            {"dtype", name_of(block.dtype)},
            {"dropout", block.dropout},
            {"attention_impl", impl_name(block.attention_impl)},
            {"pass", name_of(block.pass)}};
  }
};

ordered_json bounds_json(const PerLimiter<Seconds>& bounds) {
  ordered_json json = ordered_json::object();
  for (int i = 0; i < limiter_count; ++i) {
    const auto limiter = static_cast<Limiter>(i);
    if (bounds[limiter] > Seconds(0.0)) json[std::string(limiter_name(limiter))] = bounds[limiter].si();
  }
  return json;
}

ordered_json utilisation_json(const Utilisation& use) {
  return {{"tensor", use.tensor}, {"fma", use.fma},   {"alu", use.alu}, {"xu", use.xu},
          {"issue", use.issue},   {"smem", use.smem}, {"l2", use.l2},   {"dram", use.dram}};
}

ordered_json traffic_json(const Traffic& traffic) {
  return {{"smem", traffic.smem.si()},
          {"l2", traffic.l2.si()},
          {"dram_read", traffic.dram_read.si()},
          {"dram_written", traffic.dram_written.si()}};
}

ordered_json parts_json(const Parts& parts) {
  return {{"launch", parts.launch.si()},
          {"fill", parts.fill.si()},
          {"steady", parts.steady.si()},
          {"tail", parts.tail.si()}};
}

ordered_json calibration_json(const Calibration& calibration) {
  if (!calibration.present()) return nullptr;
  return {{"machine", calibration.machine}, {"date", calibration.date}, {"command", calibration.command}};
}

ordered_json dropout_json(const Study& study) {
  if (!study.without_dropout) return nullptr;
  return {{"time_without", study.without_dropout->total.si()},
          {"matmul_time_without", study.without_dropout->matmul.si()},
          {"cost", (study.estimate.total - study.without_dropout->total).si()}};
}

ordered_json advice_json(const Study& study) {
  ordered_json list = ordered_json::array();
  for (const Advice& advice : study.advice) {
    list.push_back({{"change", advice.change},
                    {"needs", advice.hardware ? "machine" : "kernel"},
                    {"time", advice.total.si()},
                    {"saving", (study.estimate.total - advice.total).si()}});
  }
  return list;
}

}  // namespace

std::string_view fidelity_name(Fidelity fidelity) {
  return fidelity == Fidelity::bound ? "bound" : fidelity == Fidelity::pipeline ? "pipeline" : "simulated";
}

ordered_json document(std::string_view kind) {
  return {{"schema_version", json_schema_version},
          {"generator", fmt::format("perfmodel {}", perfmodel_version())},
          {"kind", kind}};
}

ordered_json held_json(const HeldLoad& held) {
  return {{"clock", held.clock.si()}, {"power", held.power.si()}, {"time", held.total.si()}};
}

ordered_json operator_json(const Operator& op, const Estimate& estimate) {
  ordered_json json{{"name", op.name.empty() ? op_name(op) : op.name},
                    {"op", op_name(op)},
                    {"shape", std::visit(WorkJson{}, op.work)},
                    {"regime", name_of(estimate.regime)},
                    {"timer", name_of(op.timer)},
                    {"data", name_of(op.data)},
                    {"feasible", estimate.feasible()}};
  const std::string note = note_of(op);
  json["note"] = note.empty() ? ordered_json(nullptr) : ordered_json(note);
  if (!estimate.feasible()) {
    json["limiter"] = limiter_name(Limiter::infeasible);
    json["refusal"] = estimate.refusal;
    return json;
  }
  json.update({{"time", estimate.time.si()},
               {"interval", interval_json(estimate.lower, estimate.upper)},
               {"limiter", limiter_name(estimate.limiter)},
               {"second_limiter", limiter_name(estimate.second)},
               {"slack", estimate.slack},
               {"bounds", bounds_json(estimate.bounds)},
               {"parts", parts_json(estimate.parts)},
               {"utilisation", utilisation_json(estimate.utilisation)},
               {"traffic", traffic_json(estimate.traffic)},
               {"flops", estimate.flops.si()},
               {"clock", estimate.clock.si()},
               {"reported_clock", reported_clock(estimate).si()},
               {"clock_limit", clock_limit_name(estimate.clock_limit)},
               {"power", estimate.power.si()},
               {"roofline", estimate.roofline.si()},
               {"kernel", estimate.kernel}});
  if (estimate.sequence > Seconds(0.0)) json["sequence"] = estimate.sequence.si();
  return json;
}

ordered_json hiding_json(const Hiding& hiding) {
  ordered_json parts = ordered_json::array();
  for (const HiddenPart& part : hiding.parts) {
    parts.push_back({{"host", host_text(part)},
                     {"kernel", part.kernel.empty() ? ordered_json(nullptr) : ordered_json(part.kernel)},
                     {"share", part.share},
                     {"ctas", part.ctas},
                     {"threads", part.threads},
                     {"slowdown", part.slowdown}});
  }
  return {{"mask", hiding.mask},       {"in_turn", hiding.in_turn.si()}, {"exposed", hiding.exposed.si()},
          {"hidden", hiding.hidden()}, {"parts", std::move(parts)},      {"why", hiding.why}};
}

ordered_json sequence_json(const SequenceEstimate& sequence) {
  const Estimate whole = flattened(sequence);
  ordered_json json{{"name", sequence.name}, {"regime", name_of(sequence.regime)}, {"feasible", whole.feasible()}};
  if (whole.feasible()) {
    json.update({{"time", sequence.total.si()},
                 {"interval", interval_json(sequence.lower, sequence.upper)},
                 {"matmul_time", sequence.matmul.si()},
                 {"matmul_interval", interval_json(sequence.matmul_lower, sequence.matmul_upper)},
                 {"limiter", limiter_name(whole.limiter)},
                 {"second_limiter", limiter_name(whole.second)},
                 {"slack", whole.slack},
                 {"utilisation", utilisation_json(whole.utilisation)},
                 {"traffic", traffic_json(whole.traffic)},
                 {"flops", whole.flops.si()},
                 {"clock", sequence.clock.si()},
                 {"clock_limit", clock_limit_name(sequence.clock_limit)},
                 {"power", sequence.power.si()},
                 {"roofline", sequence.roofline.si()}});
    if (sequence.mask > Bytes(0.0)) json["mask_bytes"] = sequence.mask.si();
    ordered_json hiding = ordered_json::array();
    for (const Hiding& one : sequence.hiding) hiding.push_back(hiding_json(one));
    if (!hiding.empty()) json["hiding"] = std::move(hiding);
  } else {
    json["limiter"] = limiter_name(Limiter::infeasible);
    json["refusal"] = whole.refusal;
  }
  ordered_json operators = ordered_json::array();
  for (const SequenceItem& item : sequence.items) {
    ordered_json one = operator_json(item.op, item.estimate);
    one["name"] = item.name;
    one["matmul"] = item.matmul;
    one["stream"] = item.stream;
    one["start"] = item.start.si();
    one["beside"] = item.beside.empty() ? ordered_json(nullptr) : ordered_json(item.beside);
    operators.push_back(std::move(one));
  }
  json["operators"] = std::move(operators);
  return json;
}

ordered_json evidence_json(const Evidence& evidence) {
  ordered_json sources = ordered_json::object();
  for (const Origin origin :
       {Origin::datasheet, Origin::measured, Origin::derived, Origin::published, Origin::fitted, Origin::assumed}) {
    sources[std::string(origin_name(origin))] = evidence.count(origin);
  }
  ordered_json influences = ordered_json::array();
  for (const Influence& influence : evidence.influences) {
    influences.push_back(
        {{"constant", influence.key}, {"source", origin_name(influence.source)}, {"effect", influence.effect}});
  }
  return {{"constants", evidence.constants}, {"sources", sources}, {"influences", influences}};
}

ordered_json machine_json(const Machine& machine) {
  return {{"id", machine.id},
          {"name", machine.name},
          {"clock_maximum", machine.clock.maximum.value.si()},
          {"power_limit", machine.power.limit.value.si()},
          {"calibration", calibration_json(machine.calibration)}};
}

ordered_json machine_json(const Study& study) {
  return {{"id", study.machine},
          {"name", study.machine_name},
          {"clock_maximum", study.top_clock.si()},
          {"power_limit", study.power_limit.si()},
          {"calibration", calibration_json(study.calibration)}};
}

std::string json_report(const Study& study) {
  ordered_json json = document(study.single ? "operator" : "block");
  json["machine"] = machine_json(study);
  json["fidelity"] = fidelity_name(study.fidelity);
  if (study.single) {
    json["prediction"] = operator_json(study.only().op, study.only().estimate);
    json["prediction"]["name"] = study.name;
  } else {
    json["prediction"] = sequence_json(study.estimate);
  }
  json["prediction"]["settings"] = study.settings;
  if (study.held) json["prediction"]["held"] = held_json(*study.held);
  json["dropout"] = dropout_json(study);
  json["provenance"] = evidence_json(study.evidence);
  json["advice"] = advice_json(study);
  return json.dump(2) + '\n';
}

}  // namespace perfmodel
