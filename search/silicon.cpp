#include "search/silicon.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "search/kernel_row.hpp"

namespace perfmodel {

namespace {

using Json = nlohmann::json;

constexpr double longest_us = 1e9;

Json problem_json(const Operator& op) {
  if (const auto* a = std::get_if<Attention>(&op.work)) {
    return {{"op", "attention"},          {"batch", a->batch},           {"heads", a->heads},
            {"kv_heads", a->kv_heads},    {"seq_q", a->seq_q},           {"seq_kv", a->seq_kv},
            {"head_dim", a->head_dim},    {"head_dim_v", a->head_dim_v}, {"causal", a->causal},
            {"dtype", name_of(a->dtype)}, {"dropout", a->dropout},       {"pass", name_of(a->pass)}};
  }
  if (const auto* g = std::get_if<Gemm>(&op.work)) {
    return {{"op", "gemm"},
            {"m", g->m},
            {"n", g->n},
            {"k", g->k},
            {"dtype", name_of(g->dtype)},
            {"out_dtype", name_of(g->out_dtype)}};
  }
  const auto& rng = std::get<Rng>(op.work);
  return {{"op", "rng"}, {"elements", rng.elements}, {"rounds", rng.rounds}, {"bits", rng.bits}};
}

std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of("\r\n \t");
  if (end == std::string::npos) return {};
  const std::size_t begin = text.rfind('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

// Printable and short: a reason goes to reports and terminals.
std::string shown(const std::string& text) {
  std::string clean;
  for (const char c : text.substr(0, 400)) clean += c >= ' ' && c < 0x7f ? c : ' ';
  return clean;
}

struct Answer {
  Json json;
  std::string refusal;
};

Answer ask(const ExternalCommand& command, const Suite& suite, const Design& design, std::uint64_t seed) {
  std::vector<WorkFile> files = files_of(design);
  files.push_back({"problems.json", problems_json(suite, seed)});
  const SandboxResult result = run_in_sandbox(command.command, files, {}, command.box);
  const std::string line = last_line(result.process.out);
  Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  const bool sound = json.is_object() && json.contains("correct") && json["correct"].is_boolean();
  if (!result.process.ok() || !sound) {
    const std::string said = last_line(result.process.err);
    return {{}, fmt::format("the evaluator {}{}{}", result.process.how(), said.empty() ? "" : ": ", shown(said))};
  }
  if (!json["correct"].get<bool>()) {
    const bool text = json.contains("reason") && json["reason"].is_string();
    return {{}, text ? shown(json["reason"].get<std::string>()) : "not correct"};
  }
  return {std::move(json), ""};
}

bool is_time(const Json& json) { return json.is_number() && json.get<double>() > 0 && json.get<double>() < longest_us; }

}  // namespace

std::string problems_json(const Suite& suite, std::uint64_t seed) {
  Json problems = Json::array();
  for (const Operator& op : suite.configurations()) problems.push_back(problem_json(op));
  return Json{{"seed", seed}, {"problems", std::move(problems)}}.dump() + "\n";
}

Fitness measure(const ExternalCommand& command, const Suite& suite, const Design& design, std::uint64_t seed) {
  const Answer answer = ask(command, suite, design, seed);
  Fitness fitness = refused(answer.refusal, suite.size());
  fitness.measured = true;
  if (!answer.refusal.empty()) return fitness;
  const Json times = answer.json.value("times_us", Json::array());
  if (!times.is_array() || times.size() != suite.size() || !std::ranges::all_of(times, is_time)) {
    fitness.refusal = fmt::format("the evaluator gave no time for each of the {} configurations", suite.size());
    return fitness;
  }
  for (std::size_t i = 0; i < suite.size(); ++i) {
    fitness.tflops[i] = useful_work(suite.configurations()[i]) / (times[i].get<double>() * 1e-6) / 1e12;
  }
  fitness.geomean = geometric_mean(fitness.tflops);
  const Json spread = answer.json.value("spread", Json(0.0));
  if (spread.is_number()) fitness.spread = std::clamp(spread.get<double>(), 0.0, 1.0);
  return fitness;
}

Compiled compile(const ExternalCommand& command, const Suite& suite, const Design& design) {
  const Answer answer = ask(command, suite, design, 0);
  Compiled compiled;
  compiled.refusal = answer.refusal;
  const Json columns = answer.refusal.empty() ? answer.json.value("columns", Json::object()) : Json::object();
  if (!columns.is_object()) return compiled;
  for (const auto& [name, value] : columns.items()) {
    if (find_kernel_column(name) && value.is_number()) compiled.columns.push_back({name, value.get<double>()});
  }
  return compiled;
}

}  // namespace perfmodel
