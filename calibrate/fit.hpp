// The fit: from measurements to the fitted constants of a machine, with the errors that it leaves on whole shape
// families that it has not seen. Needs no GPU.
#pragma once

#include <string>
#include <vector>

#include "arch/machine.hpp"
#include "calibrate/measurements.hpp"
#include "workloads/library.hpp"

namespace perfmodel {

// Constants that are fitted together, by key in the field table, and the measurements that may speak for them: a lower
// clock and a stalled pipeline look alike in the times of one operator, so that what belongs to the chip must not be
// read off the kernels whose code constants are fitted too.
struct FitStage {
  std::string operators;  // "gemm", "attention", "overlap" or "tiles"; all but the last two where empty
  std::vector<std::string> keys;
};

// In the order in which they are fitted, each with what those before have found.
const std::vector<FitStage>& fit_stages(const Machine& machine);

// The constants that a fit may change.
std::vector<std::string> fitted_keys(const Machine& machine);

struct FitOptions {
  int folds = 6;  // of the cross-validation; 0 for none
  int iterations = 25;
  std::size_t long_table = 400;    // tables of more rows than this are thinned to `thinned_rows` for the fit;
  std::size_t thinned_rows = 150;  // errors are taken over all of them
};

// What a fit without a row's family says of the row.
struct HeldOut {
  std::size_t measurement = 0;  // index
  Seconds predicted;
  Hertz clock;
  Watts power;
  std::string op;  // residual class
  std::string regime;
  std::string limiter;
};

struct Fit {
  Machine machine;  // with the fitted constants
  std::vector<std::string> keys;
  std::vector<Measurement> measurements;  // those that the model has a program for
  std::vector<HeldOut> held_out;          // by measurement, in their order; empty without cross-validation
};

// Fits the constants of `stages`, then again for each fold of families. Rows without a tile keep the kernel that the
// model chooses, chosen anew once with the constants of a first fit. Deterministic.
Fit fit_machine(const Machine& machine, const Library& library, std::vector<Measurement> measurements,
                const std::vector<FitStage>& stages, const FitOptions& options = {});

// Quantiles of measured / predicted - 1 over the held-out rows: by operator, regime and limiter; by operator and
// regime; by operator. Classes of fewer than 10 rows are left to the wider ones, and those of fewer than 10 families
// are no narrower than these.
std::vector<ResidualQuantiles> residual_quantiles(const std::vector<Measurement>& measurements,
                                                  const std::vector<HeldOut>& held_out);

}  // namespace perfmodel
