// Reads the tree of a block file, bases and overrides already in it. For block.cpp and block_file.cpp alone.
#pragma once

#include <memory>
#include <string>

#include "support/diagnostic.hpp"
#include "support/yaml.hpp"
#include "workloads/block.hpp"
#include "workloads/expression.hpp"

namespace perfmodel {

// The block; faults are recorded and leave defaults behind. `parsed` keeps what was parsed for the next time.
Block read_block(const YamlNode& root, std::string name, Diagnostics& faults,
                 std::shared_ptr<ParsedExpressions> parsed);

}  // namespace perfmodel
