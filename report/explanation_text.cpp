#include <fmt/format.h>

#include "report/explanation_words.hpp"
#include "report/layout.hpp"
#include "report/sm_timeline.hpp"

namespace perfmodel {

std::string text_explanation(const Explanation& explanation, const Style& style) {
  std::vector<std::string> verdict;
  for (const std::string& sentence : explanation_verdict(explanation)) {
    for (std::string& line : wrapped(sentence, style.width, 0)) verdict.push_back(std::move(line));
  }
  verdict.front() = bold(verdict.front(), style);
  std::string text = joined(verdict);
  const std::vector<Fact> facts = explanation_facts(explanation);
  if (facts.empty()) return text;
  return text + '\n' + bound_grid(explanation.estimate()).text() + '\n' + joined(fact_lines(facts, style.width));
}

std::string markdown_explanation(const Explanation& explanation) {
  std::string text;
  for (const std::string& sentence : explanation_verdict(explanation)) text += sentence + '\n';
  const std::vector<Fact> facts = explanation_facts(explanation);
  if (facts.empty()) return text;
  text += '\n' + bound_grid(explanation.estimate()).markdown() + '\n';
  for (const Fact& fact : facts) text += fmt::format("- {}: {}\n", fact.heading, fact.text);
  return text;
}

namespace {

struct Recording {
  std::vector<SmEvent> events;
  double end = 0;
};

// One item of each CTA that shares an SM.
Recording recorded(const Explanation& explanation) {
  Recording recording;
  const SmResident resident{explanation.code.get(), explanation.course.kernels.front().sharing};
  Simulator simulator;
  recording.end = simulator.run({&resident, 1}, {.skip = false}, recording.events).time;
  return recording;
}

}  // namespace

std::string explanation_trace(const Explanation& explanation) {
  if (!explanation.code) return {};
  return sm_chrome_trace(*explanation.code, recorded(explanation).events, explanation.estimate().clock);
}

std::string explanation_drawing(const Explanation& explanation, std::size_t width) {
  if (!explanation.code || !explanation.program) return {};
  const Recording recording = recorded(explanation);
  const double shown = 2 * explanation.program->interval;
  const double from = std::max(0.0, recording.end / 2 - shown / 2);
  return sm_ascii_timeline(*explanation.code, recording.events, from, std::min(recording.end, from + shown),
                           static_cast<int>(width));
}

}  // namespace perfmodel
