// Blocks: operators in order, with their shapes written as expressions of the block's parameters. A file with one
// operator is a block of one. docs/block-schema.md documents every key.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/diagnostic.hpp"
#include "support/units.hpp"
#include "support/yaml.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

class ParsedExpressions;

// none: no dropout at all. fused: attention draws its own numbers. sequential: an RNG kernel writes a keep-mask that
// attention reads. overlapped: the same, beside the GEMMs that come before attention.
enum class DropoutMode { none, fused, sequential, overlapped };

// training: forward, then backward.
enum class BlockPass { fwd, bwd, training };

// A tensor that an operator reads or writes, as it lies in memory. The same name is the same bytes everywhere.
struct TensorUse {
  std::string name;
  Bytes bytes;

  bool operator==(const TensorUse&) const = default;
};

// A GEMM that a mask may be made beside: of this layer, or, written previous.NAME, of the one before.
struct HostName {
  std::string name;
  bool previous = false;
  Location location;
};

struct BlockOperator {
  Operator op;          // carries the name
  int stream = 0;       // operators of one stream run in file order; streams wait for each other through tensors
  bool matmul = false;  // counts in the `operators=matmul` subtotal
  Pass pass = Pass::fwd;
  bool hidden = false;          // a mask made beside GEMMs of another stream
  std::vector<HostName> under;  // those; empty leaves the choice
  std::vector<TensorUse> reads;
  std::vector<TensorUse> writes;
  Location location;  // for messages
};

struct BlockParameter {
  std::string name;
  double value = 0.0;
};

// A name in the file and where it stands, for messages from whoever knows what it means.
struct NamedPlace {
  std::string name;
  Location location;
};

struct Block {
  std::string name;
  std::string description;
  std::vector<BlockParameter> parameters;  // every number that expressions may use, in file order
  Dtype dtype = Dtype::bf16;               // of the GEMMs
  double dropout = 0.0;                    // probability in effect: 0 if the mode is none
  DropoutMode dropout_mode = DropoutMode::fused;
  BlockPass pass = BlockPass::fwd;
  Impl attention_impl{Family::cudnn, {}};
  std::optional<Regime> regime;  // also set in every operator
  std::optional<NamedPlace> machine;
  bool single_operator = false;  // written with `op:` at the top: a warm operator rather than a sustained block
  std::vector<BlockOperator> operators;  // in order of execution
};

// A block file with all that it is based on, read once and turned into a Block as often as overrides change.
class BlockFile {
 public:
  // "-" is standard input; a bare name is looked for in the working directory, then among the shipped workloads,
  // with or without .yaml. Throws InputError.
  static BlockFile load(const std::string& name);
  // From memory; `name` stands for the file name in messages, and `based-on` looks among the shipped workloads.
  static BlockFile from_text(std::string text, std::string_view name);

  // Overrides are KEY=VALUE: a setting ("dtype=fp8"), a parameter ("hidden=8192") or a path
  // ("operators.qkv.impl=triton"). Throws InputError with every fault of the file and of the overrides.
  [[nodiscard]] Block block(std::span<const std::string> overrides = {}) const;
  // The same with overrides whose places are known.
  [[nodiscard]] Block block(std::span<const YamlAssignment> overrides) const;

  // What stands at a key once the overrides are made, as text: "4096", "fp8", "heads * head_dim". Throws InputError,
  // at the place given, for a key that nothing has or that holds no single value.
  [[nodiscard]] std::string value_at(const std::string& key, std::span<const YamlAssignment> overrides,
                                     const Location& where) const;

  // The shipped model or file of that name with this file's settings (dtype, seq, dropout, ...) over its own; what
  // else this file says is left out. `where` is the place that named it. Throws InputError.
  [[nodiscard]] BlockFile with_model(const std::string& model, const Location& where) const;

  // What an override may name, settings first.
  [[nodiscard]] std::vector<std::string> keys() const;
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  BlockFile(YamlNode root, std::string name);
  Block block(const YamlNode& root, Diagnostics& faults) const;

  YamlNode root_;
  std::string name_;
  std::shared_ptr<ParsedExpressions> parsed_;
};

Block load_block(const std::string& name, std::span<const std::string> overrides = {});

// The models of block rows, each read once.
class BlockModels {
 public:
  // Throws InputError.
  const BlockFile& get(const std::string& model);

 private:
  std::map<std::string, BlockFile> files_;
};

// The block that a block row stands for: its model with the row's settings, dropout fused, and only the matmul
// operators if the row says so. Operators take the row's timer, data and regime (sustained if it has none).
Block expand_block_row(const Operator& row, BlockModels& models);

// The block with its matmul operators alone.
Block matmul_part(const Block& block);

// Multiply-adds counted as two, over all operators.
Flops flops_of(const Block& block);

}  // namespace perfmodel
