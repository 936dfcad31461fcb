// The tools of `perfmodel mcp`: predict, explain, compare, whatif, lineage, knowledge, and submit, the only one that
// writes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/mcp_server.hpp"

namespace perfmodel {

struct McpFolders {
  std::string lineage;  // a bare git repository of versions, read only; "" for none
  std::string outbox;   // where submissions go; "" for none
  std::string machine;  // where a call names none
};

std::vector<McpTool> mcp_tools(const McpFolders& folders);

// The parts. Models are kept for all of them.
class McpModels;
std::vector<McpTool> model_tools(const std::shared_ptr<McpModels>& models);
std::vector<McpTool> search_tools(const McpFolders& folders, const std::shared_ptr<McpModels>& models);
std::shared_ptr<McpModels> make_mcp_models(const std::string& machine);

// A schema of an object with these properties.
nlohmann::json object_schema(nlohmann::json properties, std::vector<std::string> required = {});

// Scores a candidate of the oracle's protocol on {"suite": name} or {"configurations": [...]}, for submit.
nlohmann::json scored_by(McpModels& models, const nlohmann::json& arguments, const nlohmann::json& candidate);

}  // namespace perfmodel
