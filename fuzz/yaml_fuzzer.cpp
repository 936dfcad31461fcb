// Any text at all is either read or refused by the YAML reader; nothing else may happen.
#include <cstddef>
#include <cstdint>
#include <string>

#include "support/yaml_map.hpp"

namespace {

using namespace perfmodel;

// Reads every value in every way a loader might.
void walk(const YamlNode& node, Diagnostics& faults) {
  read_string(node, "value", faults);
  read_bool(node, "value", faults);
  read_integer(node, "value", faults, IntegerRange::positive());
  read_number(node, "value", faults);
  read_quantity<BytesPerSecond>(node, "value", faults);
  read_choice(node, "value", faults, {"fp16", "bf16", "fp8"});
  for (const YamlNode& item : node.items()) walk(item, faults);
  if (!node.is_map()) return;
  YamlMap map(node, "the map", faults);
  map.integer("seq");
  map.optional_map("power").optional_quantity<Watts>("limit");
  map.finish();
  for (const YamlEntry& entry : node.entries()) walk(entry.value, faults);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const YamlLimits limits{.max_size = 65536, .max_depth = 64, .max_nodes = 2000};
  try {
    const YamlNode root = load_yaml_text(text, "in.yaml", limits);
    Diagnostics faults;
    walk(root, faults);
    walk(assign(root, parse_assignment("power.limit=700 W")), faults);
    (void)faults.format();
  } catch (const InputError&) {
  }
  try {
    parse_assignment(text);
  } catch (const InputError&) {
  }
  return 0;
}
