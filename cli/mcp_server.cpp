#include "cli/mcp_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "support/data_path.hpp"
#include "support/diagnostic.hpp"
#include "support/plain_text.hpp"

namespace perfmodel {

namespace {

using nlohmann::json;

constexpr int parse_error = -32700;
constexpr int invalid_request = -32600;
constexpr int method_not_found = -32601;
constexpr int invalid_params = -32602;
constexpr std::size_t longest_text = std::size_t{64} << 10U;  // of one string of an answer
constexpr std::size_t most_batched = 64;

// What JSON-RPC calls an error, as opposed to a tool that failed.
struct RpcError {
  int code = 0;
  std::string message;
};

std::string dumped(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

json envelope(const json& id) { return {{"jsonrpc", "2.0"}, {"id", id}}; }

json error_answer(const json& id, const RpcError& error) {
  json answer = envelope(id);
  answer["error"] = {{"code", error.code}, {"message", plain_text(error.message, 1000)}};
  return answer;
}

// Every string without terminal escapes, and none endless.
void make_plain(json& value) {
  if (value.is_string()) {
    value = plain_text(value.get_ref<const std::string&>(), longest_text);
  } else if (value.is_structured()) {
    for (json& each : value) make_plain(each);
  }
}

json tool_result(json structured, bool failed) {
  make_plain(structured);
  std::string text = dumped(structured);
  if (text.size() > longest_message / 2) {
    structured = {{"error", fmt::format("the result takes {} bytes, {} are the most: ask for less", text.size(),
                                        longest_message / 2)}};
    text = dumped(structured);
    failed = true;
  }
  return {{"content", json::array({{{"type", "text"}, {"text", std::move(text)}}})},
          {"structuredContent", std::move(structured)},
          {"isError", failed}};
}

std::string words_of(const InputError& error) {
  std::string text;
  for (const Diagnostic& each : error.diagnostics().all()) {
    if (!text.empty()) text += "; ";
    text += each.message;
    for (const Note& note : each.notes) text += " (" + note.message + ")";
  }
  return text;
}

// Nothing for text that is no JSON or is nested too deeply.
std::optional<json> parsed(std::string_view line) {
  bool too_deep = false;
  const json::parser_callback_t watch = [&](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > deepest_message;
    return !too_deep;
  };
  json value = json::parse(line, watch, /*allow_exceptions=*/false);
  if (too_deep || value.is_discarded()) return std::nullopt;
  return value;
}

bool is_id(const json& id) { return id.is_string() || id.is_number(); }

}  // namespace

const std::vector<std::string>& mcp_versions() {
  static const std::vector<std::string> versions{"2024-11-05", "2025-03-26", "2025-06-18"};
  return versions;
}

McpServer::McpServer(std::vector<McpTool> tools, std::string instructions)
    : tools_(std::move(tools)), instructions_(std::move(instructions)) {}

std::optional<std::string> McpServer::answer(std::string_view line) {
  if (line.size() > longest_message) {
    return dumped(
        error_answer(nullptr, {parse_error, fmt::format("a message of more than {} bytes", longest_message)}));
  }
  const std::optional<json> message = parsed(line);
  if (!message) return dumped(error_answer(nullptr, {parse_error, "malformed JSON, or nested too deeply"}));
  if (!message->is_array()) {
    const std::optional<json> one = answer_one(*message);
    return one ? std::optional(dumped(*one)) : std::nullopt;
  }
  if (message->empty() || message->size() > most_batched) {
    return dumped(error_answer(nullptr, {invalid_request, fmt::format("a batch has 1 to {} messages", most_batched)}));
  }
  json answers = json::array();
  for (const json& each : *message) {
    if (auto one = answer_one(each)) answers.push_back(std::move(*one));
  }
  return answers.empty() ? std::nullopt : std::optional(dumped(answers));
}

std::optional<json> McpServer::answer_one(const json& message) {
  const json id = message.is_object() && message.contains("id") && is_id(message["id"]) ? message["id"] : json();
  const bool request = message.is_object() && message.value("jsonrpc", json()) == "2.0" && message.contains("method") &&
                       message["method"].is_string();
  if (!request) {
    // A response to a request that this server never made.
    if (message.is_object() && (message.contains("result") || message.contains("error"))) return std::nullopt;
    return error_answer(id, {invalid_request, "not a JSON-RPC 2.0 request"});
  }
  if (!message.contains("id")) return std::nullopt;
  const std::string method = message["method"];
  const json parameters = message.value("params", json::object());
  try {
    json answer = envelope(id);
    if (method == "initialize") {
      answer["result"] = initialize(parameters);
    } else if (method == "ping") {
      answer["result"] = json::object();
    } else if (method == "tools/list") {
      answer["result"] = list();
    } else if (method == "tools/call") {
      answer["result"] = call(parameters);
    } else {
      throw RpcError{method_not_found, fmt::format("unknown method '{}'", method)};
    }
    return answer;
  } catch (const RpcError& error) {
    return error_answer(id, error);
  }
}

json McpServer::initialize(const json& parameters) const {
  const json asked = parameters.is_object() ? parameters.value("protocolVersion", json()) : json();
  const auto& versions = mcp_versions();
  const bool known = asked.is_string() && std::ranges::find(versions, asked.get<std::string>()) != versions.end();
  return {{"protocolVersion", known ? asked.get<std::string>() : versions.back()},
          {"capabilities", {{"tools", {{"listChanged", false}}}}},
          {"serverInfo", {{"name", "perfmodel"}, {"version", std::string(perfmodel_version())}}},
          {"instructions", instructions_}};
}

json McpServer::list() const {
  json tools = json::array();
  for (const McpTool& tool : tools_) {
    tools.push_back({{"name", tool.name},
                     {"description", tool.description},
                     {"inputSchema", tool.input_schema},
                     {"annotations", {{"readOnlyHint", !tool.writes}, {"destructiveHint", false}}}});
  }
  return {{"tools", std::move(tools)}};
}

json McpServer::call(const json& parameters) {
  const json name = parameters.is_object() ? parameters.value("name", json()) : json();
  const auto tool = std::ranges::find_if(tools_, [&](const McpTool& each) { return name == each.name; });
  if (tool == tools_.end()) throw RpcError{invalid_params, "unknown tool"};
  const json arguments = parameters.value("arguments", json::object());
  if (!arguments.is_object()) throw RpcError{invalid_params, "'arguments': expected an object"};
  try {
    return tool_result(tool->call(arguments), /*failed=*/false);
  } catch (const InputError& error) {
    return tool_result({{"error", words_of(error)}}, /*failed=*/true);
  } catch (const RuntimeError& error) {
    return tool_result({{"error", std::string(error.what())}}, /*failed=*/true);
  } catch (const json::exception&) {
    return tool_result({{"error", "an argument is of the wrong kind"}}, /*failed=*/true);
  }
}

}  // namespace perfmodel
