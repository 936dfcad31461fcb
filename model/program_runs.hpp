// What the predictions of one program with one set of settings share: the program evaluated and priced at a shape, and
// the times of its items. Each is worked out once, whatever the fidelity and however many operators ask for it.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/attention_items.hpp"
#include "model/pipeline_kernel.hpp"
#include "model/priced_program.hpp"
#include "workloads/pipeline_check.hpp"
#include "workloads/pipeline_file.hpp"

namespace perfmodel {

// The words of an item of attention: what its expressions may depend on, settings apart.
struct ProgramShape {
  std::array<double, 7> words{};  // tiles first, since they differ most
  Dtype dtype = Dtype::bf16;

  bool operator==(const ProgramShape&) const = default;
};
ProgramShape shape_of(const Attention& attention, const ItemTiles& tiles);

// Keeps its memory from one program to the next. Not to be shared between threads.
class ProgramRuns {
 public:
  struct Made {
    ProgramShape shape;
    EvaluatedPipeline evaluated;
    PipelineDemand done;  // by an item
    RingMemory rings;
    PricedProgram priced;
    std::shared_ptr<const SmCode> code;    // once priced
    std::optional<std::string> objection;  // once checked: why it cannot run, empty if it can

    [[nodiscard]] const Pipeline& pipeline() const { return evaluated.pipeline; }
  };

  ProgramRuns() = default;
  // `machine`, `file` and what `settings` name have to outlive the predictions.
  ProgramRuns(const Machine& machine, const PipelineFile& file, std::span<const SequenceParameter> settings) {
    start(machine, file, settings);
  }
  // Forgets the results of other settings. What earlier ones left behind saves work where it is the same; a machine at
  // an address that it has seen has to be the same machine.
  void start(const Machine& machine, const PipelineFile& file, std::span<const SequenceParameter> settings);

  PipelineTile tile(const Attention& attention);
  // Stays until so many others have been asked for.
  const HeadItems& items(const Attention& attention, const PipelineTile& tile);
  // The program at that shape; stays until so many others have been asked for. Throws InputError as PipelineFile does.
  Made& made(const ProgramShape& shape);
  static constexpr std::size_t kept = 8;
  // Its code, with names for reports or, if it is priced only now, without.
  const std::shared_ptr<const SmCode>& code(Made& made, OpNames names);
  // Of an item that shares its SM with its like.
  ItemTime time(const ProgramShape& shape, Fidelity fidelity);

 private:
  struct Known {
    ProgramShape shape;
    bool bound = false;
    ItemTime time;
  };
  struct KnownTile {
    ProgramShape shape;
    PipelineTile tile;
  };

  struct KnownItems {
    std::array<std::int64_t, 10> key{};
    HeadItems items;
  };

  [[nodiscard]] std::span<const SequenceParameter> given(const ProgramShape& shape);
  void evaluate(const ProgramShape& shape, EvaluatedPipeline& pipeline);
  Made* find(const ProgramShape& shape);

  const Machine* machine_ = nullptr;
  const PipelineFile* file_ = nullptr;
  std::vector<SequenceParameter> given_;  // words, then settings
  std::array<Made, kept> made_;
  std::size_t made_count_ = 0;  // ever
  EvaluatedPipeline passing_;   // of an item that only its time is wanted of
  PricedProgram passing_priced_;
  FormulaValues tile_values_;
  std::vector<Known> known_;
  std::vector<KnownTile> tiles_;
  std::vector<KnownItems> items_;  // of any settings
  std::size_t items_made_ = 0;     // ever
  HeadItems passing_items_;
};

}  // namespace perfmodel
