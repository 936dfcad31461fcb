// What an evaluator says of a design: a throughput for each configuration of the suite, all zero if it is wrong or
// cannot run on one of them.
#pragma once

#include <string>
#include <vector>

namespace perfmodel {

struct Fitness {
  std::vector<double> tflops;         // of each configuration; decisions a second times 1e-12 for masks
  double geomean = 0;                 // zero if refused
  double upper = 0;                   // geomean that the model's 90 % interval leaves possible
  double spread = 0;                  // of a measured geomean between repetitions, as a share; 0 for the model's
  std::vector<std::string> limiters;  // of each configuration, where the model says so
  std::string refusal;                // why it scores zero
  std::vector<std::string> defer;     // why the model's word should not be taken without silicon
  bool measured = false;              // on silicon
  double overrun = 0;                 // of a design that does not fit: by how much, as a share of what there is

  [[nodiscard]] bool correct() const { return refusal.empty() && geomean > 0; }
  bool operator==(const Fitness&) const = default;
};

double geometric_mean(const std::vector<double>& values);

// All zero, with the reason.
Fitness refused(std::string reason, std::size_t configurations);

// As it stands in score.json and in the journal.
std::string fitness_json(const Fitness& fitness);
Fitness read_fitness(const std::string& json);

}  // namespace perfmodel
