// Which instructions each probe's kernels must hold, one function a theme, beside the kernels themselves.
#pragma once

#include <vector>

#include "calibrate/sass.hpp"

namespace perfmodel {

std::vector<SassExpectation> sass_expectations_instructions();
std::vector<SassExpectation> sass_expectations_port_sharing();
std::vector<SassExpectation> sass_expectations_launch();
std::vector<SassExpectation> sass_expectations_shared_memory();
std::vector<SassExpectation> sass_expectations_l2();
std::vector<SassExpectation> sass_expectations_dram();
std::vector<SassExpectation> sass_expectations_tma();
std::vector<SassExpectation> sass_expectations_cluster();
std::vector<SassExpectation> sass_expectations_wgmma();
std::vector<SassExpectation> sass_expectations_residency();
std::vector<SassExpectation> sass_expectations_carveout();
std::vector<SassExpectation> sass_expectations_dispatch();
std::vector<SassExpectation> sass_expectations_arbitration();
std::vector<SassExpectation> sass_expectations_clock();
std::vector<SassExpectation> sass_expectations_energy();

}  // namespace perfmodel
