// `perfmodel predict` of a block file or of an operator in a file of its own.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <future>

#include "arch/load.hpp"
#include "cli/conflict.hpp"
#include "cli/console.hpp"
#include "cli/interrupt.hpp"
#include "cli/predict.hpp"
#include "report/comparison.hpp"
#include "report/csv.hpp"
#include "report/json.hpp"
#include "report/study.hpp"
#include "report/text.hpp"
#include "report/trace.hpp"
#include "support/suggest.hpp"

namespace perfmodel {
namespace {

// Keys that --compare knows the values of.
struct Comparable {
  std::string_view key;
  std::vector<std::string> values;
};

template <class Enum>
std::vector<std::string> values_of() {
  const auto names = enum_names<Enum>();
  return {names.begin(), names.end()};
}

const std::vector<Comparable>& comparable() {
  static const std::vector<Comparable> all{
      {"dropout_mode", {"none", "fused", "sequential", "overlapped"}},
      {"dropout", {"0", "0.1"}},
      {"dtype", {"fp16", "bf16", "fp8", "nvfp4"}},
      {"attention_impl", {"cudnn", "flash2", "flash3", "fa4"}},
      {"pass", {"fwd", "bwd", "training"}},
      {"regime", values_of<Regime>()},
      {"timer", values_of<Timer>()},
      {"data", values_of<DataKind>()},
  };
  return all;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string> with(const std::vector<std::string>& settings, std::string one_more) {
  std::vector<std::string> all = settings;
  all.push_back(std::move(one_more));
  return all;
}

// The block with another attention library; what --set attention_impl would give, without reading the file again.
Block with_attention_impl(Block block, Family family) {
  for (BlockOperator& item : block.operators) {
    auto* attention = std::get_if<Attention>(&item.op.work);
    if (attention != nullptr && attention->impl == block.attention_impl) attention->impl = {family, {}};
  }
  block.attention_impl = {family, {}};
  return block;
}

// The block without its fused dropout; other modes have kernels of their own and need the file.
Block without_fused_dropout(Block block) {
  for (BlockOperator& item : block.operators) {
    if (auto* attention = std::get_if<Attention>(&item.op.work)) attention->dropout = 0.0;
  }
  block.dropout = 0.0;
  return block;
}

class BlockPrediction {
 public:
  BlockPrediction(const PredictCommand& command, const Library& library, const Context& context, BlockFile file,
                  std::future<Machine> machine)
      : command_(command), library_(library), context_(context), file_(std::move(file)), machine_(std::move(machine)) {}

  void run() {
    block_ = made(command_.settings);
    name_if_anonymous(block_);
    options_ = options_for(block_);
    Output output(command_.output);
    if (command_.machine.all() || !command_.compare.empty()) {
      refuse_timeline();
      const Comparison comparison = compare();
      output.write(view(comparison, output));
      return;
    }
    std::optional<AtomicFile> timeline;
    if (!command_.timeline.empty()) timeline.emplace(command_.timeline);
    const Machine machine = chosen_machine();
    const InterruptGuard guard;
    const Study result = study(machine, library_, request(machine));
    InterruptGuard::check();
    refuse_infeasible(result);
    output.write(view(result, output));
    if (timeline) timeline->commit(chrome_trace(result));
  }

 private:
  // The file's block, in the command line's regime where it names none.
  [[nodiscard]] Block made(const std::vector<std::string>& settings) const {
    Block block = file_.block(settings);
    if (block.regime || !command_.regime) return block;
    block.regime = command_.regime;
    for (BlockOperator& item : block.operators) item.op.regime = block.regime;
    return block;
  }

  [[nodiscard]] PredictOptions options_for(const Block& block) const {
    return block_options(block, command_.regime, command_.fidelity);
  }

  void refuse_timeline() const {
    if (command_.timeline.empty()) return;
    throw InputError(file_location("--timeline"), "a trace is of one prediction; leave out --compare and --arch all");
  }

  // --arch, else the file's, else the default.
  [[nodiscard]] Machine chosen_machine() const {
    const bool ahead = machine_.valid() &&
                       (!command_.machine.arch.empty() || (!block_.machine && machine_for(block_) == default_machine));
    if (!ahead) return load_for_block(command_.machine, block_, context_);
    if (command_.machine.arch.empty()) note_default_machine(context_);
    return machine_.get();
  }

  // What cannot run is a fault of the input here, unlike in a table or a comparison.
  void refuse_infeasible(const Study& result) const {
    const std::string refusal = refusal_of(result.estimate);
    if (refusal.empty()) return;
    throw_conflict(result.estimate, block_, result.machine_name);
    throw InputError(file_location(command_.input == "-" ? anonymous : command_.input),
                     fmt::format("cannot run on {}: {}", result.machine_name, refusal));
  }

  [[nodiscard]] std::vector<Variant> variants(const Machine& machine) const {
    std::vector<Variant> found;
    if (block_.single_operator) return found;
    for (const Family family : {Family::cudnn, Family::flash2, Family::flash3, Family::fa4}) {
      if (family == block_.attention_impl.family) continue;
      found.push_back({fmt::format("attention_impl={}", name_of(family)), with_attention_impl(block_, family)});
    }
    for (const std::string& change : setting_changes(machine)) {
      found.push_back({change, made(with(command_.settings, change))});
    }
    return found;
  }

  // Other settings worth a try on that machine.
  [[nodiscard]] std::vector<std::string> setting_changes(const Machine& machine) const {
    std::vector<std::string> changes;
    struct Mode {
      DropoutMode mode;
      std::string_view name;
    };
    static constexpr std::array<Mode, 3> modes{{{DropoutMode::fused, "fused"},
                                                {DropoutMode::sequential, "sequential"},
                                                {DropoutMode::overlapped, "overlapped"}}};
    for (const Mode& mode : modes) {
      if (block_.dropout > 0.0 && mode.mode != block_.dropout_mode) {
        changes.push_back(fmt::format("dropout_mode={}", mode.name));
      }
    }
    const bool wide = block_.dtype == Dtype::bf16 || block_.dtype == Dtype::fp16;
    if (wide && machine.tensor.fp8.present()) changes.emplace_back("dtype=fp8");
    if ((wide || block_.dtype == Dtype::fp8) && machine.tensor.nvfp4.present()) changes.emplace_back("dtype=nvfp4");
    return changes;
  }

  [[nodiscard]] Block without_dropout() const {
    if (block_.dropout_mode == DropoutMode::fused) return without_fused_dropout(block_);
    return made(with(command_.settings, "dropout=0"));
  }

  [[nodiscard]] StudyRequest request(const Machine& machine) const {
    StudyRequest request{.subject = block_, .without_dropout = {}, .variants = {}, .options = options_};
    if (block_.dropout > 0.0) request.without_dropout = without_dropout();
    request.variants = [this, &machine] { return variants(machine); };
    return request;
  }

  [[nodiscard]] std::vector<std::string> values_for(const std::string& key) const {
    const std::size_t equals = command_.compare.find('=');
    if (equals != std::string::npos) {
      std::vector<std::string> values = split(std::string_view(command_.compare).substr(equals + 1), ',');
      if (values.empty()) throw InputError(file_location("--compare"), fmt::format("no values for '{}'", key));
      return values;
    }
    if (key == "arch") return machine_names();
    const auto found = std::ranges::find(comparable(), key, &Comparable::key);
    if (found != comparable().end()) return found->values;
    throw no_values(key);
  }

  [[nodiscard]] InputError no_values(const std::string& key) const {
    const std::vector<std::string> keys = file_.keys();
    Diagnostics faults;
    if (std::ranges::find(keys, key) == keys.end()) {
      std::vector<std::string> known = keys;
      known.emplace_back("arch");
      faults.error(file_location("--compare"), fmt::format("unknown key '{}'", key))
          .suggest(key, known)
          .note("known keys: " + join_names(known));
    } else {
      faults.error(file_location("--compare"), fmt::format("which values of '{}'?", key))
          .note(fmt::format("give them: --compare {}=V1,V2,...", key));
    }
    return InputError(std::move(faults));
  }

  [[nodiscard]] Alternative alternative(const Machine& machine, const Block& block, const std::string& value) const {
    PredictOptions quick = options_for(block);
    quick.describe = false;
    Alternative result{value, solve(machine, library_, block, quick), ""};
    result.refusal = refusal_of(result.estimate);
    return result;
  }

  Comparison compare() const {
    const bool by_arch = command_.compare == "arch" || command_.compare.starts_with("arch=");
    if (command_.machine.all() && !command_.compare.empty() && !by_arch) {
      throw InputError(file_location("--compare"), "one comparison at a time: leave out --arch all");
    }
    const bool machines = command_.machine.all() || by_arch;
    const std::string key =
        machines ? "arch" : command_.compare.substr(0, std::min(command_.compare.find('='), command_.compare.size()));
    Comparison comparison{block_.name, key, {}};
    const InterruptGuard guard;
    if (machines) {
      for (const std::string& name : command_.compare.empty() ? machine_names() : values_for(key)) {
        InterruptGuard::check();
        comparison.alternatives.push_back(
            alternative(load_chosen(command_.machine, name, file_location("--compare")), block_, name));
      }
      return comparison;
    }
    const Machine machine = chosen_machine();
    for (const std::string& value : values_for(key)) {
      InterruptGuard::check();
      const Block block = made(with(command_.settings, fmt::format("{}={}", key, value)));
      comparison.alternatives.push_back(alternative(machine, block, value));
    }
    return comparison;
  }

  [[nodiscard]] std::string view(const Study& result, const Output& output) const {
    switch (command_.format.value_or(Format::text)) {
      case Format::text: return text_report(result, {.colour = output.coloured(context_)});
      case Format::markdown: return markdown_report(result);
      case Format::json: return json_report(result);
      case Format::csv: return csv_report(result);
    }
    return {};
  }

  [[nodiscard]] std::string view(const Comparison& comparison, const Output& output) const {
    switch (command_.format.value_or(Format::text)) {
      case Format::text: return text_comparison(comparison, {.colour = output.coloured(context_)});
      case Format::markdown: return markdown_comparison(comparison);
      case Format::json: return json_comparison(comparison);
      case Format::csv: return csv_comparison(comparison);
    }
    return {};
  }

  const PredictCommand& command_;
  const Library& library_;
  const Context& context_;
  BlockFile file_;
  mutable std::future<Machine> machine_;  // on its way, where it is known without the file
  Block block_;
  PredictOptions options_;
};

}  // namespace

PredictOptions block_options(const Block& block, std::optional<Regime> regime, Fidelity fidelity) {
  const Regime otherwise = block.single_operator ? Regime::warm : Regime::sustained;
  return {.regime = regime.value_or(otherwise), .fidelity = fidelity, .describe = true, .clock = {}};
}

void name_if_anonymous(Block& block) {
  if (block.name != anonymous) return;
  block.name = block.single_operator ? op_name(block.operators.front().op) : "block";
  if (block.single_operator) block.operators.front().op.name = block.name;
}

namespace {

// The machine that --arch names or the default, read while the block is.
std::future<Machine> machine_ahead(const PredictCommand& command) {
  if (command.machine.all() || !command.compare.empty()) return {};
  return std::async(std::launch::async, [choice = command.machine] {
    return choice.arch.empty() ? load_chosen(choice, default_machine, {})
                               : load_chosen(choice, choice.arch, file_location("--arch"));
  });
}

}  // namespace

// Most of a prediction's time goes into reading YAML: machine, library and block are read at once.
void predict_block(const PredictCommand& command, const Context& context, const std::optional<std::string>& text) {
  std::future<Machine> machine = machine_ahead(command);
  std::future<Library> loading = std::async(std::launch::async, load_library);
  BlockFile file = text ? BlockFile::from_text(*text, anonymous) : BlockFile::load(command.input);
  const Library library = loading.get();
  BlockPrediction(command, library, context, std::move(file), std::move(machine)).run();
}

}  // namespace perfmodel
