// Instruction sequences as data (workloads/sequences/*.yaml): how many instructions of each class a piece of work
// takes. The classes are those that machines price.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/yaml.hpp"

namespace perfmodel {

struct InstructionCount {
  std::string instruction;  // "imad_wide"
  double count = 0.0;       // instructions a thread executes

  bool operator==(const InstructionCount&) const = default;
};

struct SequenceCounts {
  std::vector<InstructionCount> instructions;  // in file order, none of zero
  std::vector<InstructionCount> chain;         // the longest dependence chain, by class
  double lone = 0.0;                           // clocks of a warp that has its sub-partition to itself; 0: not known

  [[nodiscard]] double total() const;
  // 0 for a class it does not use.
  [[nodiscard]] double of(std::string_view instruction) const;
  [[nodiscard]] double chain_of(std::string_view instruction) const;
};

struct SequenceParameter {
  std::string_view name;
  double value = 0.0;
};

// A sequence with parameters. Counting evaluates expressions (tens of microseconds): keep the result.
class Sequence {
 public:
  // A bare name is one of the shipped. Throws InputError.
  static Sequence load(const std::string& name);
  static Sequence from_text(std::string text, std::string_view name);

  // The counts with these parameters in place of the file's. Throws InputError for one it does not have.
  [[nodiscard]] SequenceCounts counts(std::span<const SequenceParameter> parameters = {}) const;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool has_parameter(std::string_view parameter) const;
  // What the counts are for: "mask word, 32 decisions".
  [[nodiscard]] const std::string& per() const { return per_; }
  // The part of an operator's work that it does, "exp"; empty for none.
  [[nodiscard]] const std::string& provides() const { return provides_; }
  // How much of that work the counts are for.
  [[nodiscard]] double covers() const { return covers_; }
  [[nodiscard]] const YamlNode& root() const { return root_; }

 private:
  explicit Sequence(YamlNode root);

  YamlNode root_;
  std::string name_;
  std::string per_;
  std::string provides_;
  double covers_ = 1;
};

// A keep-mask kernel, for each mask word of 32 decisions. A generator without rounds has no such parameter.
SequenceCounts mask_word_counts(const Sequence& generator, int rounds, int bits, bool packed = false);

}  // namespace perfmodel
