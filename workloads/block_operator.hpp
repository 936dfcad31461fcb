// One operator of a block file: its keys, those of the table columns of its op. For block.cpp alone.
#pragma once

#include <string>

#include "support/yaml_map.hpp"
#include "workloads/block.hpp"
#include "workloads/expression.hpp"
#include "workloads/kernel_program.hpp"

namespace perfmodel {

// What an operator takes where it says nothing itself.
struct OperatorDefaults {
  Dtype dtype = Dtype::bf16;  // of GEMMs; attention and memory-bound operators are bf16
  bool alone = false;         // one operator at the top of the file: dtype and dropout are all its own
  double dropout = 0.0;
  DropoutSource dropout_source = DropoutSource::fused;
  std::string rng{};  // generator of mask kernels
  bool packed = false;
  MaskForm mask_form = MaskForm::bits;
  Pass pass = Pass::fwd;
  Impl attention_impl{Family::cudnn, {}};
};

// Reads the work of an operator from the keys of its op; `traffic` is what its tensors add up to, for memory-bound
// work that names no bytes.
Work read_work(YamlMap& map, ExpressionScope& scope, const OperatorDefaults& defaults, Bytes read, Bytes written);

// The kernel program that `program` names, with the parameters of `with`; null where the operator names none.
std::shared_ptr<const KernelProgram> read_program(YamlMap& map, ExpressionScope& scope, const Work& work);
// A generator of masks: the X of a shipped mask_X.yaml, or a file; nothing where the key is not there.
std::optional<std::string> read_rng(YamlMap& map, std::string_view key);

// "cudnn" or "cudnn-9.19.1".
std::optional<Impl> read_impl(YamlMap& map, std::string_view key);

template <class Enum>
std::optional<Enum> read_enum(YamlMap& map, std::string_view key) {
  std::vector<Choice<Enum>> choices;
  const auto names = enum_names<Enum>();
  for (std::size_t i = 0; i < names.size(); ++i) choices.push_back({names[i], static_cast<Enum>(i)});
  return map.optional_choice(key, choices);
}

// "2 GiB", or an expression that gives bytes.
std::optional<Bytes> read_bytes(const YamlNode& node, std::string_view what, ExpressionScope& scope,
                                Diagnostics& diagnostics);

}  // namespace perfmodel
