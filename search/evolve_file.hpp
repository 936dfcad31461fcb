// What `perfmodel evolve FILE.yaml` is told: where the search starts, what it may vary, what a design is scored on, by
// whom, and when it ends. docs/evolve-schema.md documents every key.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "search/design.hpp"
#include "search/sandbox.hpp"
#include "search/suite.hpp"
#include "support/units.hpp"
#include "support/yaml.hpp"

namespace perfmodel {

// A number that the search may change: one of `values`, or anything between the first and the last where `continuous`.
struct Variable {
  std::string name;
  std::vector<double> values;  // ascending, two at least
  bool continuous = false;
};

// The value that a share of the way through the variable's range stands for, and back.
double value_at(const Variable& variable, double share);
double share_of(const Variable& variable, double value);
// The nearest value that the variable may have.
double snapped(const Variable& variable, double value);

enum class VariationKind : std::uint8_t { rules, agent, ranked, surrogate, random, de, cmaes, nsga2 };
inline constexpr std::array<std::string_view, 8> variation_names{"rules",  "agent", "ranked", "surrogate",
                                                                 "random", "de",    "cmaes",  "nsga2"};

enum class SearchMode : std::uint8_t { single, population };

// A program outside that is run for the search: an agent, or what compiles, checks and times on silicon.
struct ExternalCommand {
  std::vector<std::string> command;
  SandboxOptions box;
};

class MeasuredTable;

struct SiliconSettings {
  ExternalCommand measure;
  std::shared_ptr<const MeasuredTable> table;  // in its place: rows measured before
  std::optional<ExternalCommand> compile;      // what the compiler made of a design, before it is measured
  std::vector<std::string> compiled;           // in its place: columns of the table that a compiler fills in
  int budget = 0;                              // measurements, those of incumbents included
  double margin =
      0.05;  // measured are designs that the model gives at least (1 - margin) of its best, and deferred ones

  [[nodiscard]] bool compiles() const { return compile || !compiled.empty(); }
};

struct SupervisorSettings {
  int stall = 120;    // evaluations without gain
  int failures = 12;  // refused designs in a row
  int repeats = 24;   // designs in a row that were met before
  int neutral = 2;    // versions in a row that only equal the best; further ones are not taken
  int most_redirections = 8;
};

struct EvolveFile {
  std::string name;
  std::string machine;
  Design start;
  std::shared_ptr<const Suite> suite;
  std::vector<Variable> variables;
  std::vector<MoveKind> moves;      // that may be on or off
  std::vector<std::string> frozen;  // parameters of the program that no proposal may define otherwise
  SearchMode mode = SearchMode::single;
  int population = 8;
  std::vector<VariationKind> operators;
  std::uint64_t seed = 1;
  int evaluations = 1000;
  Seconds time;     // 0: no limit
  double gain = 0;  // a version has to gain more than this share over the best
  SupervisorSettings supervisor;
  std::optional<ExternalCommand> agent;
  std::optional<SiliconSettings> silicon;
  std::string text;  // of the file, of the suite and of the program: what a resumed run must find again
};

// Which frozen parameter a design defines otherwise than the start, in words; "" for none. What a program says of needs
// that the model cannot check, registers for instance, an agent could otherwise write away.
std::string frozen_change(const EvolveFile& file, const Design& design);

// Paths in the file are relative to its folder. Throws InputError with every fault.
EvolveFile load_evolve_file(const std::string& path);

// The best version of a finished or running search in a folder.
Design best_of(const std::string& folder);

}  // namespace perfmodel
