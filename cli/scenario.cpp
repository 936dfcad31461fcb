#include "cli/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "arch/fields.hpp"
#include "arch/load.hpp"
#include "cli/console.hpp"

namespace perfmodel {
namespace {

constexpr std::string_view machine_prefix = "machine.";
constexpr std::size_t most_kept = 512;  // cases of a machine or a block; sweeps come back to a row's cases at once

const std::vector<std::string>& fidelity_names() {
  static const std::vector<std::string> names{"bound", "pipeline", "simulated"};
  return names;
}

// A block file calls it `machine`.
bool is_arch_key(std::string_view key) { return key == "arch" || key == "machine"; }

enum class Part { machine, model, fidelity, block };

Part part_of(std::string_view key) {
  if (is_machine_key(key) || is_arch_key(key)) return Part::machine;
  if (key == "model") return Part::model;
  return key == "fidelity" ? Part::fidelity : Part::block;
}

// The assignments of some parts as one text, to find a case again.
std::string identity(std::span<const Assigned> assigned, std::initializer_list<Part> parts) {
  std::string text;
  for (const Assigned& one : assigned) {
    if (std::ranges::find(parts, part_of(one.key)) == parts.end()) continue;
    text += fmt::format("{}={}\n", one.key, value_label(one.value));
  }
  return text;
}

template <class Wanted>
const Assigned* last_of(std::span<const Assigned> assigned, Wanted wanted) {
  const Assigned* last = nullptr;
  for (const Assigned& one : assigned) {
    if (wanted(one.key)) last = &one;
  }
  return last;
}

const Assigned* last_of(std::span<const Assigned> assigned, const char* key) {
  return last_of(assigned, [key](const std::string& name) { return name == key; });
}

void refuse_factor(const Assigned& assigned) {
  if (assigned.value.factor) {
    throw InputError(assigned.value.where, fmt::format("'{}' is no number that a factor could multiply", assigned.key));
  }
}

void keep_few(auto& kept) {
  if (kept.size() > most_kept) kept.clear();
}

}  // namespace

bool is_machine_key(std::string_view key) { return key.starts_with(machine_prefix); }

Scenarios::Scenarios(BlockFile file, MachineChoice choice, ScenarioOptions options)
    : choice_(std::move(choice)), options_(options), library_(load_library()) {
  files_.emplace("", std::move(file));
}

const BlockFile& Scenarios::file(std::span<const Assigned> assigned) {
  const Assigned* const model = last_of(assigned, "model");
  if (model == nullptr) return files_.find("")->second;
  refuse_factor(*model);
  const auto found = files_.find(model->value.text);
  if (found != files_.end()) return found->second;
  BlockFile fresh = files_.find("")->second.with_model(model->value.text, model->value.where);
  return files_.emplace(model->value.text, std::move(fresh)).first->second;
}

Block Scenarios::make_block(std::span<const Assigned> assigned) {
  const BlockFile& source = file(assigned);
  std::vector<YamlAssignment> made;
  for (const Assigned& one : assigned) {
    if (part_of(one.key) != Part::block) continue;
    std::string value = one.value.text;
    if (one.value.factor) value = fmt::format("({}) * {}", source.value_at(one.key, made, one.value.where), value);
    made.push_back(parse_assignment(fmt::format("{}={}", one.key, value), one.option));
  }
  Block block = source.block(made);
  if (!block.regime) block.regime = options_.regime;
  for (BlockOperator& item : block.operators) item.op.regime = block.regime;
  return block;
}

const Block& Scenarios::block(std::span<const Assigned> assigned) {
  const std::string key = identity(assigned, {Part::model, Part::block});
  const auto found = blocks_.find(key);
  if (found != blocks_.end()) return found->second;
  keep_few(blocks_);
  return blocks_.emplace(key, make_block(assigned)).first->second;
}

Machine Scenarios::make_machine(std::span<const Assigned> assigned) {
  std::string name = choice_.arch;
  Location where = file_location("--arch");
  if (const Assigned* arch = last_of(assigned, is_arch_key)) {
    refuse_factor(*arch);
    name = arch->value.text;
    where = arch->value.where;
  } else if (const auto& own = block(assigned).machine; name.empty() && own) {
    name = own->name;
    where = own->location;
  }
  if (name.empty()) name = default_machine;
  auto found = loaded_.find(name);
  if (found == loaded_.end()) found = loaded_.emplace(name, load_chosen(choice_, name, where)).first;
  Machine machine = found->second;
  for (const Assigned& one : assigned) {
    if (!is_machine_key(one.key)) continue;
    const std::string_view key = std::string_view(one.key).substr(machine_prefix.size());
    if (one.value.factor) {
      scale_constant(machine, key, *one.value.factor, one.value.where);
    } else {
      set_constant(machine, key, one.value.text, one.value.where);
    }
  }
  return machine;
}

Scenarios::Room& Scenarios::room(std::span<const Assigned> assigned) {
  // A block file may name its machine, and a model of its own does not.
  const std::string key = identity(assigned, {Part::machine, Part::model});
  const auto found = rooms_.find(key);
  if (found != rooms_.end()) return found->second;
  keep_few(rooms_);
  Room& fresh = rooms_[key];
  fresh.machine = make_machine(assigned);
  fresh.kernels = std::make_unique<PinnedKernels>(fresh.machine, library_);
  return fresh;
}

const Machine& Scenarios::machine(std::span<const Assigned> assigned) { return room(assigned).machine; }

SequenceEstimate Scenarios::predict(std::span<const Assigned> assigned) {
  PredictOptions options{.regime = Regime::warm, .fidelity = options_.fidelity, .describe = false, .clock = {}};
  if (const Assigned* fidelity = last_of(assigned, "fidelity")) {
    refuse_factor(*fidelity);
    options.fidelity = static_cast<Fidelity>(parse_choice(fidelity->option, fidelity->value.text, fidelity_names()));
  }
  const Block& subject = block(assigned);
  Room& place = room(assigned);
  return solve(place.machine, library_, place.kernels->pin(subject), options);
}

}  // namespace perfmodel
