// `perfmodel predict` of a table, a row an operator.
#include <fmt/format.h>

#include <algorithm>

#include "cli/console.hpp"
#include "cli/interrupt.hpp"
#include "cli/predict.hpp"
#include "report/csv.hpp"
#include "report/json.hpp"
#include "report/study.hpp"
#include "report/table_report.hpp"
#include "report/text.hpp"
#include "report/trace.hpp"
#include "support/data_path.hpp"
#include "support/table.hpp"
#include "validate/row_predictor.hpp"
#include "workloads/table_rows.hpp"

namespace perfmodel {
namespace {

// The input's own cells of an output row. Columns that an earlier prediction left are dropped, since they come anew.
class InputCells {
 public:
  explicit InputCells(const Table& table) : table_(table) {
    for (std::size_t column = 0; column < table.columns(); ++column) {
      if (!is_prediction_column(table.names()[column])) kept_.push_back(column);
    }
  }

  void append_header(std::string& out) const {
    if (all_kept()) {
      out += table_.raw_header();
    } else {
      append_cells(out, [&](std::size_t column) { return std::string_view(table_.names()[column]); });
    }
  }

  void append_row(std::string& out, std::size_t row) const {
    if (all_kept()) {
      out += table_.raw_row(row);
    } else {
      append_cells(out, [&](std::size_t column) { return table_.cell(row, column); });
    }
  }

 private:
  [[nodiscard]] bool all_kept() const { return kept_.size() == table_.columns(); }

  template <class Cell>
  void append_cells(std::string& out, const Cell& cell) const {
    CsvWriter writer;
    for (const std::size_t column : kept_) writer.cell(cell(column));
    out += writer.text();
  }

  const Table& table_;
  std::vector<std::size_t> kept_;
};

class TablePrediction {
 public:
  TablePrediction(const PredictCommand& command, const Library& library, const Context& context, const Table& table)
      : command_(command), library_(library), context_(context), table_(table), format_(chosen_format()) {}

  void run() {
    refuse_block_options();
    load_machines();
    Output output(command_.output);
    std::optional<AtomicFile> timeline;
    if (!command_.timeline.empty()) timeline.emplace(command_.timeline);
    const InterruptGuard guard;
    const std::string text = format_ == Format::csv ? csv() : rows(output);
    faults_.throw_if_errors();
    report_warnings(context_, faults_, command_.strict);
    output.write(text);
    if (timeline) timeline->commit(chrome_trace(study_of_only_row()));
  }

 private:
  [[nodiscard]] Format chosen_format() const { return command_.format.value_or(Format::csv); }

  void refuse_block_options() const {
    if (!command_.settings.empty()) {
      throw InputError(
          file_location("--set"),
          fmt::format("'{}': the rows of a table are set in the table; only machine.KEY=VALUE can be set here",
                      command_.settings.front()));
    }
    if (!command_.compare.empty() && command_.compare != "arch") {
      throw InputError(file_location("--compare"), "a table can be compared by arch only");
    }
    if (!command_.timeline.empty() && (table_.rows() != 1 || several_machines())) {
      throw InputError(file_location("--timeline"),
                       "a trace is of one prediction: a block file, or a table of one row");
    }
  }

  [[nodiscard]] bool several_machines() const { return command_.machine.all() || command_.compare == "arch"; }

  void load_machines() {
    if (!several_machines()) {
      machines_.push_back(load_chosen_or_default(command_.machine, context_));
    } else {
      MachineChoice all = command_.machine;
      all.arch = "all";
      for (const std::string& name : chosen_names(all)) machines_.push_back(load_chosen(all, name, {}));
    }
    const PredictOptions options{.regime = command_.regime.value_or(Regime::warm),
                                 .fidelity = command_.fidelity,
                                 .describe = false,
                                 .clock = {}};
    for (const Machine& machine : machines_) {
      predictors_.push_back(std::make_unique<RowPredictor>(machine, library_, options));
    }
  }

  // --regime goes before the defaults of blocks and overlaps.
  Operator read(RowReader& reader, std::size_t row) const {
    Operator op = reader.read(row);
    if (!op.regime && command_.regime) op.regime = command_.regime;
    return op;
  }

  void note_infeasible(std::size_t row, const Estimate& estimate) {
    if (!command_.strict || estimate.feasible()) return;
    faults_.error(table_.location(row), "infeasible: " + estimate.refusal);
  }

  // Nothing is printed before every row has been read: a malformed cell means no output at all.
  std::string csv() {
    const InputCells cells(table_);
    RowReader reader(table_, faults_);
    std::string out;
    constexpr std::size_t prediction_size = 64;
    out.reserve(table_.rows() == 0 ? 256 : table_.rows() * (table_.raw_row(0).size() + prediction_size) * 5 / 4);
    cells.append_header(out);
    if (several_machines()) out += ",arch";
    out += ',';
    out += prediction_header();
    out += '\n';
    for (std::size_t row = 0; row < table_.rows(); ++row) {
      InterruptGuard::check();
      const Operator op = read(reader, row);
      if (faults_.has_errors()) continue;
      for (const auto& predictor : predictors_) append_row(out, cells, row, op, *predictor);
    }
    return out;
  }

  void append_row(std::string& out, const InputCells& cells, std::size_t row, const Operator& op,
                  RowPredictor& predictor) {
    const Estimate estimate = predictor.predict(op);
    note_infeasible(row, estimate);
    cells.append_row(out, row);
    if (several_machines()) {
      out += ',';
      out += predictor.machine().id;
    }
    out += ',';
    append_prediction(out, estimate, note_of(op));
    out += '\n';
  }

  static Subject subject_of(const Operator& op, RowPredictor& predictor) {
    if (std::holds_alternative<BlockRow>(op.work)) return predictor.block_of(op);
    return op;
  }

  [[nodiscard]] PredictOptions options() const {
    return {
        .regime = command_.regime.value_or(Regime::warm), .fidelity = command_.fidelity, .describe = true, .clock = {}};
  }

  std::string rows(const Output& output) {
    std::vector<TableRow> found;
    RowReader reader(table_, faults_);
    for (std::size_t row = 0; row < table_.rows(); ++row) {
      InterruptGuard::check();
      const Operator op = read(reader, row);
      if (faults_.has_errors()) continue;
      for (const auto& predictor : predictors_) {
        found.push_back(row_of(row, op, *predictor));
        note_infeasible(row, flattened(found.back().estimate));
      }
    }
    if (faults_.has_errors()) return {};
    if (format_ == Format::json) return json(found);
    const bool alone = found.size() == 1 && refusal_of(found.front().estimate).empty();
    if (alone) return report(output);
    const Grid grid = row_grid(found);
    return format_ == Format::markdown ? grid.markdown() : grid.text();
  }

  TableRow row_of(std::size_t row, const Operator& op, RowPredictor& predictor) const {
    const Subject subject = subject_of(op, predictor);
    TableRow result{row,
                    several_machines() ? predictor.machine().id : "",
                    op,
                    solve(predictor.machine(), library_, subject, options()),
                    {}};
    if (format_ == Format::json && refusal_of(result.estimate).empty()) {
      PredictOptions quick = options();
      quick.fidelity = Fidelity::bound;
      result.evidence = evidence_of(predictor.machine(), library_, subject, quick);
    }
    return result;
  }

  [[nodiscard]] std::string json(const std::vector<TableRow>& found) const {
    std::vector<const Machine*> machines;
    for (const Machine& machine : machines_) machines.push_back(&machine);
    return json_rows(found, machines, command_.fidelity);
  }

  // A table of one row gets the whole report.
  Study study_of_only_row() {
    Diagnostics read_before;
    RowReader reader(table_, read_before);
    const Operator op = read(reader, 0);
    StudyRequest request{
        .subject = subject_of(op, *predictors_.front()), .without_dropout = {}, .variants = {}, .options = options()};
    if (const auto* attention = std::get_if<Attention>(&op.work); attention != nullptr && attention->dropout > 0.0) {
      Operator without = op;
      std::get<Attention>(without.work).dropout = 0.0;
      request.without_dropout = without;
    }
    return study(machines_.front(), library_, request);
  }

  std::string report(const Output& output) {
    const Study result = study_of_only_row();
    return format_ == Format::markdown ? markdown_report(result)
                                       : text_report(result, {.colour = output.coloured(context_)});
  }

  const PredictCommand& command_;
  const Library& library_;
  const Context& context_;
  const Table& table_;
  Format format_;
  std::vector<Machine> machines_;
  std::vector<std::unique_ptr<RowPredictor>> predictors_;
  Diagnostics faults_;
};

// As given, else among the shipped workloads.
Table load_table(const std::string& name) {
  const auto found = find_data_file(name, "workloads", ".csv");
  return Table::load_file(found.value_or(name));
}

}  // namespace

void predict_table(const PredictCommand& command, const Library& library, const Context& context,
                   const std::optional<std::string>& text) {
  const Table table = text ? Table::load_text(*text, "<stdin>") : load_table(command.input);
  TablePrediction(command, library, context, table).run();
}

}  // namespace perfmodel
