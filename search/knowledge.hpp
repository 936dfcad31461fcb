// The knowledge base (search/knowledge/*.yaml): what those who wrote the fast kernels found out, as rules. A rule has a
// symptom, an edit, what must hold before it, and where it comes from.
//
//     - name: emulate_exponentials
//       operators: [attention_forward]
//       tensor: [tcgen05]
//       symptom: gain_pipe_xu > 0.01 || cycle_exp > 0.1
//       needs: emulated < 0.25 && pipe_fma < 0.9
//       worth: gain_pipe_xu / 4
//       set: {emulated: min(0.25, emulated + 1/16)}
//       because: the exponential unit gives 16 results a clock ...
//       source: "FlashAttention-4, arXiv 2603.05451, section 3.5"
//
// Expressions see the facts of search/facts.hpp and the program's parameters. docs/evolve-schema.md has every key.
#pragma once

#include <string>
#include <vector>

#include "search/design.hpp"
#include "search/facts.hpp"
#include "support/yaml.hpp"

namespace perfmodel {

struct RuleSetting {
  std::string name;
  std::vector<YamlNode> values;  // alternatives, each an expression
};

struct RuleMove {
  MoveKind kind = MoveKind::order;
  YamlNode value;
};

struct Rule {
  std::string name;
  std::vector<std::string> operators;
  std::vector<std::string> tensor;  // generations; empty: any
  YamlNode symptom;
  YamlNode needs;  // missing: nothing
  YamlNode worth;  // missing: 0.01
  std::vector<RuleSetting> settings;
  std::vector<RuleMove> moves;
  bool repair = false;  // for designs that do not fit
  std::string because;
  std::string source;
  Location location;
};

struct Knowledge {
  std::vector<Rule> rules;
};

// The shipped files, or those of a folder. Throws InputError with every fault: unknown keys and names, rules without a
// source.
Knowledge load_knowledge();
Knowledge load_knowledge(const std::vector<std::string>& files);
Knowledge read_knowledge(const YamlNode& root);

// What a rule proposes for a design.
struct RuleEdit {
  const Rule* rule = nullptr;
  double worth = 0;  // gain that the rule expects, as a share
  Design design;
};

// What a design is, for rules to apply.
struct RuleSubject {
  std::string kind;    // the operator of its program, "attention_forward", or of a library's kernel, "attention_kernel"
  std::string tensor;  // of the machine
};

// Names that `operators` of a rule may have.
const std::vector<std::string>& rule_subjects();

// The edits of all rules whose symptom and needs hold, the worthiest first; those that change nothing are left out. A
// rule about a parameter that the program does not have does not apply.
std::vector<RuleEdit> edits_for(const Knowledge& knowledge, const RuleSubject& subject, const DesignFacts& facts,
                                const Design& design, bool repair);

}  // namespace perfmodel
