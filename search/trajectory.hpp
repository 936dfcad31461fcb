// The trajectory of a search, read from its lineage: what each version changed, why, and what it gained.
//
//     v    evaluations   TFLOPS    gain    total   change
//     0              0    643.9                    start
//     1              1   1154.7  +79.3 %  +79.3 %  query_tiles 1 -> 2
//                                                  second_query_tile: while one tile's softmax runs ...
//                                                  (FlashAttention-4 ...)
#pragma once

#include <string>
#include <vector>

#include "search/fitness.hpp"

namespace perfmodel {

struct TrajectoryVersion {
  int number = 0;
  int from = -1;  // version that it was made of, -1: none
  std::string commit;
  std::string variation;  // operator
  std::string change;
  std::string rule;
  std::string because;
  std::string source;
  std::string notes;
  std::string limiter;
  int evaluations = 0;
  int measurements = 0;
  double seconds = 0;
  Fitness fitness;
  std::string candidate;  // JSON: its settings and moves
};

struct Trajectory {
  std::string name;
  std::vector<TrajectoryVersion> versions;
  std::vector<std::string> configurations;
  bool ended = false;
};

// Throws InputError where the folder holds no search, or one whose versions do not read.
Trajectory load_trajectory(const std::string& folder);

std::string trajectory_text(const Trajectory& trajectory);
std::string trajectory_json(const Trajectory& trajectory);
// A page that needs nothing beside itself: the curve as SVG, and a table. Everything from the lineage is shown as text.
std::string trajectory_html(const Trajectory& trajectory);

}  // namespace perfmodel
