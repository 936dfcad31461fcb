#include "report/sweep_page.hpp"

#include <nlohmann/json.hpp>

namespace perfmodel {

std::string sweep_page(const Sweep& sweep) { return sweep_document(sweep).dump(); }

}  // namespace perfmodel
