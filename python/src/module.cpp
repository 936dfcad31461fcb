// The Python module perfmodel._core: the library's own objects, thinly wrapped. What takes long runs without the
// interpreter's lock.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "arch/fields.hpp"
#include "arch/load.hpp"
#include "model/predict.hpp"
#include "report/json.hpp"
#include "report/study.hpp"
#include "report/text.hpp"
#include "search/json_rows.hpp"
#include "search/oracle.hpp"
#include "support/data_path.hpp"
#include "workloads/library.hpp"
#include "workloads/pipeline_file.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace perfmodel {
namespace {

const Library& library() {
  static const Library loaded = load_library();
  return loaded;
}

Fidelity fidelity_of(const std::string& name) {
  if (name == "bound") return Fidelity::bound;
  if (name == "pipeline") return Fidelity::pipeline;
  if (name == "simulated") return Fidelity::simulated;
  throw nb::value_error("fidelity: expected 'bound', 'pipeline' or 'simulated'");
}

Regime regime_from(const std::string& name) {
  if (const auto regime = parse_enum<Regime>(name)) return *regime;
  throw nb::value_error("regime: expected 'cold', 'warm' or 'sustained'");
}

PredictOptions options_of(const std::string& fidelity, const std::string& regime, bool describe) {
  return {.regime = regime_from(regime), .fidelity = fidelity_of(fidelity), .describe = describe, .clock = {}};
}

// numpy arrays that own their memory.
template <class Value, class Get>
nb::object array_of(std::size_t rows, std::optional<std::size_t> columns, const Get& get) {
  const std::size_t width = columns.value_or(1);
  auto* values = new Value[std::max<std::size_t>(1, rows * width)];
  const nb::capsule owner(values, [](void* p) noexcept { delete[] static_cast<Value*>(p); });
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < width; ++j) values[i * width + j] = get(i, j);
  }
  if (columns) return nb::cast(nb::ndarray<nb::numpy, Value, nb::ndim<2>>(values, {rows, width}, owner));
  return nb::cast(nb::ndarray<nb::numpy, Value, nb::ndim<1>>(values, {rows}, owner));
}

struct LoadedMachine {
  Machine machine;
};

LoadedMachine with_constant(const LoadedMachine& from, const std::string& key, const std::string& value) {
  LoadedMachine changed = from;
  set_constant(changed.machine, key, value, file_location("value"));
  return changed;
}

double constant_of(const LoadedMachine& from, const std::string& key) {
  Machine copy = from.machine;
  const auto found = find_constant(copy, key);
  if (!found) throw nb::key_error(key.c_str());
  return found->constant.get();
}

std::string predict_json(const LoadedMachine& machine, const std::string& rows, const std::string& fidelity,
                         const std::string& regime) {
  const std::vector<Operator> operators = operators_from_json(rows);
  const PredictOptions options = options_of(fidelity, regime, /*describe=*/true);
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Operator& op : operators) {
    const Estimate estimate = predict(machine.machine, library(), op, options);
    if (estimate.feasible()) {
      list.push_back(operator_json(op, estimate));
    } else {
      list.push_back({{"limiter", "infeasible"}, {"refusal", estimate.refusal}});
    }
  }
  return list.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Study study_of(const LoadedMachine& machine, const std::string& row, const std::string& fidelity,
               const std::string& regime) {
  const std::vector<Operator> operators = operators_from_json(row);
  if (operators.size() != 1) throw nb::value_error("explain: expected one row");
  const StudyRequest request{.subject = operators.front(),
                             .without_dropout = {},
                             .variants = {},
                             .options = options_of(fidelity, regime, /*describe=*/true)};
  return study(machine.machine, library(), request);
}

// Scores of a batch, column by column.
class Scores {
 public:
  Scores(std::vector<Score> scores, std::size_t configurations)
      : scores_(std::move(scores)), configurations_(configurations) {}

  [[nodiscard]] std::size_t size() const { return scores_.size(); }
  [[nodiscard]] nb::object geomean() const {
    return per_candidate<double>([](const Score& score) { return score.geomean.si() / 1e12; });
  }
  [[nodiscard]] nb::object feasible() const {
    return per_candidate<bool>([](const Score& score) { return score.feasible(); });
  }
  [[nodiscard]] nb::object defer() const {
    return per_candidate<bool>([](const Score& score) { return score.defer.any(); });
  }
  [[nodiscard]] nb::object cut() const {
    return per_candidate<bool>([](const Score& score) { return score.cut; });
  }
  [[nodiscard]] nb::object tflops() const {
    return per_configuration<double>([](const ConfigurationScore& each) { return each.throughput.si() / 1e12; });
  }
  [[nodiscard]] nb::object time() const {
    return per_configuration<double>([](const ConfigurationScore& each) { return each.time.si(); });
  }
  [[nodiscard]] nb::object lower() const {
    return per_configuration<double>([](const ConfigurationScore& each) { return each.lower.si(); });
  }
  [[nodiscard]] nb::object upper() const {
    return per_configuration<double>([](const ConfigurationScore& each) { return each.upper.si(); });
  }

  [[nodiscard]] nb::dict item(std::ptrdiff_t index) const {
    const auto size = static_cast<std::ptrdiff_t>(scores_.size());
    if (index < 0) index += size;
    if (index < 0 || index >= size) throw nb::index_error();
    const Score& score = scores_[static_cast<std::size_t>(index)];
    nb::dict out;
    out["geomean"] = score.geomean.si() / 1e12;
    out["feasible"] = score.feasible();
    out["stage"] = std::string(stage_names[static_cast<std::size_t>(score.stage)]);
    out["cut"] = score.cut;
    out["defer"] = score.defer.any();
    out["refusal"] = score.refusal;
    nb::list reasons;
    for (const std::string_view name : names_of(score.defer)) reasons.append(std::string(name));
    out["reasons"] = reasons;
    const auto list = [&](const char* key, const auto& get) {
      nb::list values;
      for (const ConfigurationScore& each : score.configurations) values.append(get(each));
      out[key] = values;
    };
    list("tflops", [](const ConfigurationScore& each) { return each.throughput.si() / 1e12; });
    list("time", [](const ConfigurationScore& each) { return each.time.si(); });
    list("lower", [](const ConfigurationScore& each) { return each.lower.si(); });
    list("upper", [](const ConfigurationScore& each) { return each.upper.si(); });
    list("limiter", [](const ConfigurationScore& each) { return std::string(limiter_name(each.limiter)); });
    list("second", [](const ConfigurationScore& each) { return std::string(limiter_name(each.second)); });
    list("slack", [](const ConfigurationScore& each) { return each.slack; });
    return out;
  }

 private:
  template <class Value, class Get>
  nb::object per_candidate(const Get& get) const {
    return array_of<Value>(scores_.size(), std::nullopt, [&](std::size_t i, std::size_t) { return get(scores_[i]); });
  }
  template <class Value, class Get>
  nb::object per_configuration(const Get& get) const {
    return array_of<Value>(scores_.size(), configurations_,
                           [&](std::size_t i, std::size_t j) { return get(scores_[i].configurations[j]); });
  }

  std::vector<Score> scores_;
  std::size_t configurations_;
};

std::int32_t count_from(const nb::handle& value) {
  const double number = nb::cast<double>(nb::float_(nb::borrow<nb::object>(value)));
  if (!(number == std::floor(number)) || std::fabs(number) > 2e9) {
    throw nb::value_error("a kernel column holds whole numbers");
  }
  return static_cast<std::int32_t>(number);
}

void set_column(KernelColumns& columns, std::string_view name, const nb::handle& value) {
  if (const auto at = find_kernel_column(name)) {
    columns.set(*at, count_from(value));
  } else if (name == "impl") {
    columns.impl = parse_impl(nb::cast<std::string>(value));
    if (!columns.impl) throw nb::value_error("impl: unknown code family");
  } else {
    throw nb::value_error(("no column of a kernel: " + std::string(name)).c_str());
  }
}

std::string_view text_of(const nb::handle& text) { return nb::cast<const char*>(text); }

// The plain kinds at once; moves and what else there is go through their JSON.
Candidate candidate_from(const nb::handle& given, const nb::object& to_json) {
  if (!nb::isinstance<nb::dict>(given)) throw nb::type_error("a candidate is a dict");
  const nb::dict dict = nb::borrow<nb::dict>(given);
  if (dict.size() == 1 && dict.contains("kernel")) {
    KernelColumns columns;
    for (const auto [name, value] : nb::cast<nb::dict>(dict["kernel"])) set_column(columns, text_of(name), value);
    return columns;
  }
  if (dict.contains("program") && !dict.contains("moves") && dict.size() == 1 + (dict.contains("set") ? 1U : 0U)) {
    ProgramCandidate program{nb::cast<std::string>(dict["program"]), {}, {}};
    if (dict.contains("set")) {
      for (const auto [name, value] : nb::cast<nb::dict>(dict["set"])) {
        program.settings.push_back({std::string(text_of(name)), nb::cast<double>(nb::float_(nb::borrow(value)))});
      }
    }
    return program;
  }
  return candidate_from_json(nb::cast<std::string>(to_json(given)));
}

class PyOracle {
 public:
  PyOracle(const LoadedMachine& machine, int cache_mib, unsigned threads)
      : oracle_(machine.machine, library(), {.cache_bytes = static_cast<std::size_t>(std::max(0, cache_mib)) << 20U}),
        threads_(threads) {}

  Scores score(const Suite& suite, const nb::list& candidates, const std::string& fidelity, double incumbent,
               double cut) {
    const nb::object to_json = nb::module_::import_("json").attr("dumps");
    std::vector<Candidate> read;
    read.reserve(candidates.size());
    for (const nb::handle candidate : candidates) read.push_back(candidate_from(candidate, to_json));
    return run(suite, read, fidelity, incumbent, cut);
  }

  // A candidate a row of the columns, over a base.
  Scores score_columns(const Suite& suite, const nb::dict& columns, const nb::dict& base, const std::string& fidelity,
                       double incumbent, double cut) {
    const nb::object to_json = nb::module_::import_("json").attr("dumps");
    const Candidate start = base.size() == 0 ? Candidate(KernelColumns{}) : candidate_from(base, to_json);
    std::size_t rows = 0;
    std::vector<Candidate> read;
    bool first = true;
    for (const auto [name, given] : columns) {
      const auto values = nb::cast<nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>>(
          nb::module_::import_("numpy").attr("ascontiguousarray")(given, "dtype"_a = "float64"));
      if (first) read.assign(rows = values.shape(0), start);
      if (values.shape(0) != rows) throw nb::value_error("columns of unlike length");
      first = false;
      fill(read, text_of(name), values.data());
    }
    return run(suite, read, fidelity, incumbent, cut);
  }

 private:
  static void fill(std::vector<Candidate>& candidates, std::string_view name, const double* values) {
    const auto at = find_kernel_column(name);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (auto* program = std::get_if<ProgramCandidate>(&candidates[i])) {
        const auto found = std::ranges::find(program->settings, name, &Setting::name);
        if (found != program->settings.end()) {
          found->value = values[i];
        } else {
          program->settings.push_back({std::string(name), values[i]});
        }
      } else if (!at || values[i] != std::floor(values[i]) || std::fabs(values[i]) > 2e9) {
        throw nb::value_error(at ? "a kernel column holds whole numbers"
                                 : ("no column of a kernel: " + std::string(name)).c_str());
      } else {
        std::get<KernelColumns>(candidates[i]).set(*at, static_cast<std::int32_t>(values[i]));
      }
    }
  }

  Scores run(const Suite& suite, const std::vector<Candidate>& candidates, const std::string& fidelity,
             double incumbent, double cut) {
    ScoreOptions options;
    options.fidelity = fidelity_of(fidelity);
    options.incumbent = FlopsPerSecond(1e12 * incumbent);
    options.cut = cut;
    std::vector<Score> scores;
    {
      const nb::gil_scoped_release release;
      scores = oracle_.score(suite, candidates, options, threads_);
    }
    return {std::move(scores), suite.size()};
  }

  Oracle oracle_;
  unsigned threads_;
};

Suite suite_of(const std::string& rows, const std::string& name) { return {name, operators_from_json(rows)}; }

Suite shipped(const std::string& name) {
  if (auto suite = shipped_suite(name)) return *std::move(suite);
  throw nb::key_error(name.c_str());
}

void register_errors(nb::module_& m) {
  nb::exception<InputError>(m, "InputError", PyExc_ValueError);
  nb::exception<RuntimeError>(m, "WorkError", PyExc_RuntimeError);
}

}  // namespace
}  // namespace perfmodel

NB_MODULE(_core, m) {
  using namespace perfmodel;
  m.doc() = "perfmodel's C++ library";
  register_errors(m);
  m.def(
      "version", [] { return std::string(perfmodel_version()); }, "The version of the library.");
  m.def("machine_names", &machine_names, "Names of the shipped machines.");
  m.def("program_names", &pipeline_names, "Names of the shipped kernel programs.");
  m.def("suite_names", &shipped_suite_names, "Names of the shipped suites.");
  m.def("predict_json", &predict_json, "machine"_a, "rows"_a, "fidelity"_a, "regime"_a);
  m.def(
      "explain_json",
      [](const LoadedMachine& machine, const std::string& row, const std::string& fidelity, const std::string& regime) {
        return json_report(study_of(machine, row, fidelity, regime));
      },
      "machine"_a, "row"_a, "fidelity"_a, "regime"_a);
  m.def(
      "explain_text",
      [](const LoadedMachine& machine, const std::string& row, const std::string& fidelity, const std::string& regime) {
        return text_report(study_of(machine, row, fidelity, regime), {.colour = false});
      },
      "machine"_a, "row"_a, "fidelity"_a, "regime"_a);

  nb::class_<LoadedMachine>(m, "Machine", "A GPU: every constant with its source.")
      .def_static(
          "load",
          [](const std::string& name, const std::string& calibration, bool overlay) {
            return LoadedMachine{load_machine(name, {.calibration = calibration, .overlay = overlay})};
          },
          "name"_a, "calibration"_a = "", "overlay"_a = true,
          "A shipped machine by name, or a machine file; with the shipped overlay, another one, or none.")
      .def_prop_ro(
          "id", [](const LoadedMachine& self) { return self.machine.id; }, "The name of its file.")
      .def_prop_ro(
          "name", [](const LoadedMachine& self) { return self.machine.name; }, "Its full name.")
      .def(
          "constants", [](const LoadedMachine& self) { return constant_keys(self.machine); },
          "The keys of all its constants.")
      .def("get", &constant_of, "key"_a, "The value of a constant in SI units.")
      .def("with_constant", &with_constant, "key"_a, "value"_a,
           "The same machine with a constant at another value, given with its unit: '4 TB/s'.");

  nb::class_<Suite>(m, "Suite", "The problems that candidates are scored on.")
      .def_static("from_json", &suite_of, "rows"_a, "name"_a = "")
      .def_static("shipped", &shipped, "name"_a, "A shipped suite: see suite_names().")
      .def_prop_ro("name", &Suite::name)
      .def("__len__", &Suite::size);

  nb::class_<Scores>(m, "Scores", "Scores of a batch of candidates, in their order.")
      .def("__len__", &Scores::size)
      .def("__getitem__", &Scores::item, "index"_a)
      .def_prop_ro("geomean", &Scores::geomean, "Geometric means [TFLOPS], 0 where infeasible.")
      .def_prop_ro("tflops", &Scores::tflops, "[candidate, configuration] in TFLOPS.")
      .def_prop_ro("time", &Scores::time, "[candidate, configuration] in seconds, 0 where infeasible.")
      .def_prop_ro("lower", &Scores::lower, "Lower ends of the 90 % intervals of the times.")
      .def_prop_ro("upper", &Scores::upper, "Upper ends of the 90 % intervals of the times.")
      .def_prop_ro("feasible", &Scores::feasible)
      .def_prop_ro("defer", &Scores::defer, "Whether the answer should not be trusted without silicon.")
      .def_prop_ro("cut", &Scores::cut, "Whether the bound was too far behind the incumbent to go on.");

  nb::class_<PyOracle>(m, "Oracle", "Scores candidates on one machine.")
      .def(nb::init<const LoadedMachine&, int, unsigned>(), "machine"_a, "cache_mib"_a = 64, "threads"_a = 0)
      .def("score", &PyOracle::score, "suite"_a, "candidates"_a, "fidelity"_a = "pipeline", "incumbent"_a = 0.0,
           "cut"_a = 0.02, "Scores of a list of candidates.")
      .def("score_columns", &PyOracle::score_columns, "suite"_a, "columns"_a, "base"_a = nb::dict(),
           "fidelity"_a = "pipeline", "incumbent"_a = 0.0, "cut"_a = 0.02,
           "The same for columns of values (numpy arrays), a candidate a row, over a base candidate.");
}
