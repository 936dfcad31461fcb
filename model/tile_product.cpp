#include "model/tile_product.hpp"

#include <algorithm>
#include <cmath>

#include "model/lower.hpp"
#include "model/pricing.hpp"

namespace perfmodel {

namespace {

constexpr double instruction_depth = 32;  // bytes of K of a tensor instruction

}  // namespace

WarpgroupSplit rows_first(const Machine& machine, double rows, int warpgroups) {
  const double blocks = std::max(1.0, std::ceil(rows / static_cast<double>(machine.tensor.rows.value)));
  const int down = static_cast<int>(std::min(static_cast<double>(warpgroups), blocks));
  return {down, std::max(1, warpgroups / down)};
}

TileProduct tile_product(const Machine& machine, Dtype dtype, const ProductShape& shape, const WarpgroupSplit& split,
                         bool first_in_registers) {
  const auto granule = static_cast<double>(machine.tensor.rows.value);
  const double mine = std::ceil(shape.columns / split.columns);
  const double columns = std::min(mine, static_cast<double>(machine.tensor.maximum_columns.value));
  const double depth = instruction_depth / bytes_of(dtype, 1).si();
  const double operands = ((first_in_registers ? 0.0 : granule) + columns) * instruction_depth;
  TileProduct product;
  product.warpgroups = split.rows * split.columns;
  product.instructions =
      std::ceil(shape.rows / granule) * split.columns * std::ceil(mine / columns) * std::ceil(shape.depth / depth);
  product.interval = std::max(Cycles(2 * granule * columns * depth / tensor_rate(machine, dtype).si()),
                              Cycles(operands / pipe_rate(machine, Resource::smem).si()));
  product.operands = Bytes(product.instructions * operands);
  return product;
}

BytesPerCycle l2_share_of_sm(const Machine& machine) {
  return machine.l2.bandwidth.value / (static_cast<double>(machine.sms.value) * machine.clock.datasheet.value);
}

Cycles one_by_one(const Machine& machine, const TileProduct& product) {
  const Cycles turn = std::max(static_cast<double>(product.warpgroups) * product.interval,
                               product.interval + machine.tensor.latency.value);
  return product.instructions / product.warpgroups * turn;
}

}  // namespace perfmodel
