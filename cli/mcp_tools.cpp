#include "cli/mcp_tools.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "arch/fields.hpp"
#include "arch/load.hpp"
#include "model/predict.hpp"
#include "model/sm_explain.hpp"
#include "report/json.hpp"
#include "report/study.hpp"
#include "search/json_rows.hpp"
#include "search/oracle.hpp"
#include "support/diagnostic.hpp"
#include "support/suggest.hpp"
#include "workloads/library.hpp"

namespace perfmodel {

using nlohmann::json;

namespace {

constexpr std::size_t most_rows = 256;
constexpr std::size_t most_candidates = 256;
constexpr std::size_t most_values = 64;
constexpr std::size_t most_machines = 16;
constexpr double tera = 1e12;

std::string text_or(const json& arguments, const char* key, const std::string& otherwise) {
  return arguments.contains(key) ? arguments.at(key).get<std::string>() : otherwise;
}

Fidelity fidelity_of(const json& arguments) {
  const std::string name = text_or(arguments, "fidelity", "pipeline");
  if (name == "bound") return Fidelity::bound;
  if (name == "pipeline") return Fidelity::pipeline;
  throw InputError({}, fmt::format("'fidelity': expected 'bound' or 'pipeline', not '{}'", name));
}

PredictOptions options_of(const json& arguments) {
  const std::string name = text_or(arguments, "regime", "warm");
  const auto regime = parse_enum<Regime>(name);
  if (!regime) throw InputError({}, fmt::format("'regime': expected 'cold', 'warm' or 'sustained', not '{}'", name));
  return {.regime = *regime, .fidelity = fidelity_of(arguments), .describe = true, .clock = {}};
}

json plain(const nlohmann::ordered_json& ordered) {
  return json::parse(ordered.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

json estimate_json(const Operator& op, const Estimate& estimate) {
  if (!estimate.feasible()) return {{"limiter", "infeasible"}, {"refusal", estimate.refusal}};
  return plain(operator_json(op, estimate));
}

json score_json(const Score& score) {
  json out{{"geomean_tflops", score.geomean.si() / tera},
           {"feasible", score.feasible()},
           {"stage", std::string(stage_names[static_cast<std::size_t>(score.stage)])},
           {"defer", score.defer.any()},
           {"reasons", names_of(score.defer)}};
  if (!score.feasible()) {
    out["refusal"] = score.refusal;
    return out;
  }
  out["configurations"] = json::array();
  for (const ConfigurationScore& each : score.configurations) {
    out["configurations"].push_back({{"tflops", each.throughput.si() / tera},
                                     {"time", each.time.si()},
                                     {"lower", each.lower.si()},
                                     {"upper", each.upper.si()},
                                     {"limiter", std::string(limiter_name(each.limiter))},
                                     {"second", std::string(limiter_name(each.second))},
                                     {"slack", each.slack}});
  }
  return out;
}

}  // namespace

// Machines and their oracles, by the names of shipped ones: a client names no files.
class McpModels {
 public:
  // The machine for calls that name none: a shipped one, or the user's own file.
  explicit McpModels(std::string machine) : otherwise_(std::move(machine)) {
    oracles_.emplace(otherwise_, Oracle(load_machine(otherwise_), library_));
  }

  Oracle& oracle(const std::string& name) {
    if (const auto found = oracles_.find(name); found != oracles_.end()) return found->second;
    const std::vector<std::string> known = machine_names();
    if (std::ranges::find(known, name) == known.end()) {
      Diagnostics faults;
      faults.error({}, fmt::format("unknown machine '{}'", name))
          .suggest(name, known)
          .note("known machines: " + join_names(known));
      throw InputError(std::move(faults));
    }
    if (oracles_.size() >= most_machines) {
      oracles_.erase(oracles_.begin()->first == otherwise_ ? std::next(oracles_.begin()) : oracles_.begin());
    }
    return oracles_.emplace(name, Oracle(load_machine(name), library_)).first->second;
  }
  Oracle& oracle(const json& arguments) { return oracle(text_or(arguments, "machine", otherwise_)); }

  [[nodiscard]] const Library& library() const { return library_; }

 private:
  std::string otherwise_;
  Library library_ = load_library();
  std::map<std::string, Oracle> oracles_;
};

std::shared_ptr<McpModels> make_mcp_models(const std::string& machine) { return std::make_shared<McpModels>(machine); }

json object_schema(json properties, std::vector<std::string> required) {
  json schema{{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

namespace {

json schema_of_row() {
  return {
      {"type", "object"},
      {"description",
       "an operator by the columns of a table row: op (gemm, attention, rng, membound, overlap) and its own, such as "
       "m, n, k, dtype, impl or batch, heads, seq_q, head_dim, causal"}};
}

json with_model_options(json properties) {
  properties["machine"] = {
      {"type", "string"},
      {"description",
       "a shipped machine: h100-sxm, b200, h200, ...; if not given, the one that the server was started for"}};
  properties["fidelity"] = {{"type", "string"}, {"enum", {"bound", "pipeline"}}};
  properties["regime"] = {{"type", "string"}, {"enum", {"cold", "warm", "sustained"}}};
  return properties;
}

json schema_of_candidate() {
  return {
      {"type", "object"},
      {"description",
       "{\"kernel\": {cta_m, cta_n, ...}} or {\"program\": name or YAML text, \"set\": {parameter: value}, \"moves\": "
       "[{\"move\", \"target\", \"value\"}]}"}};
}

json schema_of_suite() {
  return {{"suite", {{"type", "string"}, {"enum", shipped_suite_names()}}},
          {"configurations", {{"type", "array"}, {"items", schema_of_row()}, {"maxItems", most_configurations}}}};
}

std::vector<Operator> rows_of(const json& rows) {
  if (rows.is_array() && rows.size() > most_rows) throw InputError({}, fmt::format("{} rows are the most", most_rows));
  return operators_from_json(rows.dump());
}

Operator row_of(const json& arguments) {
  if (!arguments.contains("row") || !arguments["row"].is_object()) throw InputError({}, "'row': expected an object");
  return operators_from_json(arguments["row"].dump()).front();
}

json predict_rows(McpModels& models, const json& arguments) {
  if (!arguments.contains("rows")) throw InputError({}, "'rows': expected a list of rows");
  const Machine& machine = models.oracle(arguments).machine();
  const PredictOptions options = options_of(arguments);
  json out{{"machine", machine.id}, {"predictions", json::array()}};
  for (const Operator& op : rows_of(arguments["rows"])) {
    out["predictions"].push_back(estimate_json(op, predict(machine, models.library(), op, options)));
  }
  return out;
}

json explain_program(McpModels& models, const json& arguments) {
  const Candidate candidate = candidate_from_json(
      json{{"program", arguments["program"]}, {"set", arguments.value("set", json::object())}}.dump());
  const auto& given = std::get<ProgramCandidate>(candidate);
  if (is_program_text(given.program)) {
    throw InputError({}, "'program': the name of a shipped program; score the text of one with compare");
  }
  const std::vector<std::string> known = pipeline_names();
  if (std::ranges::find(known, given.program) == known.end()) {
    throw InputError({}, fmt::format("unknown program '{}'", given.program));
  }
  std::vector<SequenceParameter> settings;
  for (const Setting& each : given.settings) settings.push_back({each.name, each.value});
  const Pipeline pipeline = PipelineFile::load(given.program).pipeline(settings);
  const Machine& machine = models.oracle(arguments).machine();
  const SmExplanation found =
      explain(price(machine, operating_point(machine, machine.clock.datasheet.value), pipeline), pipeline.ctas_per_sm);
  json pipes = json::array();
  for (const PipeShare& pipe : found.pipes) pipes.push_back({{"pipe", pipe.pipe}, {"utilisation", pipe.utilisation}});
  json relaxations = json::array();
  for (const Relaxation& each : found.relaxations) {
    relaxations.push_back({{"without", each.what}, {"cycles", each.interval}});
  }
  json cycle = json::array();
  for (const CycleStep& step : found.cycle) cycle.push_back({{"operation", step.op}, {"cycles", step.cycles}});
  return {{"machine", machine.id},     {"program", given.program},
          {"segment", found.segment},  {"cycles", found.interval},
          {"limiter", found.limiter},  {"resource_bound", found.resource_bound},
          {"busiest", found.busiest},  {"recurrence_bound", found.recurrence_bound},
          {"critical_cycle", cycle},   {"pipes", pipes},
          {"relaxations", relaxations}};
}

json explain_row(McpModels& models, const json& arguments) {
  if (arguments.contains("program")) return explain_program(models, arguments);
  const Machine& machine = models.oracle(arguments).machine();
  const StudyRequest request{
      .subject = row_of(arguments), .without_dropout = {}, .variants = {}, .options = options_of(arguments)};
  return json::parse(json_report(study(machine, models.library(), request)));
}

Suite suite_of(const json& arguments) {
  if (arguments.contains("configurations")) {
    return {"", rows_of(arguments["configurations"])};
  }
  const std::string name = text_or(arguments, "suite", "");
  if (auto suite = shipped_suite(name)) return *std::move(suite);
  throw InputError({}, "give 'suite' or 'configurations'; suites: " + join_names(shipped_suite_names()));
}

// Candidates on one suite, the best first.
json compare(McpModels& models, const json& arguments) {
  const json candidates = arguments.value("candidates", json::array());
  if (!candidates.is_array() || candidates.empty() || candidates.size() > most_candidates) {
    throw InputError({}, fmt::format("'candidates': expected a list of 1 to {}", most_candidates));
  }
  Oracle& oracle = models.oracle(arguments);
  const Suite suite = suite_of(arguments);
  ScoreOptions options;
  options.fidelity = fidelity_of(arguments);
  std::vector<Candidate> read;
  for (const json& each : candidates) read.push_back(candidate_from_json(each.dump()));
  const std::vector<Score> scores = oracle.score(suite, read, options, 0);
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](std::size_t i) { return scores[i].geomean; });
  json ranking = json::array();
  for (const std::size_t i : order) {
    json entry = score_json(scores[i]);
    entry["candidate"] = i;
    ranking.push_back(std::move(entry));
  }
  return {{"machine", oracle.machine().id}, {"ranking", std::move(ranking)}};
}

json whatif(McpModels& models, const json& arguments) {
  const Operator op = row_of(arguments);
  const PredictOptions options = options_of(arguments);
  Machine machine = models.oracle(arguments).machine();
  const auto solved = [&](const Machine& on) { return estimate_json(op, predict(on, models.library(), op, options)); };
  json out{{"machine", machine.id}, {"before", solved(machine)}};
  const auto set = [](Machine& on, const std::string& key, const json& value) {
    set_constant(on, key, value.is_string() ? value.get<std::string>() : value.dump(), file_location("set"));
  };
  if (arguments.contains("set")) {
    for (const auto& [key, value] : arguments["set"].items()) set(machine, key, value);
    out["after"] = solved(machine);
  }
  if (arguments.contains("sweep")) {
    const json& sweep = arguments["sweep"];
    if (!sweep.is_object() || sweep.size() != 1 || !sweep.front().is_array() || sweep.front().size() > most_values) {
      throw InputError({}, fmt::format("'sweep': expected one key with a list of up to {} values", most_values));
    }
    const std::string key = sweep.items().begin().key();
    out["sweep"] = json::array();
    for (const json& value : sweep.front()) {
      Machine variant = machine;
      set(variant, key, value);
      out["sweep"].push_back({{"key", key}, {"value", value}, {"prediction", solved(variant)}});
    }
  }
  if (!arguments.contains("set") && !arguments.contains("sweep")) throw InputError({}, "give 'set', 'sweep' or both");
  return out;
}

}  // namespace

json scored_by(McpModels& models, const json& arguments, const json& candidate) {
  Oracle& oracle = models.oracle(arguments);
  return score_json(oracle.score(suite_of(arguments), candidate_from_json(candidate.dump()), {}));
}

std::vector<McpTool> model_tools(const std::shared_ptr<McpModels>& models) {
  const auto bind = [&](json (*tool)(McpModels&, const json&)) {
    return [models, tool](const json& arguments) { return tool(*models, arguments); };
  };
  std::vector<McpTool> tools;
  tools.push_back(
      {"predict", "How long operators take on a GPU, with interval, limiter, clock, power and traffic. SI units.",
       object_schema(
           with_model_options(
               {{"rows", {{"type", "array"}, {"items", schema_of_row()}, {"minItems", 1}, {"maxItems", most_rows}}}}),
           {"rows"}),
       false, bind(predict_rows)});
  tools.push_back(
      {"explain",
       "Why an operator takes as long as it does: limiters, what the answer rests on, advice. Or why a shipped "
       "kernel program does: critical cycle, pipes, what relaxing each constraint would buy.",
       object_schema(with_model_options(
           {{"row", schema_of_row()}, {"program", {{"type", "string"}}}, {"set", {{"type", "object"}}}})),
       false, bind(explain_row)});
  json comparing = with_model_options(schema_of_suite());
  comparing["candidates"] = {
      {"type", "array"}, {"items", schema_of_candidate()}, {"minItems", 1}, {"maxItems", most_candidates}};
  comparing.erase("regime");
  tools.push_back(
      {"compare",
       "Scores candidate kernels on a suite of problems and ranks them: TFLOPS, limiters, whether to defer to silicon.",
       object_schema(std::move(comparing), {"candidates"}), false, bind(compare)});
  tools.push_back(
      {"whatif",
       "The same operator on a machine with other constants: keys as in `perfmodel arch show`, values with units.",
       object_schema(with_model_options({{"row", schema_of_row()},
                                         {"set", {{"type", "object"}}},
                                         {"sweep", {{"type", "object"}, {"maxProperties", 1}}}}),
                     {"row"}),
       false, bind(whatif)});
  return tools;
}

std::vector<McpTool> mcp_tools(const McpFolders& folders) {
  const std::shared_ptr<McpModels> models = make_mcp_models(folders.machine);
  std::vector<McpTool> tools = model_tools(models);
  for (McpTool& tool : search_tools(folders, models)) tools.push_back(std::move(tool));
  return tools;
}

}  // namespace perfmodel
