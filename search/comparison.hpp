// The same search by several operators over several seeds, kept in memory: how many evaluations each needs to come near
// the best, and how far it gets. Where the search measures, measurements are counted, else evaluations of the model.
//
//     operator    runs  reached   needed (median, 10 %, 90 %)   best (median)
//     ranked       100      100        6       2      14          412.5
//     random       100       97       44       8     120          410.9
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "search/evolve_file.hpp"
#include "search/search.hpp"

namespace perfmodel {

struct ComparedRun {
  std::uint64_t seed = 0;
  std::vector<SearchStep> steps;
  double best = 0;  // TFLOPS
  int needed = 0;   // evaluations or measurements until the target; 0: not reached
  int compilations = 0;
};

struct ComparedOperator {
  VariationKind kind = VariationKind::rules;
  std::vector<ComparedRun> runs;
};

struct SearchComparison {
  double target = 0;      // TFLOPS
  double best = 0;        // of all runs, or of the table
  bool measured = false;  // measurements are counted
  int budget = 0;         // of a run
  std::vector<ComparedOperator> operators;
};

struct ComparisonOptions {
  std::vector<VariationKind> operators;
  int seeds = 10;
  double within = 0.01;  // of the best: what counts as near
  int evaluations = 0;   // 0: the file's
  bool random_start = false;
  bool unsafe = false;  // external programs without bubblewrap
  std::function<void(const std::string&)> say;
};

// Runs end when the target is known beforehand, from a table, and reached; else each spends its budget.
SearchComparison compare(const EvolveFile& file, const std::shared_ptr<Oracle>& oracle,
                         const ComparisonOptions& options);

// The share-th of the needed counts, those that were not reached counted as budget + 1.
double needed_quantile(const ComparedOperator& of, int budget, double share);

std::string comparison_text(const SearchComparison& comparison);
std::string comparison_json(const SearchComparison& comparison);

}  // namespace perfmodel
