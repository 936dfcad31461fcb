// The field table: one line for each scalar constant of a machine, and the means to find, list and set constants by
// dotted key ("dram.bandwidth"). Loader, `arch check|show|schema`, --set machine.KEY, sweeps, the fit and the
// sensitivity analysis all go through it. To add a constant: a member in machine.hpp, a line in fields.cpp, a value
// in the machine files.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arch/constant.hpp"
#include "arch/machine.hpp"
#include "support/diagnostic.hpp"

namespace perfmodel {

// Which machines must give a constant; one that is given where it does not apply is a fault.
enum class Need { required, optional, hopper, blackwell };

// "every GPU", "optional", "wgmma and tcgen05 GPUs", "tcgen05 GPUs"
std::string_view need_name(Need need);
bool need_applies(Need need, TensorGeneration generation);

struct Field {
  std::string key;   // "dram.bandwidth"; '*' stands for a name: "pipes.*.rate"
  std::string unit;  // for people, "TB/s"; empty for plain numbers
  double scale = 1;  // SI value of one `unit`
  Dimension dimension;
  bool integral = false;
  double low = 0;  // plausible range, SI, both ends included
  double high = 0;
  Need need = Need::required;
  std::string doc;
  ConstantRef (*access)(Machine&) = nullptr;  // null for the fields with '*'
};

// Every scalar constant, in the order of machine.hpp; then the three fields with '*'.
const std::vector<Field>& fields();

// The fields with '*': "pipes.*.rate", "instructions.*.occupies.*" and "instructions.*.latency".
const Field& pipe_rate_field();
const Field& occupies_field();
const Field& latency_field();
const Field& energy_field();

// An SI value in the field's unit, six significant digits: "3.35 TB/s".
std::string format_constant(const Field& field, double si);

// A constant of one machine: its own key, what the table says of it, and the handle.
struct NamedConstant {
  std::string key;  // "pipes.xu.rate" where field->key is "pipes.*.rate"
  const Field* field = nullptr;
  ConstantRef constant;
};

// The constant of that key, present or not; nothing if the machine has no such key.
std::optional<NamedConstant> find_constant(Machine& machine, std::string_view key);

// Every constant that is present, in table order, then pipes, then instructions.
std::vector<NamedConstant> present_constants(Machine& machine);

// Every key that find_constant knows for this machine.
std::vector<std::string> constant_keys(const Machine& machine);

// What-if: sets a constant from text with a unit ("7.2 TB/s"; plain numbers for counts and ratios). Its source
// becomes `assumed`. Faults (unknown key, wrong unit, not a positive number, a constant the machine lacks) throw
// InputError at `where`. A what-if may leave the plausible range by a factor of 1000.
void set_constant(Machine& machine, std::string_view key, std::string_view value, const Location& where = {});

// The same by a factor: the constant times it, a count only to a whole number. "SECTION.*" stands for every rate of the
// section, that is every constant per clock or per second: "tensor.*" is the dense rates of all types.
void scale_constant(Machine& machine, std::string_view key, double factor, const Location& where = {});

// The value of that text for that field [SI]; throws InputError at `where`.
double parse_constant(const Field& field, std::string_view key, std::string_view value, const Location& where = {});

}  // namespace perfmodel
