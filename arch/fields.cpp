#include "arch/fields.hpp"

#include <fmt/core.h>

#include <cmath>
#include <stdexcept>

#include "arch/field_table.hpp"
#include "support/parse.hpp"

namespace perfmodel {

namespace {

// An end of a range: "3 TB/s" or, for numbers without dimension, "3".
double range_end(std::string_view text, const Dimension& dimension) {
  if (dimension == Dimension{}) {
    return parse_number(text).value;
  }
  const ParsedQuantity parsed = parse_quantity(text, dimension);
  if (!parsed.ok()) {
    throw std::logic_error(fmt::format("field table: '{}': {}", text, parsed.error));
  }
  return parsed.si;
}

Field make_field(std::string key, Need need, std::string_view low, std::string_view high, std::string doc,
                 const Dimension& dimension, bool integral) {
  Field field;
  field.key = std::move(key);
  field.dimension = dimension;
  field.integral = integral;
  field.need = need;
  field.doc = std::move(doc);
  field.low = range_end(low, dimension);
  field.high = range_end(high, dimension);
  if (dimension != Dimension{}) {
    field.unit = trimmed(low.substr(low.find(' ')));
    field.scale = range_end("1 " + field.unit, dimension);
  }
  return field;
}

template <class Q>
Field make_field(std::string key, Need need, std::string_view low, std::string_view high, std::string doc,
                 const Constant<Q>&, ConstantRef (*access)(Machine&)) {
  Field field = make_field(std::move(key), need, low, high, std::move(doc), detail::constant_dimension<Q>(),
                           std::is_integral_v<Q>);
  field.access = access;
  return field;
}

std::vector<Field> make_fields() {
  const Machine shape;
  std::vector<Field> table;
#define PERFMODEL_FIELD(path, need, low, high, doc)                         \
  table.push_back(make_field(#path, Need::need, low, high, doc, shape.path, \
                             [](Machine& machine) { return ConstantRef(machine.path); }));
  PERFMODEL_FIELDS(PERFMODEL_FIELD)
#undef PERFMODEL_FIELD
  const CodeCounts counts;
#define PERFMODEL_FIELD(member, low, high, doc)                                              \
  table.push_back(make_field("code.*." #member, Need::optional, low, high, doc,              \
                             detail::constant_dimension<decltype(counts.member.value)>(),    \
                             std::is_integral_v<decltype(counts.member.value)>));
  PERFMODEL_CODE_FIELDS(PERFMODEL_FIELD)
#undef PERFMODEL_FIELD
  table.push_back(
      make_field("pipes.*.rate", Need::required, "0.125 /clk", "4096 /clk",
                 "slots (bytes for smem, tmem_read and tmem_write) that the pipe serves, all sub-partitions "
                 "of an SM together",
                 PerCycle::dimension, false));
  table.push_back(make_field("instructions.*.occupies.*", Need::required, "0", "256",
                             "slots or bytes of the pipe that one thread's share of the instruction takes", Dimension{},
                             false));
  table.push_back(make_field("instructions.*.latency", Need::optional, "0 clk", "2000 clk",
                             "until a dependent instruction may issue, unloaded", Cycles::dimension, false));
  table.push_back(make_field("instructions.*.energy", Need::optional, "1 pJ", "200 pJ",
                             "of one thread's share on random data at the top clock", Joules::dimension, false));
  return table;
}

// "a.b.c" -> a, b, c
std::vector<std::string_view> split_key(std::string_view key) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t dot = key.find('.');
    parts.push_back(key.substr(0, dot));
    if (dot == std::string_view::npos) {
      return parts;
    }
    key.remove_prefix(dot + 1);
  }
}

std::string pipe_key(const Pipe& pipe) { return fmt::format("pipes.{}.rate", pipe.name); }

std::string occupancy_key(const Machine& machine, const Instruction& instruction, const Occupancy& occupancy) {
  return fmt::format("instructions.{}.occupies.{}", instruction.name,
                     machine.pipes[static_cast<std::size_t>(occupancy.pipe)].name);
}

std::string latency_key(const Instruction& instruction) {
  return fmt::format("instructions.{}.latency", instruction.name);
}

std::string energy_key(const Instruction& instruction) {
  return fmt::format("instructions.{}.energy", instruction.name);
}

// The field "code.*.MEMBER".
const Field* code_field(std::string_view member) {
  const std::string key = fmt::format("code.*.{}", member);
  for (const Field& field : fields()) {
    if (field.key == key) {
      return &field;
    }
  }
  return nullptr;
}

// Calls visit(key, field, constant) for every constant of the machine, present or not. Machine may be const.
template <class M, class Visit>
void for_each_named(M& machine, Visit visit) {
  for (auto& pipe : machine.pipes) {
    visit(pipe_key(pipe), pipe_rate_field(), pipe.rate);
  }
  for (auto& instruction : machine.instructions) {
    for (auto& occupancy : instruction.occupies) {
      visit(occupancy_key(machine, instruction, occupancy), occupies_field(), occupancy.slots);
    }
    visit(latency_key(instruction), latency_field(), instruction.latency);
    visit(energy_key(instruction), energy_field(), instruction.energy);
  }
}

}  // namespace

std::string_view need_name(Need need) {
  switch (need) {
    case Need::required: return "every GPU";
    case Need::optional: return "optional";
    case Need::hopper: return "wgmma and tcgen05 GPUs";
    case Need::blackwell: return "tcgen05 GPUs";
  }
  return "";
}

bool need_applies(Need need, TensorGeneration generation) {
  switch (need) {
    case Need::required:
    case Need::optional: return true;
    case Need::hopper: return generation != TensorGeneration::mma;
    case Need::blackwell: return generation == TensorGeneration::tcgen05;
  }
  return true;
}

const std::vector<Field>& fields() {
  static const std::vector<Field> table = make_fields();
  return table;
}

// They end the table, in this order.
const Field& pipe_rate_field() { return fields()[fields().size() - 4]; }
const Field& occupies_field() { return fields()[fields().size() - 3]; }
const Field& latency_field() { return fields()[fields().size() - 2]; }
const Field& energy_field() { return fields()[fields().size() - 1]; }

std::string format_constant(const Field& field, double si) {
  const std::string number = fmt::format("{:.6g}", si / field.scale);
  return field.unit.empty() ? number : number + " " + field.unit;
}

std::optional<NamedConstant> find_code_constant(Machine& machine, std::string_view name, std::string_view member) {
  for (CodeCounts& counts : machine.code) {
    if (counts.name != name) {
      continue;
    }
#define PERFMODEL_FIELD(field_member, low, high, doc)                                              \
  if (member == #field_member) {                                                                   \
    return NamedConstant{fmt::format("code.{}.{}", name, member), code_field(member), ConstantRef(counts.field_member)}; \
  }
    PERFMODEL_CODE_FIELDS(PERFMODEL_FIELD)
#undef PERFMODEL_FIELD
  }
  return std::nullopt;
}

std::optional<NamedConstant> find_constant(Machine& machine, std::string_view key) {
  for (const Field& field : fields()) {
    if (field.access != nullptr && field.key == key) {
      return NamedConstant{field.key, &field, field.access(machine)};
    }
  }
  const std::vector<std::string_view> parts = split_key(key);
  if (parts.size() == 3 && parts[0] == "code") {
    return find_code_constant(machine, parts[1], parts[2]);
  }
  if (parts.size() == 3 && parts[0] == "pipes" && parts[2] == "rate") {
    if (const auto pipe = machine.find_pipe(parts[1])) {
      return NamedConstant{std::string(key), &pipe_rate_field(),
                           ConstantRef(machine.pipes[static_cast<std::size_t>(*pipe)].rate)};
    }
  }
  if (parts.size() < 3 || parts[0] != "instructions") {
    return std::nullopt;
  }
  const auto index = machine.find_instruction(parts[1]);
  if (!index) {
    return std::nullopt;
  }
  Instruction& instruction = machine.instructions[static_cast<std::size_t>(*index)];
  if (parts.size() == 3 && parts[2] == "latency") {
    return NamedConstant{std::string(key), &latency_field(), ConstantRef(instruction.latency)};
  }
  if (parts.size() == 3 && parts[2] == "energy") {
    return NamedConstant{std::string(key), &energy_field(), ConstantRef(instruction.energy)};
  }
  if (parts.size() == 4 && parts[2] == "occupies") {
    const auto pipe = machine.find_pipe(parts[3]);
    for (Occupancy& occupancy : instruction.occupies) {
      if (pipe && occupancy.pipe == *pipe) {
        return NamedConstant{std::string(key), &occupies_field(), ConstantRef(occupancy.slots)};
      }
    }
  }
  return std::nullopt;
}

std::vector<NamedConstant> present_constants(Machine& machine) {
  std::vector<NamedConstant> constants;
  for (const Field& field : fields()) {
    if (field.access != nullptr && field.access(machine).present()) {
      constants.push_back({field.key, &field, field.access(machine)});
    }
  }
  for_each_named(machine, [&](std::string key, const Field& field, auto& constant) {
    if (constant.present()) {
      constants.push_back({std::move(key), &field, ConstantRef(constant)});
    }
  });
  return constants;
}

std::vector<std::string> constant_keys(const Machine& machine) {
  std::vector<std::string> keys;
  for (const Field& field : fields()) {
    if (field.access != nullptr) {
      keys.push_back(field.key);
    }
  }
  for_each_named(machine, [&](std::string key, const Field&, const auto&) { keys.push_back(std::move(key)); });
  return keys;
}

double parse_constant(const Field& field, std::string_view key, std::string_view value, const Location& where) {
  double si = 0;
  std::string error;
  if (field.integral) {
    const ParsedInteger parsed = parse_integer(value);
    si = static_cast<double>(parsed.value);
    error = parsed.error;
  } else if (field.dimension == Dimension{}) {
    const ParsedNumber parsed = parse_number(value);
    si = parsed.value;
    error = parsed.error;
  } else {
    const ParsedQuantity parsed = parse_quantity(value, field.dimension);
    si = parsed.si;
    error = parsed.error;
  }
  if (!error.empty()) {
    throw InputError(where, fmt::format("'{}' of {}: {}", value, key, error));
  }
  return si;
}

namespace {

// The constant of that key; throws where there is none.
NamedConstant settable_constant(Machine& machine, std::string_view key, const Location& where) {
  const auto named = find_constant(machine, key);
  if (!named) {
    Diagnostics diagnostics;
    Diagnostic& fault = diagnostics.error(where, fmt::format("unknown machine constant '{}'", key));
    fault.suggest(key, constant_keys(machine));
    fault.note(fmt::format("'perfmodel arch show {}' lists the constants of this machine", machine.id));
    throw InputError(std::move(diagnostics));
  }
  if (!named->constant.present()) {
    throw InputError(where, fmt::format("{} does not apply to {}", key, machine.id));
  }
  return *named;
}

// `value` is the text of `si` in messages.
void set_checked(NamedConstant& named, std::string_view value, double si, const Location& where) {
  const bool may_be_zero = named.field->low <= 0;
  if (si < 0 || (si == 0 && !may_be_zero)) {
    throw InputError(where,
                     fmt::format("{} must be {}, not '{}'", named.key, may_be_zero ? "at least 0" : "above 0", value));
  }
  constexpr double far = 1000;
  if (si > far * named.field->high || (si > 0 && si * far < named.field->low)) {
    Diagnostics diagnostics;
    diagnostics.error(where, fmt::format("{} of {} is far from plausible", named.key, value))
        .note(fmt::format("plausible: {} to {}; a setting may leave that by a factor of {:.0f}",
                          format_constant(*named.field, named.field->low),
                          format_constant(*named.field, named.field->high), far));
    throw InputError(std::move(diagnostics));
  }
  named.constant.set(si, Origin::assumed, "set by the user");
}

bool is_rate(const Field& field) { return field.dimension.time < 0 || field.dimension.cycle < 0; }

void scale(NamedConstant named, double factor, const Location& where) {
  const double si = named.constant.get() * factor;
  const std::string text = format_constant(*named.field, si);
  if (named.constant.integral() && si != std::round(si)) {
    throw InputError(where, fmt::format("{} times {} is {}, not a whole number", named.key, factor, text));
  }
  set_checked(named, text, si, where);
}

}  // namespace

void set_constant(Machine& machine, std::string_view key, std::string_view value, const Location& where) {
  NamedConstant named = settable_constant(machine, key, where);
  set_checked(named, value, parse_constant(*named.field, key, value, where), where);
}

void scale_constant(Machine& machine, std::string_view key, double factor, const Location& where) {
  constexpr std::string_view every = ".*";
  if (!key.ends_with(every)) {
    scale(settable_constant(machine, key, where), factor, where);
    return;
  }
  const std::string_view section = key.substr(0, key.size() - 1);
  bool any = false;
  for (const NamedConstant& named : present_constants(machine)) {
    if (!named.key.starts_with(section) || !is_rate(*named.field)) {
      continue;
    }
    scale(named, factor, where);
    any = true;
  }
  if (!any) {
    throw InputError(where, fmt::format("{} has no rates in '{}'", machine.id, key));
  }
}

}  // namespace perfmodel
