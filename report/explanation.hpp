// Why an operator takes as long as it does: what each bound alone would give, how its kernel goes through the SM, the
// constants behind the bound that binds, what relaxing each constraint would buy, and what to change. One struct,
// filled by solving again and again; the views read it.
//
//     attention of llama2_block: 1 x 32 x 4096 x 128 causal bf16 fwd, dropout 0.1 fused
//     It takes 622 us (90 % interval 595 to 652 us) of 2.07 ms on NVIDIA H100 SXM5 80GB, sustained.
//     Limited by power, next alu: its bound is 2 % shorter. The 700 W limit holds the clock at ...
//
//     bound  alone  of the time
//     ...
//
//     course    512 items on 264 CTAs of 256 threads, two an SM ...
//     relax     no power limit: 480 us (-23 %)
//     try       ...
//
// relax: what the operator would take without a constraint, everything else being as it is, solved again; `none of`
// lists those that buy nothing. try: changes of the kernel or of the shape, each with what shows that it is wanted.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/course.hpp"
#include "model/remedy.hpp"
#include "model/sm_explain.hpp"
#include "report/study.hpp"
#include "report/style.hpp"
#include "report/subject.hpp"

namespace perfmodel {

// The operator and the whole without one constraint.
struct Relaxed {
  std::string constraint;  // "power", "recurrence", "tensor": a limiter's name
  std::string what;        // "no power limit", "twice the tensor rate (tensor.*)"
  Seconds time;            // of the operator
  Seconds total;           // of the subject
};

// A constant that the operator's time follows.
struct BindingConstant {
  std::string key;
  std::string value;  // with its unit
  Origin source = Origin::absent;
  std::string ref;
  double effect = 0;  // relative change of the operator's time for +1 %
};

struct Explanation {
  std::string subject;  // "llama2_block", or the operator's name where it is alone
  std::string work;     // "4096 x 12288 x 4096 fp8"
  bool alone = true;
  std::string machine;  // id
  std::string machine_name;
  Hertz top_clock;
  Watts power_limit;
  Fidelity fidelity = Fidelity::pipeline;
  SequenceEstimate whole;
  std::optional<HeldLoad> held;
  std::size_t item = 0;  // which of it is explained
  Course course;
  std::vector<BindingConstant> constants;  // the strongest first
  std::vector<Relaxed> relaxed;            // the most useful first, and those that buy nothing
  std::vector<Remedy> remedies;            // the best first; keys as --set takes them
  std::optional<SmExplanation> program;    // of the simulated SM, where a program stands for the kernel
  std::shared_ptr<const SmCode> code;
  std::vector<std::string> notes;

  [[nodiscard]] const SequenceItem& explained() const { return whole.items[item]; }
  [[nodiscard]] const Estimate& estimate() const { return explained().estimate; }
};

// The operator that takes longest.
std::size_t longest_item(const SequenceEstimate& sequence);

// Explains one item of the subject. One that cannot run has its refusal in the estimate and nothing beside it.
Explanation explain_item(const Machine& machine, const Library& library, const Subject& subject, std::size_t item,
                         const PredictOptions& options);

// Where a limiter's bound comes from, in words.
std::string_view formula_of(Limiter limiter);

std::string text_explanation(const Explanation& explanation, const Style& style = {});
std::string markdown_explanation(const Explanation& explanation);
std::string json_explanation(const Explanation& explanation);

// What its program does when: a Chrome trace of one item at the operator's clock, and a drawing of two iterations from
// its middle. Empty where no program stands for the kernel.
std::string explanation_trace(const Explanation& explanation);
std::string explanation_drawing(const Explanation& explanation, std::size_t width = 80);

}  // namespace perfmodel
