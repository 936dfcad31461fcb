// Pages that the build takes from report/pages into the program.
#pragma once

#include <string_view>

namespace perfmodel {

// With @TITLE@, @GENERATOR@ and @DATA@ to be filled in.
std::string_view sweep_page_template();

}  // namespace perfmodel
