// Text of strangers made fit to be shown: no terminal escapes, no control characters, valid UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace perfmodel {

// Escape sequences (ESC [ ... m, ESC ] ... BEL and the like, their 8-bit forms too) and control characters are left
// out, but for line ends and tabs; each byte that is no UTF-8 becomes '?'. Longer text than `most` bytes is cut at a
// character, with "..." behind it.
std::string plain_text(std::string_view text, std::size_t most = std::string::npos);

}  // namespace perfmodel
