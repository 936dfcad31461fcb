// The columns of a table and which of them each op reads: docs/table-schema.md as data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/operator.hpp"

namespace perfmodel {

// Every column that some op reads.
// clang-format off
enum class Column : std::uint8_t {
  op, m, n, k, dtype, out_dtype, impl, cta_m, cta_n, cta_k, stages, cluster, split_k, ctas, threads, registers, smem,
  warps, tma, tma_store, spills, program,
  batch, heads, kv_heads, seq_q, seq_kv, head_dim, head_dim_v, causal, dropout, dropout_source, pass,
  elements, rounds, bits,
  rng_elements, rng_rounds, rng_bits, rng_ctas, rng_threads, rng_registers, rng_carveout, order,
  model, operators, seq, attention_impl,
  kind, bytes,
  timer, warmup_ms, rep_ms, regime, data,
  count
};
// clang-format on

inline constexpr auto column_count = static_cast<std::size_t>(Column::count);

// What a row is, in the order of op_names().
enum class Op : std::uint8_t { gemm, attention, rng, overlap, block, membound, count };

inline constexpr auto op_count = static_cast<std::size_t>(Op::count);

const std::vector<std::string>& op_names();

// What row an operator would be.
Op op_of(const Operator& op);

// How an op may be spelt: its name, or for memory-bound work its kind ("copy").
struct OpSpelling {
  std::string_view name;
  Op op = Op::gemm;
  std::optional<MemoryKind> kind;
};

// Null for an unknown one.
const OpSpelling* find_op(std::string_view text);

std::string_view column_name(Column column);
std::optional<Column> find_column(std::string_view name);

// The columns that rows of an op read: `op` first, its own, then those of how it is measured.
std::vector<Column> columns_read(Op op);

// The same by name.
std::vector<std::string> columns_of(Op op);

}  // namespace perfmodel
