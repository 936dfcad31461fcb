// What can be said of a machine only once all its files are read.
#include <fmt/core.h>

#include "arch/read.hpp"

namespace perfmodel {

namespace {

struct Checker {
  const ConstantPlaces& places;
  const Location& file;
  Diagnostics& diagnostics;

  [[nodiscard]] Location place(std::string_view key) const {
    const auto found = places.find(key);
    return found == places.end() ? file : found->second;
  }

  // Faults unless a <= b, showing both places.
  void at_most(Machine& machine, std::string_view a, std::string_view b) const {
    const auto lower = find_constant(machine, a);
    const auto upper = find_constant(machine, b);
    if (!lower->constant.present() || !upper->constant.present() || lower->constant.get() <= upper->constant.get()) {
      return;
    }
    diagnostics
        .error(place(a),
               fmt::format("{} ({}) exceeds {} ({})", a, format_constant(*lower->field, lower->constant.get()), b,
                           format_constant(*upper->field, upper->constant.get())))
        .note(place(b), fmt::format("{} is set here", b));
  }
};

void check_presence(Machine& machine, const Checker& checker) {
  const std::string_view generation = tensor_generation_name(machine.tensor.generation);
  for (const Field& field : fields()) {
    if (field.access == nullptr) {
      continue;
    }
    const bool present = field.access(machine).present();
    const bool applies = need_applies(field.need, machine.tensor.generation);
    if (present && !applies) {
      checker.diagnostics
          .error(checker.place(field.key),
                 fmt::format("{} does not apply to a GPU of the tensor generation {}", field.key, generation))
          .note(fmt::format("it belongs to {}; write '{}: absent' to drop an inherited one", need_name(field.need),
                            field.key.substr(field.key.find('.') + 1)));
    }
    if (!present && applies && field.need != Need::optional) {
      checker.diagnostics.error(checker.file, fmt::format("missing constant {}: {}", field.key, field.doc));
    }
  }
}

}  // namespace

void check_constants(Machine& machine, const ConstantPlaces& places, const Location& file, Diagnostics& diagnostics) {
  const Checker checker{places, file, diagnostics};
  if (machine.name.empty()) {
    diagnostics.error(file, "missing key 'name' in the machine");
  }
  check_presence(machine, checker);
  for (const std::string_view pipe : {"issue", "alu", "smem"}) {
    if (!machine.find_pipe(pipe)) {
      diagnostics.error(file, fmt::format("missing pipe '{}'", pipe));
    }
  }
  for (const Pipe& pipe : machine.pipes) {
    if (!pipe.rate.present()) {
      diagnostics.error(checker.place(fmt::format("pipes.{}.rate", pipe.name)),
                        fmt::format("pipe '{}' has no rate", pipe.name));
    }
  }
  const std::vector<Bytes>& carveouts = machine.shared_memory.carveouts.value;
  if (carveouts.empty()) {
    diagnostics.error(file, "missing constant shared_memory.carveouts: sizes that an SM's shared memory can be set to");
  } else if (carveouts.back() != machine.shared_memory.capacity.value) {
    diagnostics
        .error(checker.place("shared_memory.carveouts"), "the largest carve-out is not the capacity of shared memory")
        .note(checker.place("shared_memory.capacity"), "shared_memory.capacity is set here");
  }
  checker.at_most(machine, "sms_per_tpc", "sms");
  checker.at_most(machine, "gpcs", "sms");
  checker.at_most(machine, "clock.datasheet", "clock.maximum");
  checker.at_most(machine, "shared_memory.maximum_per_cta", "shared_memory.capacity");
  checker.at_most(machine, "limits.threads_per_cta", "limits.threads");
  checker.at_most(machine, "limits.cluster_portable", "limits.cluster_maximum");
  checker.at_most(machine, "tmem.allocation_unit", "tmem.columns");
  checker.at_most(machine, "l2.near_latency", "l2.far_latency");
  checker.at_most(machine, "power.idle", "power.limit");
}

}  // namespace perfmodel
