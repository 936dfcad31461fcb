#include "search/knowledge.hpp"

#include <doctest/doctest.h>

#include <set>

#include "arch/load.hpp"
#include "search/oracle.hpp"
#include "support/data_path.hpp"
#include "tests/input_error.hpp"
#include "workloads/pipeline_file.hpp"

namespace perfmodel {
namespace {

Knowledge knowledge_of(const std::string& text) { return read_knowledge(load_yaml_text(text, "rules.yaml")); }

constexpr const char* rule = R"(rules:
  - name: deeper
    operators: [attention_forward]
    tensor: [tcgen05]
    symptom: gain_slot > 0.01
    needs: kv_slots < 4
    worth: gain_slot
    set: {kv_slots: kv_slots + 1}
    because: loads are late
    source: a paper
)";

DesignFacts facts_with(double gain, double slots) {
  DesignFacts facts;
  for (const std::string& name : fact_names()) facts.facts[name] = 0;
  facts.facts["gain_slot"] = gain;
  facts.parameters["kv_slots"] = slots;
  return facts;
}

TEST_CASE("a rule applies where its symptom and needs hold, and its parameter is there") {
  const Knowledge knowledge = knowledge_of(rule);
  const RuleSubject here{"attention_forward", "tcgen05"};
  const Design design{"program\n", {}, {}};
  const std::vector<RuleEdit> edits = edits_for(knowledge, here, facts_with(0.05, 2), design, false);
  REQUIRE(edits.size() == 1);
  CHECK(setting_of(edits[0].design, "kv_slots") == 3);
  CHECK(edits[0].worth == doctest::Approx(0.05));
  CHECK(edits_for(knowledge, here, facts_with(0.005, 2), design, false).empty());
  CHECK(edits_for(knowledge, here, facts_with(0.05, 4), design, false).empty());
  CHECK(edits_for(knowledge, {"gemm", "tcgen05"}, facts_with(0.05, 2), design, false).empty());
  CHECK(edits_for(knowledge, {"attention_forward", "wgmma"}, facts_with(0.05, 2), design, false).empty());
  CHECK(edits_for(knowledge, here, facts_with(0.05, 2), design, /*repair=*/true).empty());
  DesignFacts without = facts_with(0.05, 2);
  without.parameters.clear();
  CHECK(edits_for(knowledge, here, without, design, false).empty());
}

TEST_CASE("faults of a rule have their place") {
  std::string text = rule;
  text.replace(text.find("gain_slot > 0.01"), 9, "gain_slat");
  CHECK(test::error_of([&] { knowledge_of(text); }) ==
        "rules.yaml:5:14: error: 'deeper': unknown name 'gain_slat'\n"
        "      symptom: gain_slat > 0.01\n"
        "               ^\n"
        "note: did you mean 'gain_slot'?\n");
  text = rule;
  text.erase(text.find("    source: a paper\n"));
  CHECK(test::error_of([&] { knowledge_of(text); }).find("missing key 'source' in a rule") != std::string::npos);
  text = rule;
  text.erase(text.find("    set:"), std::string("    set: {kv_slots: kv_slots + 1}\n").size());
  CHECK(test::error_of([&] { knowledge_of(text); }).find("rule 'deeper' changes nothing") != std::string::npos);
}

TEST_CASE("the shipped rules read, have names of their own and sources, and each can apply to something") {
  const Knowledge knowledge = load_knowledge();
  CHECK(knowledge.rules.size() >= 40);
  std::set<std::string> names;
  for (const Rule& each : knowledge.rules) {
    CAPTURE(each.name);
    CHECK(each.source.size() > 10);
    CHECK(each.because.size() > 10);
    for (const std::string& subject : each.operators)
      CHECK(names.insert(each.name + ' ' + subject + ' ' + (each.tensor.empty() ? "" : each.tensor[0])).second);
  }
}

// Facts of a shipped program, as a search would see them.
DesignFacts facts_of_program(const std::string& program, const std::string& machine, const std::string& suite) {
  static std::map<std::string, std::shared_ptr<Oracle>> oracles;
  auto& oracle = oracles[machine];
  if (oracle == nullptr) oracle = std::make_shared<Oracle>(load_machine(machine), load_library());
  const Design design{PipelineFile::load(program).root().location().source->text, {}, {}};
  return facts_of(oracle->machine(), *shipped_suite(suite), design, {});
}

TEST_CASE("facts of a program: shares are shares, the cycle adds up, budgets are those of the checker") {
  const DesignFacts found = facts_of_program("fa4_forward", "b200", "avo_mha");
  CHECK(found.refusal.empty());
  CHECK(found.facts.at("registers_held") == 65536);
  CHECK(found.facts.at("registers_total") == 65536);
  CHECK(found.facts.at("tmem_held") == 512);
  CHECK(found.facts.at("pipe_tensor") > 0.4);
  CHECK(found.facts.at("pipe_tensor") <= 1.0 + 1e-9);
  CHECK(found.facts.at("cycle_exp") > 0.1);
  CHECK(found.facts.at("cycle_exp") < 1);
  CHECK(found.facts.at("cycle_rescale") == 0);
  CHECK(found.facts.at("longest_first") == 1);
  CHECK(found.parameters.at("kv_slots") == 3);
  CHECK(found.parameters.at("two") == 1);
  CHECK_FALSE(found.cycle.empty());
  CHECK(overrun(found.facts) == 0);
}

}  // namespace
}  // namespace perfmodel
