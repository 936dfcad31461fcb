// Reading the constants of one machine file into a Machine. Internal to this room: load.cpp walks the files.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "arch/fields.hpp"
#include "arch/machine.hpp"
#include "support/diagnostic.hpp"
#include "support/yaml.hpp"

namespace perfmodel {

// Where each constant was last stated, for faults that show only once all files are read.
using ConstantPlaces = std::map<std::string, Location, std::less<>>;

// Puts the file's constants over the machine's.
void read_machine_file(const YamlNode& root, Machine& machine, ConstantPlaces& places, Diagnostics& diagnostics);

// Reads text with a unit (a plain number for ratios and counts) and holds it to the field's plausible range.
std::optional<double> read_field_value(const YamlNode& node, const Field& field, std::string_view key,
                                       Diagnostics& diagnostics);

// Missing and inapplicable constants and relations between constants; `file` is where missing ones are reported.
void check_constants(Machine& machine, const ConstantPlaces& places, const Location& file, Diagnostics& diagnostics);

}  // namespace perfmodel
