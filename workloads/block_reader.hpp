// Reads the tree of a block file, bases and overrides already in it. For block.cpp and block_file.cpp alone.
#pragma once

#include <string>

#include "support/diagnostic.hpp"
#include "support/yaml.hpp"
#include "workloads/block.hpp"

namespace perfmodel {

// The block; faults are recorded and leave defaults behind.
Block read_block(const YamlNode& root, std::string name, Diagnostics& faults);

}  // namespace perfmodel
