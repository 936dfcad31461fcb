#include "workloads/table_columns.hpp"

#include <algorithm>
#include <array>

namespace perfmodel {
namespace {

// clang-format off
constexpr std::array<std::string_view, column_count> column_names{
    "op", "m", "n", "k", "dtype", "out_dtype", "impl", "cta_m", "cta_n", "cta_k", "stages", "cluster", "split_k",
    "ctas", "threads", "registers", "smem", "warps", "tma", "tma_store", "spills", "program",
    "batch", "heads", "kv_heads", "seq_q", "seq_kv", "head_dim", "head_dim_v", "causal", "dropout", "dropout_source",
    "pass", "elements", "rounds", "bits",
    "rng_elements", "rng_rounds", "rng_bits", "rng_ctas", "rng_threads", "rng_registers", "rng_carveout", "order",
    "model", "operators", "seq", "attention_impl", "kind", "bytes", "timer", "warmup_ms", "rep_ms",
    "regime", "data"};

constexpr std::array gemm_columns{
    Column::m, Column::n, Column::k, Column::dtype, Column::out_dtype, Column::impl, Column::cta_m, Column::cta_n,
    Column::cta_k, Column::stages, Column::cluster, Column::split_k, Column::ctas, Column::threads, Column::registers,
    Column::smem, Column::warps, Column::tma, Column::tma_store, Column::spills};
constexpr std::array program_columns{Column::program};
constexpr std::array attention_columns{
    Column::batch, Column::heads, Column::kv_heads, Column::seq_q, Column::seq_kv, Column::head_dim,
    Column::head_dim_v, Column::causal, Column::dtype, Column::dropout, Column::dropout_source, Column::pass,
    Column::impl, Column::cta_m, Column::cta_n, Column::stages, Column::warps, Column::registers, Column::spills,
    Column::smem};
constexpr std::array rng_columns{
    Column::elements, Column::rounds, Column::bits, Column::ctas, Column::threads, Column::registers};
constexpr std::array overlap_rng_columns{
    Column::rng_elements, Column::rng_rounds, Column::rng_bits, Column::rng_ctas, Column::rng_threads,
    Column::rng_registers, Column::rng_carveout, Column::order};
constexpr std::array block_columns{
    Column::model, Column::operators, Column::seq, Column::batch, Column::dtype, Column::dropout,
    Column::attention_impl, Column::pass};
constexpr std::array membound_columns{Column::kind, Column::bytes, Column::dtype};
constexpr std::array common_columns{Column::timer, Column::warmup_ms, Column::rep_ms, Column::regime,
                                    Column::data};

constexpr std::array spellings{
    OpSpelling{"gemm", Op::gemm, {}},
    OpSpelling{"attention", Op::attention, {}},
    OpSpelling{"rng", Op::rng, {}},
    OpSpelling{"overlap", Op::overlap, {}},
    OpSpelling{"block", Op::block, {}},
    OpSpelling{"membound", Op::membound, {}},
    OpSpelling{"copy", Op::membound, MemoryKind::copy},
    OpSpelling{"read", Op::membound, MemoryKind::read},
    OpSpelling{"write", Op::membound, MemoryKind::write}};
// clang-format on

}  // namespace

const std::vector<std::string>& op_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < op_count; ++i) all.emplace_back(spellings[i].name);
    return all;
  }();
  return names;
}

Op op_of(const Operator& op) {
  // In the order of the alternatives of Work.
  static constexpr std::array<Op, std::variant_size_v<Work>> ops{Op::gemm,     Op::attention, Op::rng,
                                                                 Op::membound, Op::overlap,   Op::block};
  return ops[op.work.index()];
}

const OpSpelling* find_op(std::string_view text) {
  const auto found = std::ranges::find(spellings, text, &OpSpelling::name);
  return found == spellings.end() ? nullptr : &*found;
}

std::string_view column_name(Column column) { return column_names[static_cast<std::size_t>(column)]; }

std::optional<Column> find_column(std::string_view name) {
  const auto found = std::ranges::find(column_names, name);
  if (found == column_names.end()) return std::nullopt;
  return static_cast<Column>(found - column_names.begin());
}

std::vector<Column> columns_read(Op op) {
  std::vector<Column> columns{Column::op};
  const auto add = [&](const auto& more) { columns.insert(columns.end(), more.begin(), more.end()); };
  switch (op) {
    case Op::gemm: add(gemm_columns), add(program_columns); break;
    case Op::attention: add(attention_columns), add(program_columns); break;
    case Op::rng: add(rng_columns), add(program_columns); break;
    case Op::overlap: add(gemm_columns), add(overlap_rng_columns); break;
    case Op::block: add(block_columns); break;
    case Op::membound: add(membound_columns); break;
    case Op::count: break;
  }
  add(common_columns);
  return columns;
}

std::vector<std::string> columns_of(Op op) {
  std::vector<std::string> names;
  for (const Column column : columns_read(op)) names.emplace_back(column_name(column));
  return names;
}

}  // namespace perfmodel
