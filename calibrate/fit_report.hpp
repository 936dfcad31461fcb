// What a fit found, for people, and the overlay file that it leaves.
//
//     40 constants fitted to 1545 rows of 6 tables; errors of rows whose shape family was left out
//
//     rows                               n    mean  median     p95    bias
//     gemm.csv gemm cold               208   3.9 %   2.9 %  11.0 %  +0.1 %
//     clock of power.csv                47   4.1 % ...
//
//     constant                    value        before
//     transfer.iteration          171 clk      156 clk
#pragma once

#include <string>
#include <vector>

#include "calibrate/fit.hpp"

namespace perfmodel {

// `before` is the machine that the fit started from.
std::string text_fit(const Fit& fit, const Machine& before);

// The tables of a machine that fits learn from, as paths, those that exist in `folder`.
std::vector<std::string> fit_tables(const std::string& folder);

// The overlay: fitted constants, residual quantiles, and the hashes of the tables they rest on.
std::string overlay_of(const Fit& fit, const std::vector<std::string>& tables, const std::string& date,
                       const std::string& command);

}  // namespace perfmodel
