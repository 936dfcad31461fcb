// A sweep as one HTML page for people: plots drawn by the page itself from the data embedded in it, nothing fetched
// from anywhere.
#pragma once

#include <string>

#include "report/sweep.hpp"

namespace perfmodel {

std::string sweep_page(const Sweep& sweep);

}  // namespace perfmodel
