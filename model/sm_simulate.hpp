// The event simulation of what is resident on one SM: roles run their operations in order, wait on rings, share pipes;
// engines work through their queues. Progress between two events is fluid: an operation advances at the rate that the
// pipes it needs leave it. Long segments are left out once the state recurs.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/sm_code.hpp"

namespace perfmodel {

// How operations that want the same pipe share it.
enum class Arbitration : std::uint8_t {
  oldest_first,    // whoever started first takes what it can use, the next what is left; engines after warps
  operands_first,  // the same, but engines' operand fetches before warps' accesses, as wgmma does on an H200
  even,            // all slow down alike
};

// So many CTAs of one code.
struct SmResident {
  const SmCode* code = nullptr;
  int ctas = 1;
  int items = 0;  // of each CTA; 0: as the options say
};

struct SimulationOptions {
  Arbitration arbitration = Arbitration::oldest_first;
  int items = 1;     // of each CTA; one after the other where the code is persistent, else in new CTAs
  bool skip = true;  // leave out the repetitions of a state that recurs
  int most_events = 400000;
};

// An operation's stay on its role or engine [cycles since the start].
struct SmEvent {
  std::int16_t resident = 0;
  std::int16_t cta = 0;
  std::int16_t op = 0;
  double start = 0;
  double end = 0;
};

inline constexpr int max_simulated = 4;  // kinds of residents
inline constexpr int max_simulated_segments = 8;

struct SimulationResult {
  double time = 0;                                 // cycles until everything has ended
  int items = 0;                                   // finished in all
  std::array<double, max_simulated> first_item{};  // end of the first item of the first CTA of each resident
  std::array<double, max_simulated> last_item{};   // end of its last one
  // Cycles of an iteration of each segment of the first resident, where its state recurred; else 0.
  std::array<double, max_simulated_segments> interval{};
  int events = 0;
  bool deadlock = false;
  bool exact = true;             // every repetition left out was an exact one
  std::array<int, 8> blocked{};  // operations that wait for ever, of the first resident, -1 after the last
};

// Reusable memory of simulations: no allocation once it has grown to the largest.
class Simulator {
 public:
  Simulator();
  ~Simulator();
  Simulator(Simulator&&) noexcept;
  Simulator& operator=(Simulator&&) noexcept;

  // Pure: the same input gives the same bits, whatever ran before.
  SimulationResult run(std::span<const SmResident> residents, const SimulationOptions& options = {});
  // The same, and what happened when; with `skip` the repetitions left out do not appear.
  SimulationResult run(std::span<const SmResident> residents, const SimulationOptions& options,
                       std::vector<SmEvent>& events);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace perfmodel
