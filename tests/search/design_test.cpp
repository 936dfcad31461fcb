#include "search/design.hpp"

#include <doctest/doctest.h>

#include "search/evolve_file.hpp"
#include "search/supervisor.hpp"
#include "tests/input_error.hpp"

namespace perfmodel {
namespace {

Design example() {
  Design design{"name: x\n", {}, {}};
  set(design, "emulated", 0.25);
  set(design, "cta_n", 128);
  set(design, MoveKind::order, 1);
  return design;
}

TEST_CASE("a design and its text are the same thing") {
  const Design design = example();
  CHECK(candidate_json(design) == R"({"moves":[{"move":"order","value":1}],"set":{"cta_n":128.0,"emulated":0.25}})");
  CHECK(read_design(candidate_json(design), design.program) == design);
  Design kernel;
  set(kernel, "cta_m", 64);
  CHECK(candidate_json(kernel) == R"({"kernel":{"cta_m":64.0}})");
  CHECK(read_design(candidate_json(kernel), "") == kernel);
  CHECK(key_of(design) != key_of(kernel));
}

TEST_CASE("differences are said in words") {
  Design after = example();
  set(after, "emulated", 0.5);
  set(after, "kv_slots", 3);
  set(after, MoveKind::order, 0);
  CHECK(difference(example(), after) == "emulated 0.25 -> 0.5, kv_slots default -> 3, order 0");
  CHECK(difference(example(), example()) == "nothing");
}

TEST_CASE("what is no design is refused with the reason") {
  const auto error = [](const std::string& text) { return test::error_of([&] { read_design(text, "p\n"); }); };
  CHECK(error("") == "candidate.json: error: not a JSON object\n");
  CHECK(error("[1]") == "candidate.json: error: not a JSON object\n");
  CHECK(error(R"({"sett":{}})") == "candidate.json: error: unknown key 'sett'\n");
  CHECK(error(R"({"set":{"a":"b"}})") == "candidate.json: error: 'a' is no number\n");
  CHECK(error(R"({"moves":[{"move":"jump"}]})") == "candidate.json: error: there is no move 'jump'\n");
  CHECK(error(R"({"moves":[{"value":1}]})") == "candidate.json: error: a move without 'move'\n");
  CHECK(error(R"({"program":"fa4_forward"})") == "candidate.json: error: 'program' is no text of a program\n");
  CHECK(error(std::string(100, '[')) == "candidate.json: error: nested too deeply\n");
  CHECK(error(R"({"kernel":{"cta_m":1}})") == "candidate.json: error: unknown key 'kernel'\n");
}

TEST_CASE("variables and the shares of their ranges") {
  const Variable steps{"a", {2, 4, 8}, false};
  CHECK(value_at(steps, 0) == 2);
  CHECK(value_at(steps, 0.34) == 4);
  CHECK(value_at(steps, 1) == 8);
  CHECK(snapped(steps, 5) == 4);
  for (const double value : steps.values) CHECK(value_at(steps, share_of(steps, value)) == value);
  const Variable line{"b", {0, 0.5}, true};
  CHECK(value_at(line, 0.5) == 0.25);
  CHECK(share_of(line, 0.25) == 0.5);
  CHECK(snapped(line, 7) == 0.5);
}

TEST_CASE("the supervisor tells stalls, failures and repetitions, with rising force") {
  SupervisorSettings settings;
  settings.stall = 3;
  settings.failures = 2;
  settings.repeats = 2;
  settings.most_redirections = 4;
  Supervisor supervisor(settings, 2);
  CHECK(supervisor.redirect() == Redirection::none);
  for (int i = 0; i < 3; ++i) supervisor.judged(false, false, false, false);
  CHECK(supervisor.redirect() == Redirection::widen);
  CHECK(supervisor.reason() == "3 evaluations without gain");
  CHECK(supervisor.redirect() == Redirection::none);
  supervisor.judged(false, true, false, false);
  supervisor.judged(false, true, false, false);
  CHECK(supervisor.redirect() == Redirection::rotate);
  CHECK(supervisor.reason() == "2 refused designs in a row");
  supervisor.judged(true, false, false, false);
  supervisor.judged(true, false, false, false);
  CHECK(supervisor.redirect() == Redirection::retreat);
  CHECK(supervisor.reason() == "2 designs in a row that were met before");
  supervisor.judged(false, false, true, true);  // a gain: forces start anew
  supervisor.exhausted();
  CHECK(supervisor.redirect() == Redirection::widen);
  for (int i = 0; i < 3; ++i) {
    supervisor.exhausted();
    CHECK(supervisor.redirect() != Redirection::give_up);
  }
  supervisor.exhausted();
  CHECK(supervisor.redirect() == Redirection::give_up);
}

TEST_CASE("versions that only equal the best are let in so many times") {
  SupervisorSettings settings;
  settings.neutral = 2;
  Supervisor supervisor(settings, 1);
  CHECK(supervisor.takes_equals());
  supervisor.judged(false, false, true, false);
  CHECK(supervisor.takes_equals());
  supervisor.judged(false, false, true, false);
  CHECK_FALSE(supervisor.takes_equals());
  supervisor.judged(false, false, true, true);
  CHECK(supervisor.takes_equals());
}

}  // namespace
}  // namespace perfmodel
