// The machine code of a program, by the disassembler of the CUDA toolkit.
#pragma once

#include <optional>
#include <string>

namespace perfmodel {

// cuobjdump from PATH, the CUDA folders, or the project's .venv; nothing if it is in none of them.
std::optional<std::string> find_disassembler();

// What `cuobjdump -sass` prints for this file. Throws RuntimeError if it fails.
std::string disassembly_of(const std::string& file, const std::string& disassembler);

}  // namespace perfmodel
