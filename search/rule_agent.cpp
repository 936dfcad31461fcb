// The agent that needs no language model: it looks at what limits the parent, consults the knowledge base, tries what
// the rules say, the worthiest first, makes what does not fit fit, and remembers what failed. When no single edit is
// left it tries pairs of them, then single steps of every variable.
#include <algorithm>
#include <map>

#include "model/lower.hpp"
#include "search/knowledge.hpp"
#include "search/search.hpp"
#include "support/diagnostic.hpp"
#include "workloads/pipeline.hpp"
#include "workloads/pipeline_file.hpp"

namespace perfmodel {

namespace {

constexpr int most_repairs = 24;          // steps, of one design
constexpr std::size_t most_branches = 6;  // failures that are followed, doubled when told to look further
constexpr int deepest = 4;                // edits on from a failure

struct Trial {
  int tried = 0;
  int gained = 0;
};

class RuleAgent final : public Variation {
 public:
  [[nodiscard]] std::string_view name() const override { return "rules"; }

  bool step(Search& search) override {
    prepare(search);
    const Member parent = search.parent();
    const DesignFacts facts = search.facts(parent.design, parent.fitness);
    std::vector<RuleEdit> edits = edits_for(knowledge_, subject_, facts, parent.design, /*repair=*/false);
    for (RuleEdit& edit : edits) edit.worth *= trust(edit.rule->name);
    std::ranges::stable_sort(edits, std::greater<>{}, &RuleEdit::worth);
    bool any = false;
    for (const RuleEdit& edit : edits) {
      if (attempt(search, parent, edit.design, *edit.rule, any)) return true;
    }
    return any || follow(search, parent, edits) || neighbours(search, parent, facts);
  }

  void widen() override {
    breadth_ *= 2;
    memory_.clear();
  }

 private:
  void prepare(Search& search) {
    if (!subject_.kind.empty()) return;
    knowledge_ = load_knowledge();
    const Design& start = search.file().start;
    subject_.tensor = tensor_generation_name(search.oracle().machine().tensor.generation);
    if (start.program.empty()) {
      const bool gemm = std::holds_alternative<Gemm>(search.file().suite->configurations().front().work);
      subject_.kind = gemm ? "gemm_kernel" : "attention_kernel";
    } else {
      const Pipeline pipeline = PipelineFile::from_text(start.program, program_file).pipeline();
      subject_.kind = pipeline_kind_names[static_cast<std::size_t>(pipeline.kind)];
    }
  }

  // Rules that gained before come first again, those that failed later.
  double trust(const std::string& rule) const {
    const auto found = memory_.find(rule);
    if (found == memory_.end()) return 1;
    return (found->second.gained + 1.0) / (found->second.tried + 1.0);
  }

  // True where the search goes on from the edited design; `any` where something new was judged.
  bool attempt(Search& search, const Member& parent, Design design, const Rule& rule, bool& any) {
    if (!inside(search, design)) return false;
    std::string repairs;
    if (!repair(search, design, repairs) || design == parent.design || search.known(design) != nullptr) return false;
    any = true;
    const double before = search.parent().fitness.geomean;
    const Fitness fitness = search.judge({design, rule.name + repairs, rule.because, rule.source, ""});
    const bool gained = fitness.geomean > before;
    Trial& trial = memory_[rule.name];
    ++trial.tried;
    if (gained) ++trial.gained;
    return gained;
  }

  // Only what the search may vary, and that inside its range.
  static bool inside(Search& search, Design& design) {
    const EvolveFile& file = search.file();
    for (Setting& setting : design.settings) {
      const auto variable = std::ranges::find(file.variables, setting.name, &Variable::name);
      if (variable != file.variables.end()) {
        setting.value = snapped(*variable, setting.value);
      } else if (setting_of(file.start, setting.name) != setting.value) {
        return false;
      }
    }
    return std::ranges::all_of(design.moves, [&](const Move& move) {
      return std::ranges::find(file.moves, move.kind) != file.moves.end() ||
             std::ranges::find(file.start.moves, move) != file.start.moves.end();
    });
  }

  // Applies repairs of the knowledge base until the design fits; false where none is left that helps.
  bool repair(Search& search, Design& design, std::string& told) {
    if (design.program.empty()) return true;
    for (int i = 0; i < most_repairs; ++i) {
      const DesignFacts facts = search.facts(design, {}, /*simulate=*/false);
      if (!facts.refusal.empty()) return false;
      const double over = overrun(facts.facts);
      if (over <= 0) return true;
      bool better = false;
      for (RuleEdit& edit : edits_for(knowledge_, subject_, facts, design, /*repair=*/true)) {
        if (!inside(search, edit.design) || edit.design == design) continue;
        design = std::move(edit.design);
        if (told.find(edit.rule->name) == std::string::npos) told += ", " + edit.rule->name;
        better = true;
        break;
      }
      if (!better) return false;
    }
    return false;
  }

  // What did not pay alone may pay once its consequences are dealt with: from each of the better failures, what the
  // rules say there, as long as it gets better.
  bool follow(Search& search, const Member& parent, const std::vector<RuleEdit>& edits) {
    struct Branch {
      Member at;
      std::string told;
    };
    std::vector<Branch> branches;
    for (const RuleEdit& edit : edits) {
      Design design = edit.design;
      std::string repairs;
      if (!inside(search, design) || !repair(search, design, repairs)) continue;
      const Fitness* fitness = search.known(design);
      if (fitness == nullptr || !fitness->correct()) continue;
      branches.push_back({{std::move(design), *fitness, -1}, edit.rule->name + repairs});
    }
    std::ranges::stable_sort(branches, std::greater<>{}, [](const Branch& b) { return b.at.fitness.geomean; });
    if (branches.size() > most_branches * breadth_) branches.resize(most_branches * breadth_);
    bool any = false;
    for (Branch& branch : branches) {
      if (climb(search, parent, branch.at, branch.told, any)) return true;
    }
    return any;
  }

  // True once it is better than the parent.
  bool climb(Search& search, const Member& parent, Member at, std::string told, bool& any) {
    for (int depth = 0; depth < deepest; ++depth) {
      const DesignFacts facts = search.facts(at.design, at.fitness);
      Member next = at;
      std::string step;
      for (const RuleEdit& edit : edits_for(knowledge_, subject_, facts, at.design, /*repair=*/false)) {
        Design design = edit.design;
        std::string repairs;
        if (!inside(search, design) || !repair(search, design, repairs) || search.known(design) != nullptr) continue;
        any = true;
        const std::string path = told + ", then " + edit.rule->name + repairs;
        const Fitness fitness = search.judge({design, path, edit.rule->because, edit.rule->source, ""});
        if (fitness.geomean > parent.fitness.geomean) return true;
        if (fitness.geomean > next.fitness.geomean) next = {std::move(design), fitness, -1}, step = path;
        if (next.fitness.geomean > at.fitness.geomean) break;
      }
      if (step.empty()) return false;
      at = std::move(next);
      told = std::move(step);
    }
    return false;
  }

  bool neighbours(Search& search, const Member& parent, const DesignFacts& facts) {
    Rule rule;
    rule.name = "neighbour";
    rule.because = "no rule is left; one step of one variable";
    bool any = false;
    for (const Variable& variable : search.file().variables) {
      const auto value = facts.parameters.find(variable.name);
      if (value == facts.parameters.end()) continue;
      for (const double step : {1.0, -1.0}) {
        Design design = parent.design;
        set(design, variable.name, stepped(variable, value->second, step));
        if (attempt(search, parent, std::move(design), rule, any)) return true;
      }
    }
    for (const MoveKind kind : search.file().moves) {
      Design design = parent.design;
      set(design, kind, move_of(design, kind) == 0 ? 1 : 0);
      if (attempt(search, parent, std::move(design), rule, any)) return true;
    }
    return any;
  }

  static double stepped(const Variable& variable, double value, double direction) {
    if (variable.continuous) {
      return snapped(variable, value + direction * (variable.values.back() - variable.values.front()) / 16);
    }
    const auto at = std::ranges::find(variable.values, snapped(variable, value)) - variable.values.begin();
    const auto last = static_cast<std::ptrdiff_t>(variable.values.size()) - 1;
    return variable.values[static_cast<std::size_t>(
        std::clamp<std::ptrdiff_t>(at + static_cast<std::ptrdiff_t>(direction), 0, last))];
  }

  Knowledge knowledge_;
  RuleSubject subject_;
  std::map<std::string, Trial, std::less<>> memory_;
  std::size_t breadth_ = 1;
};

}  // namespace

std::unique_ptr<Variation> make_rule_agent() { return std::make_unique<RuleAgent>(); }

}  // namespace perfmodel
