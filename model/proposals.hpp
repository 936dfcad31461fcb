// Proposals by kind of operator. Internal to this room; remedy.hpp is the way in.
#pragma once

#include <vector>

#include "model/course.hpp"
#include "model/remedy.hpp"

namespace perfmodel {

// What proposals are made from. `course` is that of the operator as it is.
struct Situation {
  const Machine& machine;
  const Library& library;
  const Operator& op;
  const Estimate& found;
  const Course& course;

  // The only kernel that counts.
  [[nodiscard]] const CourseKernel& main() const { return course.kernels.front(); }
};

void propose_gemm(const Situation& now, std::vector<Proposal>& out);
void propose_attention(const Situation& now, std::vector<Proposal>& out);
void propose_rng(const Situation& now, std::vector<Proposal>& out);
void propose_overlap(const Situation& now, std::vector<Proposal>& out);
// Neighbours of the program's parameters in their ranges.
void propose_program(const Situation& now, std::vector<Proposal>& out);

// "2.06 waves of 132 CTAs: the last is 6 % full"; empty where the last is nearly full or there are many.
std::string wave_symptom(const Situation& now);
// "shared memory holds 144 of 227 KiB"; empty where less than `more` is left for every CTA that shares an SM.
std::string room_symptom(const Situation& now, Bytes more);
// "limited by smem"
std::string limiter_symptom(const Estimate& found);

}  // namespace perfmodel
