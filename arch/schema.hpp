// The page docs/arch-schema.md: every key of a machine file, out of the field table.
#pragma once

#include <string>

namespace perfmodel {

// Markdown. `perfmodel arch schema` prints it and a test holds the committed page to it.
std::string schema_page();

}  // namespace perfmodel
