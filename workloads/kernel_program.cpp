#include "workloads/kernel_program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "support/data_path.hpp"

namespace perfmodel {

namespace {

constexpr std::string_view folder = "workloads/pipelines";
constexpr std::string_view extension = ".yaml";

bool is_attention(PipelineKind kind) {
  return kind == PipelineKind::attention_forward || kind == PipelineKind::attention_backward;
}

// "attention", "gemm", "rng", or "overlap" for a product whose spare warps draw a mask.
std::string_view op_of(const PipelineFile& file) {
  const PipelineKind kind = file.pipeline().kind;
  if (is_attention(kind)) return "attention";
  if (kind == PipelineKind::mask) return "rng";
  const std::array<SequenceParameter, 1> some{{{"words", 32}}};
  return file.pipeline(some).done()[Duty::dropout] > 0 ? "overlap" : "gemm";
}

// What an operator cannot do without, and an example of it.
struct Required {
  std::string_view key;
  std::string_view example;
};

std::vector<Required> required(std::string_view op) {
  const std::vector<Required> product{{"m", "4096"}, {"n", "4096"}, {"k", "4096"}};
  if (op == "gemm") return product;
  if (op == "overlap") return {product[0], product[1], product[2], {"rng_elements", "67108864"}};
  if (op == "attention") return {{"batch", "1"}, {"heads", "32"}, {"seq_q", "4096"}, {"head_dim", "128"}};
  return {{"elements", "67108864"}};
}

// Keys that have a value where the file gives none.
std::vector<Required> assumed(const PipelineFile& file, std::string_view op) {
  if (op == "rng") return {{"rounds", "7"}, {"bits", "8"}};
  if (op == "overlap") return {{"rng_rounds", "7"}, {"rng_bits", "8"}};
  if (op == "attention" && file.pipeline().kind == PipelineKind::attention_backward) return {{"pass", "bwd"}};
  return {};
}

YamlNode map_of(const Location& location, std::vector<YamlEntry> entries) {
  auto data = std::make_shared<YamlNode::Data>();
  data->kind = YamlKind::map;
  data->location = location;
  data->entries = std::move(entries);
  return YamlNode(std::move(data));
}

}  // namespace

Pipeline KernelProgram::pipeline(std::span<const SequenceParameter> shape) const {
  std::vector<SequenceParameter> given(shape.begin(), shape.end());
  for (const ProgramSetting& setting : settings_) given.push_back({setting.name, setting.value});
  return file_->pipeline(given);
}

KernelProgram KernelProgram::with(const ProgramSetting& setting) const {
  KernelProgram changed = *this;
  const auto own = std::ranges::find(changed.settings_, setting.name, &ProgramSetting::name);
  if (own == changed.settings_.end()) {
    changed.settings_.push_back(setting);
  } else {
    own->value = setting.value;
  }
  return changed;
}

std::string unfit(const Pipeline& program, const Work& work) {
  const auto* attention = std::get_if<Attention>(&work);
  const bool suits = attention != nullptr ? is_attention(program.kind)
                     : std::holds_alternative<Rng>(work)
                         ? program.kind == PipelineKind::mask
                         : program.kind == PipelineKind::gemm &&
                               (std::holds_alternative<Gemm>(work) || std::holds_alternative<Overlap>(work));
  const std::string_view name = pipeline_kind_names[static_cast<std::size_t>(program.kind)];
  if (!suits) return fmt::format("'{}' is a program for operator: {}", program.name, name);
  if (attention == nullptr || (attention->pass == Pass::bwd) == (program.kind == PipelineKind::attention_backward)) {
    return {};
  }
  return fmt::format("'{}' is a program for operator: {}, the pass asked for is {}", program.name, name,
                     name_of(attention->pass));
}

std::vector<std::string> parameter_names(const YamlNode& program_root) {
  std::vector<std::string> names;
  for (const YamlEntry& entry : program_root.find("parameters").entries()) names.push_back(entry.key);
  return names;
}

bool is_program(const YamlNode& root) {
  return root.is_map() && !root.find("roles").is_missing() && !root.find("segments").is_missing();
}

YamlNode operator_of_program(const YamlNode& root) {
  const PipelineFile file = PipelineFile::from_root(root);
  const std::string op(op_of(file));
  const Location where = root.location();
  std::vector<YamlEntry> entries;
  const auto add = [&](std::string_view key, YamlNode value) {
    entries.push_back({std::string(key), where, std::move(value)});
  };
  const auto text = [&](std::string_view value) { return make_yaml_scalar(std::string(value), where); };
  const YamlNode problem = root.find("problem");
  add("op", text(op));
  add("name", text(file.name()));
  add("program", root);
  add("with", map_of(where, {}));
  for (const Required& each : assumed(file, op)) {
    if (problem.find(each.key).is_missing()) add(each.key, text(each.example));
  }
  for (const YamlEntry& entry : problem.entries()) entries.push_back(entry);
  return map_of(where, std::move(entries));
}

void require_problem(const YamlNode& operator_root) {
  const YamlNode program = operator_root.find("program");
  if (!program.is_map()) return;
  std::string missing;
  std::string remedy;
  for (const Required& each : required(operator_root.find("op").text())) {
    if (!operator_root.find(each.key).is_missing()) continue;
    missing += fmt::format("{}{}", missing.empty() ? "" : ", ", each.key);
    remedy += fmt::format(" --set {}={}", each.key, each.example);
  }
  if (missing.empty()) return;
  Diagnostics faults;
  faults
      .error(program.location(), fmt::format("the program '{}' has no problem to work on: missing {}",
                                             program.find("name").text(), missing))
      .note("give it:" + remedy)
      .note("or write it into the file under 'problem'");
  throw InputError(std::move(faults));
}

std::optional<std::string> find_program_file(const std::string& name, const std::string& named_in) {
  namespace fs = std::filesystem;
  if (!named_in.empty() && !fs::path(name).is_absolute()) {
    const fs::path beside = fs::path(named_in).parent_path() / name;
    for (const std::string& candidate : {beside.string(), beside.string() + std::string(extension)}) {
      std::error_code code;
      if (fs::is_regular_file(candidate, code)) return candidate;
    }
  }
  return find_data_file(name, folder, extension);
}

}  // namespace perfmodel
