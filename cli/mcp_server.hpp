// The Model Context Protocol over lines of JSON-RPC 2.0: what of it does not depend on the tools.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace perfmodel {

inline constexpr std::size_t longest_message = std::size_t{1} << 20U;  // bytes, either way
inline constexpr int deepest_message = 32;                             // objects and lists in one another

// What a client may call.
struct McpTool {
  std::string name;
  std::string description;
  nlohmann::json input_schema;
  bool writes = false;
  // The structured result. Throws InputError or RuntimeError for what the client is told as a failed call.
  std::function<nlohmann::json(const nlohmann::json& arguments)> call;
};

class McpServer {
 public:
  explicit McpServer(std::vector<McpTool> tools, std::string instructions);

  // The answer to a line: a message, or nothing for a notification. Never throws for what is in the line.
  std::optional<std::string> answer(std::string_view line);

 private:
  std::optional<nlohmann::json> answer_one(const nlohmann::json& message);
  nlohmann::json initialize(const nlohmann::json& parameters) const;
  [[nodiscard]] nlohmann::json list() const;
  nlohmann::json call(const nlohmann::json& parameters);

  std::vector<McpTool> tools_;
  std::string instructions_;
};

// Protocol versions spoken, the oldest first.
const std::vector<std::string>& mcp_versions();

}  // namespace perfmodel
