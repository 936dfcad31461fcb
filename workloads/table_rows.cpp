#include "workloads/table_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "support/data_path.hpp"
#include "support/suggest.hpp"
#include "workloads/kernel_program.hpp"
#include "workloads/operator_check.hpp"

namespace perfmodel {
namespace {

// One or two letters apart, and fewer than half of them.
bool is_near(std::string_view name, std::string_view listed) {
  const std::size_t distance = edit_distance(name, listed, 2);
  if (distance <= 2 && distance * 2 < std::max(name.size(), listed.size())) return true;
  return name.size() == listed.size() && std::ranges::equal(name, listed, [](char a, char b) {
           return std::tolower(static_cast<unsigned char>(a)) == b;
         });
}

}  // namespace

RowReader::RowReader(const Table& table, Diagnostics& diagnostics) : table_(table), diagnostics_(diagnostics) {
  for (std::size_t i = 0; i < column_count; ++i) {
    const auto at = table.column(column_name(static_cast<Column>(i)));
    at_[i] = at ? static_cast<std::int32_t>(*at) : -1;
  }
  if (!has(Column::op)) {
    missed_[static_cast<std::size_t>(Column::op)] = true;
    diagnostics_
        .error(table.columns() > 0 ? table.header_location(0) : file_location(table.name()),
               "column 'op' is missing, it says what each row is")
        .note("known ops: " + join_names(op_names()));
  }
  warn_of_near_misses(present_ops());
}

std::set<Op> RowReader::present_ops() const {
  std::set<Op> present;
  if (!has(Column::op)) return present;
  std::string_view last;
  for (std::size_t row = 0; row < table_.rows() && present.size() < op_count; ++row) {
    const std::string_view name = table_.cell(row, static_cast<std::size_t>(at_[0]));
    if (row > 0 && name == last) continue;
    last = name;
    if (const OpSpelling* op = find_op(name)) present.insert(op->op);
  }
  return present;
}

void RowReader::warn_of_near_misses(const std::set<Op>& present) {
  std::set<Column> listed;
  for (const Op op : present) {
    for (const Column column : columns_read(op)) listed.insert(column);
  }
  if (present.empty()) listed.insert(Column::op);
  for (std::size_t i = 0; i < table_.columns(); ++i) {
    const std::string& name = table_.names()[i];
    if (find_column(name)) continue;
    for (const Column column : listed) {
      if (has(column) || !is_near(name, column_name(column))) continue;
      diagnostics_.warning(table_.header_location(i), fmt::format("column '{}' is not read", name))
          .note(fmt::format("did you mean '{}'?", column_name(column)));
      break;
    }
  }
}

std::string_view RowReader::text(Column column) const {
  const std::int32_t at = at_[static_cast<std::size_t>(column)];
  return at < 0 ? std::string_view() : table_.cell(row_, static_cast<std::size_t>(at));
}

void RowReader::fault(Column column, std::string message) {
  const std::int32_t at = at_[static_cast<std::size_t>(column)];
  const Location where = at < 0 ? table_.location(row_) : table_.location(row_, static_cast<std::size_t>(at));
  diagnostics_.error(where, fmt::format("'{}': {}", column_name(column), message));
}

template <class Faults>
void RowReader::record(const Faults& faults) {
  for (const OperatorFault& found : faults) {
    fault(find_column(found.field).value_or(Column::op), found.message);
  }
}

// True if the cell has text; a missing column is reported once for the table, an empty cell in its row.
bool RowReader::require(Column column) {
  if (!text(column).empty()) return true;
  const std::string& op = op_names()[static_cast<std::size_t>(op_)];
  if (has(column)) {
    fault(column, fmt::format("empty, a row of op {} needs it", op));
  } else if (bool& missed = missed_[static_cast<std::size_t>(column)]; !missed) {
    missed = true;
    diagnostics_.error(table_.location(row_),
                       fmt::format("column '{}' is missing, a row of op {} needs it", column_name(column), op));
  }
  return false;
}

std::int64_t RowReader::size(Column column) {
  const std::string_view cell = text(column);
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (code == std::errc{} && end == cell.data() + cell.size() && value > 0) return value;
  if (!require(column)) return 0;
  return table_.integer(row_, index(column), diagnostics_, IntegerRange::positive()).value_or(0);
}

int RowReader::count(Column column) { return require(column) ? optional_count(column).value_or(0) : 0; }

std::optional<int> RowReader::optional_count(Column column, int min) {
  const std::string_view cell = text(column);
  if (cell.empty()) return std::nullopt;
  int value = 0;
  const auto [end, code] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (code == std::errc{} && end == cell.data() + cell.size() && value >= min) return value;
  const auto read =
      table_.integer(row_, index(column), diagnostics_, {.min = min, .max = std::numeric_limits<int>::max()});
  return read ? std::optional(static_cast<int>(*read)) : std::nullopt;
}

std::optional<bool> RowReader::flag(Column column) {
  const std::string_view cell = text(column);
  if (cell.empty()) return std::nullopt;
  if (cell == "0" || cell == "false" || cell == "False" || cell == "0.0") return false;
  if (cell == "1" || cell == "true" || cell == "True" || cell == "1.0") return true;
  fault(column, fmt::format("expected 0 or 1, not '{}'", cell));
  return std::nullopt;
}

double RowReader::probability(Column column) {
  if (text(column).empty()) return 0.0;
  return table_.number(row_, index(column), diagnostics_, NumberRange::probability_below_one()).value_or(0.0);
}

template <class Enum>
std::optional<Enum> RowReader::choice(Column column) {
  const std::string_view cell = text(column);
  if (cell.empty()) return std::nullopt;
  if (const auto value = parse_enum<Enum>(cell)) return value;
  const auto names = enum_names<Enum>();
  table_.choice(row_, index(column), diagnostics_, {names.begin(), names.end()});
  return std::nullopt;
}

Dtype RowReader::dtype(Column column) {
  return require(column) ? choice<Dtype>(column).value_or(Dtype::bf16) : Dtype::bf16;
}

Impl RowReader::impl(Column column, Family otherwise) {
  const std::string_view cell = text(column);
  if (cell.empty()) return {otherwise, {}};
  if (auto impl = parse_impl(cell)) return *std::move(impl);
  const auto families = enum_names<Family>();
  const std::vector<std::string> names(families.begin(), families.end());
  const std::string_view family = cell.substr(0, cell.find('-'));
  const std::int32_t at = at_[static_cast<std::size_t>(column)];
  const bool no_version = parse_enum<Family>(family).has_value();
  auto& found =
      diagnostics_.error(table_.location(row_, static_cast<std::size_t>(at)),
                         no_version ? fmt::format("'{}': no version after the dash in '{}'", column_name(column), cell)
                                    : fmt::format("'{}': unknown value '{}'", column_name(column), cell));
  if (!no_version) found.suggest(family, names).note("known values: " + join_names(names));
  return {otherwise, {}};
}

Gemm RowReader::gemm() {
  Gemm gemm;
  gemm.m = size(Column::m);
  gemm.n = size(Column::n);
  gemm.k = size(Column::k);
  gemm.dtype = dtype(Column::dtype);
  gemm.out_dtype = choice<Dtype>(Column::out_dtype).value_or(default_out_dtype(gemm.dtype));
  gemm.impl = impl(Column::impl, Family::cublas);
  const auto cta_m = optional_count(Column::cta_m);
  const auto cta_n = optional_count(Column::cta_n);
  const auto cta_k = optional_count(Column::cta_k);
  if (cta_m && cta_n) gemm.tile = GemmTile{*cta_m, *cta_n, cta_k};
  if (text(Column::cta_m).empty() != text(Column::cta_n).empty()) {
    fault(text(Column::cta_m).empty() ? Column::cta_m : Column::cta_n, "give both cta_m and cta_n, or neither");
  }
  gemm.stages = optional_count(Column::stages);
  gemm.cluster = optional_count(Column::cluster);
  gemm.split_k = optional_count(Column::split_k);
  gemm.ctas = optional_count(Column::ctas);
  gemm.threads = optional_count(Column::threads);
  gemm.registers = optional_count(Column::registers);
  gemm.warps = optional_count(Column::warps);
  if (const auto smem = optional_count(Column::smem, 0)) gemm.smem = Bytes(*smem);
  gemm.tma = flag(Column::tma);
  gemm.tma_store = flag(Column::tma_store);
  gemm.spills = optional_count(Column::spills, 0);
  return gemm;
}

Attention RowReader::attention() {
  Attention attention;
  attention.batch = size(Column::batch);
  attention.heads = size(Column::heads);
  attention.kv_heads = text(Column::kv_heads).empty() ? attention.heads : size(Column::kv_heads);
  attention.seq_q = size(Column::seq_q);
  attention.seq_kv = text(Column::seq_kv).empty() ? attention.seq_q : size(Column::seq_kv);
  attention.head_dim = size(Column::head_dim);
  attention.head_dim_v = text(Column::head_dim_v).empty() ? attention.head_dim : size(Column::head_dim_v);
  attention.causal = flag(Column::causal).value_or(false);
  attention.dtype = dtype(Column::dtype);
  attention.dropout = probability(Column::dropout);
  attention.dropout_source = choice<DropoutSource>(Column::dropout_source).value_or(DropoutSource::fused);
  attention.pass = choice<Pass>(Column::pass).value_or(Pass::fwd);
  attention.impl = impl(Column::impl, Family::cudnn);
  attention.cta_m = optional_count(Column::cta_m);
  attention.cta_n = optional_count(Column::cta_n);
  attention.stages = optional_count(Column::stages);
  attention.warps = optional_count(Column::warps);
  attention.registers = optional_count(Column::registers);
  attention.spills = optional_count(Column::spills, 0);
  if (const auto smem = optional_count(Column::smem, 0)) attention.smem = Bytes(*smem);
  return attention;
}

Rng RowReader::rng(Column elements, Column rounds, Column bits, Column ctas, Column threads, Column registers) {
  Rng rng;
  rng.elements = size(elements);
  rng.rounds = count(rounds);
  rng.bits = count(bits);
  rng.ctas = optional_count(ctas);
  rng.threads = optional_count(threads);
  rng.registers = optional_count(registers);
  return rng;
}

Overlap RowReader::overlap() {
  Overlap overlap;
  overlap.gemm = gemm();
  overlap.rng = rng(Column::rng_elements, Column::rng_rounds, Column::rng_bits, Column::rng_ctas, Column::rng_threads,
                    Column::rng_registers);
  overlap.carveout = choice<Carveout>(Column::rng_carveout).value_or(Carveout::standard);
  overlap.order = choice<Order>(Column::order).value_or(Order::rng_first);
  return overlap;
}

BlockRow RowReader::block() {
  BlockRow block;
  if (require(Column::model)) {
    block.model = text(Column::model);
    if (models_.empty()) models_ = list_data_files("workloads", ".yaml");
    if (block.model != known_model_ && std::ranges::find(models_, block.model) == models_.end()) {
      const std::int32_t at = at_[static_cast<std::size_t>(Column::model)];
      diagnostics_
          .error(table_.location(row_, static_cast<std::size_t>(at)),
                 fmt::format("'model': unknown model '{}'", block.model))
          .suggest(block.model, models_)
          .note("known models: " + join_names(models_));
    } else {
      known_model_ = block.model;
    }
  }
  block.operators = choice<BlockPart>(Column::operators).value_or(BlockPart::all);
  block.seq = size(Column::seq);
  block.batch = text(Column::batch).empty() ? 1 : size(Column::batch);
  block.dtype = dtype(Column::dtype);
  block.dropout = probability(Column::dropout);
  block.attention_impl = impl(Column::attention_impl, Family::cudnn);
  block.pass = choice<Pass>(Column::pass).value_or(Pass::fwd);
  return block;
}

MemoryBound RowReader::membound(std::optional<MemoryKind> kind) {
  if (!kind && require(Column::kind)) kind = choice<MemoryKind>(Column::kind);
  const std::int64_t bytes = size(Column::bytes);
  const Dtype dtype = choice<Dtype>(Column::dtype).value_or(Dtype::fp32);
  return memory_bound(kind.value_or(MemoryKind::copy), Bytes(static_cast<double>(bytes)), dtype);
}

// A constant moves power as zeros do: no bit flips from one operand to the next.
DataKind RowReader::data() {
  if (text(Column::data) == "constant") return DataKind::zeros;
  return choice<DataKind>(Column::data).value_or(DataKind::random);
}

BenchTimes RowReader::bench_times(Timer timer) {
  BenchTimes times;
  for (const auto& [column, time] :
       {std::pair(Column::warmup_ms, &times.warmup), {Column::rep_ms, &times.repetition}}) {
    if (text(column).empty()) continue;
    if (timer != Timer::do_bench) {
      fault(column, fmt::format("timer {} does not repeat a kernel for a set time, only do_bench does; leave it empty",
                                name_of(timer)));
      continue;
    }
    const auto read = table_.number(row_, index(column), diagnostics_, NumberRange{.min = 0, .max = 1e5});
    *time = Seconds(1e-3 * read.value_or(0));
  }
  return times;
}

// Each file is read once, and its own faults are said once.
std::shared_ptr<const KernelProgram> RowReader::program(const Work& work) {
  const std::string name(text(Column::program));
  if (name.empty()) return nullptr;
  auto known = programs_.find(name);
  if (known == programs_.end()) {
    known = programs_.emplace(name, nullptr).first;
    try {
      if (const auto path = find_program_file(name, table_.name())) {
        auto file = std::make_shared<const PipelineFile>(PipelineFile::load(*path));
        known->second = std::make_shared<const KernelProgram>(std::move(file), std::vector<ProgramSetting>{});
      } else {
        const std::vector<std::string> shipped = pipeline_names();
        const auto at = index(Column::program);
        diagnostics_
            .error(table_.location(row_, at),
                   fmt::format("'program': there is no '{}', neither beside this file nor shipped", name))
            .suggest(name, shipped)
            .note("shipped programs: " + join_names(shipped));
      }
    } catch (const InputError& error) {
      diagnostics_.append(error.diagnostics());
    }
  }
  if (known->second == nullptr) return nullptr;
  const std::string reason = unfit(known->second->pipeline(), work);
  if (!reason.empty()) fault(Column::program, reason);
  return known->second;
}

Operator RowReader::read(std::size_t row) {
  row_ = row;
  Operator result;
  if (!has(Column::op)) return result;
  const OpSpelling* op = find_op(text(Column::op));
  if (op == nullptr) {
    const std::string_view cell = text(Column::op);
    diagnostics_
        .error(table_.location(row, static_cast<std::size_t>(at_[0])),
               cell.empty() ? "'op': empty, it says what the row is" : fmt::format("'op': unknown op '{}'", cell))
        .suggest(cell, op_names())
        .note("known ops: " + join_names(op_names()));
    return result;
  }
  op_ = op->op;
  switch (op_) {
    case Op::gemm: record(faults_of(std::get<Gemm>(result.work = gemm()))); break;
    case Op::attention: record(faults_of(std::get<Attention>(result.work = attention()))); break;
    case Op::rng:
      result.work =
          rng(Column::elements, Column::rounds, Column::bits, Column::ctas, Column::threads, Column::registers);
      record(faults_of(std::get<Rng>(result.work)));
      break;
    case Op::overlap: record(faults_of(std::get<Overlap>(result.work = overlap()))); break;
    case Op::block: result.work = block(); break;
    case Op::membound: result.work = membound(op->kind); break;
    case Op::count: break;
  }
  if (op_ == Op::gemm || op_ == Op::attention || op_ == Op::rng) result.program = program(result.work);
  result.data = data();
  result.timer = choice<Timer>(Column::timer).value_or(Timer::cupti);
  result.bench = bench_times(result.timer);
  result.regime = choice<Regime>(Column::regime);
  return result;
}

std::vector<Operator> read_rows(const Table& table, Diagnostics& warnings) {
  Diagnostics found;
  RowReader reader(table, found);
  std::vector<Operator> operators;
  operators.reserve(table.rows());
  for (std::size_t row = 0; row < table.rows(); ++row) operators.push_back(reader.read(row));
  found.throw_if_errors();
  warnings.append(found);
  return operators;
}

}  // namespace perfmodel
