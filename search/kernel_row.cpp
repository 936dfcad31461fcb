#include "search/kernel_row.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace perfmodel {

namespace {

constexpr std::int32_t largest_value = 1 << 24;

bool may_be_zero(Column column) {
  return column == Column::spills || column == Column::smem || column == Column::tma || column == Column::tma_store;
}

class Filler {
 public:
  Filler(const KernelColumns& columns, std::string& refusal) : columns_(columns), refusal_(refusal) {}

  template <class Field>
  void fill(Column column, Field& field) {
    const std::size_t at = position(column);
    used_ |= 1U << at;
    if (columns_.has(at)) field = columns_.values[at];
  }

  void fill_bytes(Column column, std::optional<Bytes>& field) {
    std::optional<int> bytes;
    fill(column, bytes);
    if (bytes) field = Bytes(*bytes);
  }

  // A tile is both of its sides; a depth needs them.
  void fill_tile(Gemm& gemm) {
    GemmTile tile = gemm.tile.value_or(GemmTile{});
    fill(Column::cta_m, tile.cta_m);
    fill(Column::cta_n, tile.cta_n);
    fill(Column::cta_k, tile.cta_k);
    if (tile.cta_m > 0 && tile.cta_n > 0) {
      gemm.tile = tile;
    } else if (tile.cta_m > 0 || tile.cta_n > 0 || tile.cta_k) {
      refusal_ = "give both cta_m and cta_n, or neither";
    }
  }

  void finish(std::string_view op) {
    for (std::size_t i = 0; i < kernel_columns.size() && refusal_.empty(); ++i) {
      if (!columns_.has(i)) continue;
      const std::int32_t value = columns_.values[i];
      const std::int32_t least = may_be_zero(kernel_columns[i]) ? 0 : 1;
      if ((used_ >> i & 1U) == 0) {
        refusal_ = fmt::format("a row of op {} has no column '{}'", op, column_name(kernel_columns[i]));
      } else if (value < least || value > largest_value) {
        refusal_ = fmt::format("'{}': expected an integer from {} to {}, not {}", column_name(kernel_columns[i]), least,
                               largest_value, value);
      }
    }
  }

 private:
  static constexpr std::size_t position(Column column) {
    return static_cast<std::size_t>(std::ranges::find(kernel_columns, column) - kernel_columns.begin());
  }

  const KernelColumns& columns_;
  std::string& refusal_;
  std::uint32_t used_ = 0;
};

}  // namespace

KernelRow kernel_row(const Operator& configuration, const KernelColumns& columns) {
  KernelRow row{configuration, {}};
  Filler filler(columns, row.refusal);
  if (auto* gemm = std::get_if<Gemm>(&row.op.work)) {
    if (columns.impl) gemm->impl = *columns.impl;
    filler.fill_tile(*gemm);
    filler.fill(Column::stages, gemm->stages);
    filler.fill(Column::cluster, gemm->cluster);
    filler.fill(Column::split_k, gemm->split_k);
    filler.fill(Column::ctas, gemm->ctas);
    filler.fill(Column::threads, gemm->threads);
    filler.fill(Column::registers, gemm->registers);
    filler.fill(Column::warps, gemm->warps);
    filler.fill_bytes(Column::smem, gemm->smem);
    filler.fill(Column::tma, gemm->tma);
    filler.fill(Column::tma_store, gemm->tma_store);
    filler.fill(Column::spills, gemm->spills);
    filler.finish("gemm");
  } else if (auto* attention = std::get_if<Attention>(&row.op.work)) {
    if (columns.impl) attention->impl = *columns.impl;
    filler.fill(Column::cta_m, attention->cta_m);
    filler.fill(Column::cta_n, attention->cta_n);
    filler.fill(Column::stages, attention->stages);
    filler.fill(Column::warps, attention->warps);
    filler.fill(Column::registers, attention->registers);
    filler.fill(Column::spills, attention->spills);
    filler.fill_bytes(Column::smem, attention->smem);
    filler.finish("attention");
  } else if (auto* rng = std::get_if<Rng>(&row.op.work)) {
    filler.fill(Column::ctas, rng->ctas);
    filler.fill(Column::threads, rng->threads);
    filler.fill(Column::registers, rng->registers);
    filler.finish("rng");
    if (columns.impl) row.refusal = "a row of op rng has no column 'impl'";
  }
  return row;
}

}  // namespace perfmodel
