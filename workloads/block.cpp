#include "workloads/block.hpp"

#include <fmt/format.h>

#include "support/data_path.hpp"

namespace perfmodel {

const BlockFile& BlockModels::get(const std::string& model) {
  const auto found = files_.find(model);
  if (found != files_.end()) return found->second;
  return files_.emplace(model, BlockFile::load(data_path(fmt::format("workloads/{}.yaml", model)))).first->second;
}

Block expand_block_row(const Operator& row, BlockModels& models) {
  const auto& wanted = std::get<BlockRow>(row.work);
  const std::vector<std::string> overrides{
      fmt::format("seq={}", wanted.seq),
      fmt::format("batch={}", wanted.batch),
      fmt::format("dtype={}", name_of(wanted.dtype)),
      fmt::format("dropout={}", wanted.dropout),
      "dropout_mode=fused",
      fmt::format("attention_impl={}", impl_name(wanted.attention_impl)),
      fmt::format("pass={}", name_of(wanted.pass)),
  };
  Block block = models.get(wanted.model).block(overrides);
  block.regime = row.regime.value_or(Regime::sustained);
  for (BlockOperator& op : block.operators) {
    op.op.data = row.data;
    op.op.timer = row.timer;
    op.op.regime = block.regime;
  }
  return wanted.operators == BlockPart::matmul ? matmul_part(block) : block;
}

Block matmul_part(const Block& block) {
  Block part = block;
  std::erase_if(part.operators, [](const BlockOperator& op) { return !op.matmul; });
  return part;
}

Flops flops_of(const Block& block) {
  Flops sum;
  for (const BlockOperator& op : block.operators) sum += flops_of(op.op.work);
  return sum;
}

}  // namespace perfmodel
