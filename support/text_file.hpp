// Reading a whole input into memory, with the refusals every reader shares.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "support/diagnostic.hpp"

namespace perfmodel {

// A text under a name, without the byte-order mark it may begin with.
SourcePtr make_source(std::string_view name, std::string text);

// The whole file, "-" for standard input (named "<stdin>"). Throws InputError when the file is missing, a directory,
// unreadable, or larger than max_size [bytes].
SourcePtr read_source(const std::string& path, std::size_t max_size);

// Throws InputError, at the place, for an empty text, NUL bytes and, if asked, bytes that are not UTF-8.
void require_text(const SourcePtr& source, bool require_utf8);

}  // namespace perfmodel
