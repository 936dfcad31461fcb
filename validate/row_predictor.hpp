// Predicts the rows of tables: an operator as it is, a block row as the sequence that it stands for.
#pragma once

#include <memory>
#include <string>

#include "arch/machine.hpp"
#include "model/estimate.hpp"
#include "model/predict.hpp"
#include "workloads/block.hpp"
#include "workloads/library.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

class RowPredictor {
 public:
  // The machine and the library must outlive the predictor.
  RowPredictor(const Machine& machine, const Library& library, PredictOptions options);
  RowPredictor(const RowPredictor&) = delete;
  RowPredictor& operator=(const RowPredictor&) = delete;
  ~RowPredictor();

  // A block row comes back as one estimate: its total and interval, its clock and power, the limiter that holds most
  // of the time. A row of a block met before (but for its name) costs nothing. Throws InputError if the model of a
  // block row cannot be read.
  Estimate predict(const Operator& op);

  // One operator alone that finds the L2 empty and clean, as a profiler leaves it.
  Estimate predict_emptied(const Operator& op);

  // The block of a block row, read once.
  const Block& block_of(const Operator& row);

  [[nodiscard]] const Machine& machine() const { return machine_; }

 private:
  struct Blocks;

  const Machine& machine_;
  const Library& library_;
  PredictOptions options_;
  std::unique_ptr<Blocks> blocks_;
};

}  // namespace perfmodel
