// The cases of a what-if: a block file, a machine and options under a list of assignments. What several cases have in
// common is read and worked out once.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/machine_options.hpp"
#include "model/predict.hpp"
#include "report/pinned_kernels.hpp"
#include "report/subject.hpp"
#include "support/value_list.hpp"
#include "workloads/block.hpp"

namespace perfmodel {

// One KEY=VALUE of a case. Keys: machine.KEY, arch, model, fidelity, and those of the block file.
struct Assigned {
  std::string key;
  ListedValue value;
  std::string option;  // "--sweep", for messages
};

struct ScenarioOptions {
  std::optional<Regime> regime;  // where the file says none
  Fidelity fidelity = Fidelity::pipeline;
};

class Scenarios {
 public:
  Scenarios(BlockFile file, MachineChoice choice, ScenarioOptions options);

  // The prediction of a case; later assignments come over earlier ones. Throws InputError for what cannot be set.
  // A case that cannot run has its refusal in the estimate.
  SequenceEstimate predict(std::span<const Assigned> assigned);

  // The machine that a case is for.
  const Machine& machine(std::span<const Assigned> assigned);
  // The block of a case.
  const Block& block(std::span<const Assigned> assigned);

 private:
  struct Room {
    Machine machine;
    std::unique_ptr<PinnedKernels> kernels;
  };

  const BlockFile& file(std::span<const Assigned> assigned);
  Room& room(std::span<const Assigned> assigned);
  [[nodiscard]] Machine make_machine(std::span<const Assigned> assigned);
  [[nodiscard]] Block make_block(std::span<const Assigned> assigned);

  std::map<std::string, BlockFile, std::less<>> files_;  // by model, "" for the one given
  MachineChoice choice_;
  ScenarioOptions options_;
  Library library_;
  std::map<std::string, Machine, std::less<>> loaded_;  // by name, as its file has it
  std::map<std::string, Room, std::less<>> rooms_;      // by the assignments that make it
  std::map<std::string, Block, std::less<>> blocks_;
};

// Whether the key names a constant of the machine.
bool is_machine_key(std::string_view key);

}  // namespace perfmodel
