#include "report/table_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "report/json.hpp"
#include "report/words.hpp"
#include "support/format.hpp"

namespace perfmodel {

using nlohmann::ordered_json;

namespace {

bool is_block(const TableRow& row) { return std::holds_alternative<BlockRow>(row.op.work); }

ordered_json row_json(const TableRow& row) {
  ordered_json json{{"row", row.row + 1}};
  if (!row.machine.empty()) json["machine"] = row.machine;
  json.update(is_block(row) ? sequence_json(row.estimate) : operator_json(row.op, row.estimate.items.front().estimate));
  if (is_block(row)) json["op"] = "block";
  json["provenance"] = evidence_json(row.evidence);
  return json;
}

}  // namespace

Grid row_grid(const std::vector<TableRow>& rows) {
  const bool several = std::ranges::any_of(rows, [](const TableRow& row) { return !row.machine.empty(); });
  Grid grid;
  grid.column("row");
  if (several) grid.column("machine", Grid::Align::left);
  grid.column("op", Grid::Align::left).column("work", Grid::Align::left).column("time").column("90 % interval");
  grid.column("limiter", Grid::Align::left).column("clock").column("note", Grid::Align::left);
  for (const TableRow& row : rows) {
    const Estimate whole = flattened(row.estimate);
    std::vector<std::string> cells{fmt::format("{}", row.row + 1)};
    if (several) cells.push_back(row.machine);
    cells.push_back(op_name(row.op));
    cells.push_back(describe_work(row.op.work));
    if (whole.feasible()) {
      for (std::string& cell : std::vector<std::string>{
               format_time(whole.time), interval_text(whole.lower, whole.upper),
               std::string(limiter_name(whole.limiter)), format_clock(whole.clock), note_of(row.op)}) {
        cells.push_back(std::move(cell));
      }
    } else {
      for (std::string& cell : std::vector<std::string>{"", "", "infeasible", "", whole.refusal}) {
        cells.push_back(std::move(cell));
      }
    }
    grid.row(std::move(cells));
  }
  return grid;
}

std::string json_rows(const std::vector<TableRow>& rows, const std::vector<const Machine*>& machines,
                      Fidelity fidelity) {
  ordered_json json = document("table");
  if (machines.size() == 1) {
    json["machine"] = machine_json(*machines.front());
  } else {
    ordered_json list = ordered_json::array();
    for (const Machine* machine : machines) list.push_back(machine_json(*machine));
    json["machines"] = std::move(list);
  }
  json["fidelity"] = fidelity_name(fidelity);
  ordered_json predictions = ordered_json::array();
  for (const TableRow& row : rows) predictions.push_back(row_json(row));
  json["predictions"] = std::move(predictions);
  return json.dump(2) + '\n';
}

}  // namespace perfmodel
