// Validations for people and programs.
//
//     gemm.csv on h100-sxm: 251 rows
//
//     rows                     n    mean  median     p95    bias  in interval  width  roofline
//     all                    251   6.1 %   4.4 %  17.0 %  +1.2 %         91 %   14 %    11.8 %
//     gemm cold cublas       130   7.0 %  ...
//
//     worst: row 17  +31 %  52.1 us, measured 39.8 us, limiter wave: m=64 n=4096 k=4096 dtype=bf16
//
// mean, median, p95 are of |predicted / measured - 1|, bias is the mean of predicted / measured - 1. in interval: rows
// whose measurement lies in the stated 90 % interval; width: the median of its width over the prediction. roofline: the
// mean error of t0 + max(F / (e P), B / (b W)) with its three constants fitted on the same rows.
#pragma once

#include <string>
#include <vector>

#include "validate/validation.hpp"

namespace perfmodel {

std::string text_validation(const std::vector<TableValidation>& tables);

// The page validate/README.md: accuracy by table and by kind of row, rankings, and how to read them. Repeatable: the
// same model and data give the same text.
std::string accuracy_page(const std::vector<TableValidation>& tables);

// The first table of that page alone, a row a table of measurements.
std::string accuracy_table(const std::vector<TableValidation>& tables);

std::string json_validation(const std::vector<TableValidation>& tables);

}  // namespace perfmodel
