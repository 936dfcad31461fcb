#include "validate/row_predictor.hpp"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "model/whole.hpp"

namespace perfmodel {
namespace {

// All that tells one block row from another.
std::string key_of(const Operator& op) {
  const auto& row = std::get<BlockRow>(op.work);
  return fmt::format("{} {} {} {} {} {} {} {} {} {} {}", row.model, name_of(row.operators), row.seq, row.batch,
                     name_of(row.dtype), row.dropout, impl_name(row.attention_impl), name_of(row.pass),
                     name_of(op.timer), name_of(op.data), op.regime ? name_of(*op.regime) : "");
}

}  // namespace

struct RowPredictor::Blocks {
  struct Entry {
    Block block;
    std::optional<Estimate> estimate;
  };

  BlockModels models;
  std::map<std::string, Entry> entries;

  Entry& get(const Operator& row) {
    const std::string key = key_of(row);
    const auto found = entries.find(key);
    if (found != entries.end()) return found->second;
    return entries.emplace(key, Entry{expand_block_row(row, models), {}}).first->second;
  }
};

RowPredictor::RowPredictor(const Machine& machine, const Library& library, PredictOptions options)
    : machine_(machine), library_(library), options_(options), blocks_(std::make_unique<Blocks>()) {}

RowPredictor::~RowPredictor() = default;

Estimate RowPredictor::predict(const Operator& op) {
  if (!std::holds_alternative<BlockRow>(op.work)) return perfmodel::predict(machine_, library_, op, options_);
  Blocks::Entry& entry = blocks_->get(op);
  if (!entry.estimate) {
    entry.estimate = flattened(perfmodel::predict(machine_, library_, entry.block, options_));
  }
  return *entry.estimate;
}

Estimate RowPredictor::predict_emptied(const Operator& op) {
  PredictOptions options = options_;
  options.emptied = true;
  return perfmodel::predict(machine_, library_, op, options);
}

const Block& RowPredictor::block_of(const Operator& row) { return blocks_->get(row).block; }

}  // namespace perfmodel
