#include "search/knowledge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "support/data_path.hpp"
#include "support/suggest.hpp"
#include "support/yaml_map.hpp"
#include "workloads/expression.hpp"
#include "workloads/pipeline.hpp"

namespace perfmodel {

namespace {

constexpr double plain_worth = 0.01;

constexpr std::array<Choice<int>, 3> generations{{{"mma", 0}, {"wgmma", 1}, {"tcgen05", 2}}};

std::vector<Choice<MoveKind>> simple_moves() {
  std::vector<Choice<MoveKind>> choices;
  for (const MoveKind kind : {MoveKind::branchless, MoveKind::persistent, MoveKind::order, MoveKind::ctas_per_sm}) {
    choices.push_back({move_kind_names[static_cast<std::size_t>(kind)], kind});
  }
  return choices;
}

class RuleReader {
 public:
  explicit RuleReader(Diagnostics& faults) : faults_(faults) {}

  Rule read(const YamlNode& node, bool repair) {
    YamlMap map(node, "a rule", faults_);
    Rule rule;
    rule.location = node.location();
    rule.repair = repair;
    rule.name = map.string("name");
    for (const YamlNode& item : map.list("operators")) {
      if (const auto index = read_choice(item, "operators", faults_, rule_subjects())) {
        rule.operators.push_back(rule_subjects()[*index]);
      }
    }
    for (const YamlNode& item : map.optional_list("tensor")) {
      std::vector<std::string> names;
      for (const auto& choice : generations) names.emplace_back(choice.name);
      if (const auto index = read_choice(item, "tensor", faults_, names)) rule.tensor.push_back(names[*index]);
    }
    rule.symptom = map.node("symptom");
    rule.needs = map.optional_node("needs");
    rule.worth = map.optional_node("worth");
    read_settings(map.optional_map("set"), rule);
    read_moves(map.optional_map("move"), rule);
    for (const YamlNode& item : map.optional_list("uses")) uses_.insert(item.text());
    rule.because = map.string("because");
    rule.source = map.string("source");
    map.finish();
    if (map.valid() && rule.settings.empty() && rule.moves.empty()) {
      faults_.error(rule.location, fmt::format("rule '{}' changes nothing: it needs 'set' or 'move'", rule.name));
    }
    check_names(rule);
    return rule;
  }

 private:
  static void read_settings(YamlMap map, Rule& rule) {
    for (const YamlEntry& entry : map.entries()) {
      RuleSetting setting{entry.key, {}};
      if (entry.value.is_list()) {
        setting.values = entry.value.items();
      } else {
        setting.values.push_back(entry.value);
      }
      rule.settings.push_back(std::move(setting));
    }
  }

  void read_moves(YamlMap map, Rule& rule) const {
    for (const YamlEntry& entry : map.entries()) {
      const auto choices = simple_moves();
      const auto found = std::ranges::find(choices, entry.key, &Choice<MoveKind>::name);
      if (found != choices.end()) {
        rule.moves.push_back({found->value, entry.value});
      } else {
        std::vector<std::string> known;
        for (const auto& choice : choices) known.emplace_back(choice.name);
        faults_.error(entry.key_location, fmt::format("rules cannot make the move '{}'", entry.key))
            .suggest(entry.key, known)
            .note("moves of rules: " + join_names(known));
      }
    }
  }

  // Every expression with all facts and its own parameters known: what is unknown then is misspelt.
  void check_names(const Rule& rule) {
    ExpressionScope scope(faults_);
    std::set<std::string, std::less<>> names(fact_names().begin(), fact_names().end());
    for (const RuleSetting& setting : rule.settings) names.insert(setting.name);
    names.insert(uses_.begin(), uses_.end());
    for (const std::string& name : names) scope.define_constant(name, 1.0);
    uses_.clear();
    for (const YamlNode& node : {rule.symptom, rule.needs}) {
      if (!node.is_missing()) scope.condition(node, rule.name);
    }
    if (!rule.worth.is_missing()) scope.number(rule.worth, rule.name);
    for (const RuleSetting& setting : rule.settings) {
      for (const YamlNode& value : setting.values) scope.number(value, setting.name);
    }
    for (const RuleMove& move : rule.moves) scope.number(move.value, rule.name);
  }

  Diagnostics& faults_;
  std::set<std::string, std::less<>> uses_;
};

bool about(const Rule& rule, const RuleSubject& subject, const DesignFacts& facts) {
  if (std::ranges::find(rule.operators, subject.kind) == rule.operators.end()) return false;
  if (!rule.tensor.empty() && std::ranges::find(rule.tensor, subject.tensor) == rule.tensor.end()) return false;
  return std::ranges::all_of(rule.settings,
                             [&](const RuleSetting& setting) { return facts.parameters.contains(setting.name); });
}

// Facts and parameters as words; a parameter goes before a fact of the same name, which then says the same.
class Words {
 public:
  explicit Words(const DesignFacts& facts) : scope_(faults_) {
    for (const auto& [name, value] : facts.parameters) scope_.define_constant(name, value);
    for (const auto& [name, value] : facts.facts) {
      if (!facts.parameters.contains(name)) scope_.define_constant(name, value);
    }
  }

  bool holds(const YamlNode& node) {
    return node.is_missing() || (scope_.condition(node, "rule").value_or(false) && !faults_.has_errors());
  }
  double number(const YamlNode& node, double otherwise) {
    return node.is_missing() ? otherwise : scope_.number(node, "rule").value_or(otherwise);
  }
  [[nodiscard]] bool sound() const { return !faults_.has_errors(); }

 private:
  Diagnostics faults_;
  ExpressionScope scope_;
};

void add_edits(const Rule& rule, const DesignFacts& facts, const Design& design, std::vector<RuleEdit>& edits) {
  Words words(facts);
  if (!words.holds(rule.symptom) || !words.holds(rule.needs)) return;
  std::size_t alternatives = 1;
  for (const RuleSetting& setting : rule.settings) alternatives = std::max(alternatives, setting.values.size());
  for (std::size_t i = 0; i < alternatives; ++i) {
    RuleEdit edit{&rule, words.number(rule.worth, plain_worth), design};
    for (const RuleSetting& setting : rule.settings) {
      const YamlNode& value = setting.values[std::min(i, setting.values.size() - 1)];
      const double now = facts.parameters.find(setting.name)->second;
      const double then = words.number(value, now);
      if (then != now) set(edit.design, setting.name, then);
    }
    for (const RuleMove& move : rule.moves) {
      set(edit.design, move.kind, static_cast<std::int32_t>(words.number(move.value, 0)));
    }
    if (words.sound() && edit.design != design) edits.push_back(std::move(edit));
  }
}

}  // namespace

const std::vector<std::string>& rule_subjects() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all(pipeline_kind_names.begin(), pipeline_kind_names.end());
    all.insert(all.end(), {"attention_kernel", "gemm_kernel"});
    return all;
  }();
  return names;
}

Knowledge read_knowledge(const YamlNode& root) {
  Diagnostics faults;
  YamlMap map(root, "the knowledge base", faults);
  Knowledge knowledge;
  RuleReader reader(faults);
  map.optional_string("description");
  for (const YamlNode& node : map.optional_list("rules")) knowledge.rules.push_back(reader.read(node, false));
  for (const YamlNode& node : map.optional_list("repairs")) knowledge.rules.push_back(reader.read(node, true));
  map.finish();
  faults.throw_if_errors();
  return knowledge;
}

Knowledge load_knowledge(const std::vector<std::string>& files) {
  Knowledge knowledge;
  for (const std::string& file : files) {
    Knowledge more = read_knowledge(load_yaml_file(file));
    std::ranges::move(more.rules, std::back_inserter(knowledge.rules));
  }
  return knowledge;
}

Knowledge load_knowledge() {
  std::vector<std::string> files;
  for (const std::string& name : list_data_files("search/knowledge", ".yaml")) {
    files.push_back(data_path(fmt::format("search/knowledge/{}.yaml", name)));
  }
  return load_knowledge(files);
}

std::vector<RuleEdit> edits_for(const Knowledge& knowledge, const RuleSubject& subject, const DesignFacts& facts,
                                const Design& design, bool repair) {
  std::vector<RuleEdit> edits;
  for (const Rule& rule : knowledge.rules) {
    if (rule.repair == repair && about(rule, subject, facts)) add_edits(rule, facts, design, edits);
  }
  std::ranges::stable_sort(edits, std::greater<>{}, &RuleEdit::worth);
  return edits;
}

}  // namespace perfmodel
