// Predictions as CSV: the columns added to a table's rows, and the operators of one prediction.
//
//     predicted_us,lower_us,upper_us,limiter,predicted_sm_mhz,predicted_sequence_us,note
//     1606.300,1541.203,1688.914,power,1511.5,,
//
// Times in microseconds; an infeasible row has no times, `infeasible` for its limiter and the reason in the note.
#pragma once

#include <string>
#include <string_view>

#include "model/estimate.hpp"
#include "report/study.hpp"

namespace perfmodel {

// The names of the columns, comma between them.
std::string_view prediction_header();

// Whether a column of that name is one of those: it does not survive a new prediction.
bool is_prediction_column(std::string_view name);

// Appends the cells of one row in that order, without a comma in front or a line end behind. The note is the refusal
// if there is one.
void append_prediction(std::string& out, const Estimate& estimate, std::string_view note);

// A row an operator with its share of the total, then the total and the matmul subtotal.
std::string csv_report(const Study& study);

}  // namespace perfmodel
