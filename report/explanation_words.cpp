#include "report/explanation_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "support/format.hpp"

namespace perfmodel {
namespace {

constexpr std::size_t shown_remedies = 5;
constexpr std::size_t shown_segments = 4;
constexpr double worth_a_line = 0.005;  // of the operator's time

std::string_view resource_name(Resource resource) { return limiter_name(limiter_of(resource)); }

std::string number_word(int count) {
  static constexpr std::array<std::string_view, 5> words{"no", "one", "two", "three", "four"};
  return count >= 0 && count < std::ssize(words) ? std::string(words[static_cast<std::size_t>(count)])
                                                 : std::to_string(count);
}

// "1,024 clk (tensor 1,024, smem 960)": an iteration, and the pipes that are busy for a tenth of it and more.
std::string iteration_words(const CourseSegment& segment) {
  struct Share {
    Resource resource;
    double cycles;
  };
  std::vector<Share> shares;
  for (const Resource resource : all_resources) {
    const double cycles = (segment.segment.busy[resource] + segment.segment.aside[resource]).si();
    if (cycles >= 0.1 * segment.time.si() && cycles > 0) shares.push_back({resource, cycles});
  }
  std::ranges::stable_sort(shares, std::greater<>{}, &Share::cycles);
  std::string pipes;
  for (const Share& share : shares) {
    pipes +=
        fmt::format("{}{} {}", pipes.empty() ? "" : ", ", resource_name(share.resource), with_commas(share.cycles));
  }
  const std::string time = with_commas(segment.time.si()) + " clk";
  return pipes.empty() ? time + " of waiting" : fmt::format("{} ({})", time, pipes);
}

std::string segments_words(const CourseKernel& kernel) {
  std::vector<std::string> parts;
  for (const CourseSegment& segment : kernel.segments) {
    if (segment.segment.count <= 0 || segment.time.si() <= 0 || parts.size() >= shown_segments) continue;
    parts.push_back(fmt::format("{:.3g} x {}", segment.segment.count, iteration_words(segment)));
  }
  return fmt::format("{}", fmt::join(parts, ", then "));
}

void add_kernel_words(const CourseKernel& kernel, Hertz clock, std::vector<std::string>& lines) {
  const Kernel& k = kernel.kernel;
  lines.push_back(fmt::format("{} items on {} CTAs of {} threads, {} of them on an SM at a time: {:.3g} waves",
                              with_commas(k.items), with_commas(static_cast<double>(k.ctas)), 32 * k.program.warps,
                              number_word(kernel.sharing), kernel.waves));
  if (!k.program.code) {
    const std::string segments = segments_words(kernel);
    if (!segments.empty()) lines.push_back("a CTA does of an item: " + segments);
  }
  const double uneven = kernel.busiest.si() > 0 ? 1 - kernel.even / kernel.busiest : 0;
  std::string last = fmt::format("the SM that ends last works for {} clk, {} at {}", with_commas(kernel.busiest.si()),
                                 format_time(kernel.busiest / clock), format_clock(clock));
  if (uneven >= worth_a_line) last += fmt::format("; the mean SM {} less", share_text(uneven));
  lines.push_back(std::move(last));
}

std::vector<Fact> program_facts(const SmExplanation& program) {
  std::vector<Fact> facts;
  facts.push_back({"iteration", fmt::format("{} clk of '{}'{}: limited by {}; {} bound {}, recurrence bound {}",
                                            with_commas(program.interval), program.segment,
                                            program.ctas > 1 ? fmt::format(" with {} CTAs an SM", program.ctas) : "",
                                            program.limiter, program.busiest, with_commas(program.resource_bound),
                                            with_commas(program.recurrence_bound))});
  facts.push_back({"cycle", cycle_words(program)});
  std::string pipes;
  for (const PipeShare& pipe : program.pipes) {
    if (pipe.utilisation < 0.01) continue;
    pipes += fmt::format("{}{} {:.0f} %", pipes.empty() ? "" : ", ", pipe.pipe, 100 * pipe.utilisation);
  }
  facts.push_back({"pipes", pipes + " of the iteration"});
  for (const Relaxation& relaxation : program.relaxations) {
    const double gain = relaxation.interval / program.interval - 1;
    if (gain > -worth_a_line) continue;
    facts.push_back({"loosen", fmt::format("{}: {} clk an iteration ({})", relaxation.what,
                                           with_commas(relaxation.interval), change_text(gain))});
  }
  return facts;
}

void add_relaxed(const Explanation& explanation, std::vector<Fact>& facts) {
  const Seconds time = explanation.estimate().time;
  std::string useless;
  for (const Relaxed& relaxed : explanation.relaxed) {
    const double change = relaxed.time / time - 1;
    if (change > -worth_a_line) {
      useless += fmt::format("{}{}", useless.empty() ? "" : ", ", relaxed.constraint);
      continue;
    }
    std::string text = fmt::format("{}: {} ({})", relaxed.what, format_time(relaxed.time), change_text(change));
    if (!explanation.alone) {
      text += fmt::format("; {} {} ({})", explanation.subject, format_time(relaxed.total),
                          change_text(relaxed.total / explanation.whole.total - 1));
    }
    facts.push_back({"relax", std::move(text)});
  }
  if (!useless.empty()) facts.push_back({"relax", "nothing to gain from: " + useless});
}

void add_remedies(const Explanation& explanation, std::vector<Fact>& facts) {
  std::size_t shown = 0;
  for (const Remedy& remedy : explanation.remedies) {
    if (shown++ >= shown_remedies) break;
    std::string keys;
    for (const Edit& edit : remedy.edits) keys += fmt::format(" --set {}={}", edit.key, edit.value);
    facts.push_back({"try", fmt::format("{}: {}, {} ({});{}", remedy.symptom, remedy.change, format_time(remedy.time),
                                        change_text(remedy.time / explanation.estimate().time - 1), keys)});
  }
}

void add_constants(const Explanation& explanation, std::vector<Fact>& facts) {
  for (const BindingConstant& constant : explanation.constants) {
    facts.push_back({"rests on", fmt::format("{} = {} ({}{}{}): {:+.2f} % for +1 %", constant.key, constant.value,
                                             origin_name(constant.source), constant.ref.empty() ? "" : ", ",
                                             constant.ref, 100 * constant.effect)});
  }
}

std::string capitalised(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

}  // namespace

std::vector<std::string> course_words(const Course& course) {
  std::vector<std::string> lines;
  if (course.kernels.empty()) return lines;
  add_kernel_words(course.kernels.front(), course.clock, lines);
  Seconds others;
  for (std::size_t i = 1; i < course.kernels.size(); ++i) others += course.kernels[i].time;
  if (course.kernels.size() > 1) {
    lines.push_back(fmt::format("{} more kernel{}: {}", number_word(static_cast<int>(course.kernels.size()) - 1),
                                course.kernels.size() > 2 ? "s" : "", format_time(others)));
  }
  return lines;
}

std::vector<std::string> explanation_verdict(const Explanation& e) {
  const Estimate& estimate = e.estimate();
  std::vector<std::string> lines;
  lines.push_back(e.alone ? fmt::format("{}: {}", e.explained().name, e.work)
                          : fmt::format("{} of {}: {}", e.explained().name, e.subject, e.work));
  if (!estimate.feasible()) {
    lines.push_back(fmt::format("It cannot run on {}: {}", e.machine_name, estimate.refusal));
    return lines;
  }
  const std::string part =
      e.alone ? "" : fmt::format(", {} of {}", share_text(estimate.time / e.whole.total), format_time(e.whole.total));
  lines.push_back(fmt::format("It takes {} (90 % interval {}){} on {}, {}.", format_time(estimate.time),
                              interval_text(estimate.lower, estimate.upper), part, e.machine_name,
                              name_of(estimate.regime)));
  std::string limits = fmt::format("Limited by {}", limiter_name(estimate.limiter));
  if (estimate.second != estimate.limiter) {
    limits +=
        fmt::format("; next {}, whose bound is {:.0f} % shorter", limiter_name(estimate.second), 100 * estimate.slack);
  }
  lines.push_back(fmt::format("{}. {}.", limits, capitalised(clock_text(e.whole, e.top_clock, e.power_limit))));
  return lines;
}

std::vector<Fact> explanation_facts(const Explanation& e) {
  std::vector<Fact> facts;
  const Estimate& estimate = e.estimate();
  if (!estimate.feasible()) return facts;
  if (!estimate.kernel.empty()) facts.push_back({"kernel", estimate.kernel});
  for (const std::string& line : course_words(e.course)) facts.push_back({"course", line});
  if (e.program) {
    for (Fact& fact : program_facts(*e.program)) facts.push_back(std::move(fact));
  }
  facts.push_back({"time", parts_text(estimate.parts)});
  facts.push_back({"busy", utilisation_text(estimate.utilisation)});
  facts.push_back({"traffic", traffic_text(estimate.traffic)});
  facts.push_back({"power", format_power(estimate.power) + " mean" + held_text(e.held, e.power_limit)});
  add_relaxed(e, facts);
  facts.push_back({"formula", fmt::format("{} = {}", limiter_name(estimate.limiter), formula_of(estimate.limiter))});
  if (estimate.second != estimate.limiter) {
    facts.push_back({"formula", fmt::format("{} = {}", limiter_name(estimate.second), formula_of(estimate.second))});
  }
  add_constants(e, facts);
  for (const std::string& note : e.notes) facts.push_back({"note", note});
  add_remedies(e, facts);
  return facts;
}

}  // namespace perfmodel
