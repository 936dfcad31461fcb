#include "search/json_rows.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <string>

#include "search/request_parts.hpp"
#include "support/diagnostic.hpp"

namespace perfmodel {

namespace {

namespace dom = simdjson::dom;

constexpr std::size_t most_bytes = std::size_t{64} << 20U;
constexpr std::size_t deepest = 16;

dom::element parsed(dom::parser& parser, std::string_view json) {
  if (json.size() > most_bytes)
    throw InputError({}, fmt::format("{} bytes of JSON, {} are the most", json.size(), most_bytes));
  dom::element root;
  simdjson::error_code error = parser.allocate(json.size() + 64, deepest);
  if (error == simdjson::SUCCESS) error = parser.parse(std::string(json)).get(root);
  if (error != simdjson::SUCCESS) throw InputError({}, words_of(error));
  return root;
}

}  // namespace

std::vector<Operator> operators_from_json(std::string_view json) {
  dom::parser parser;
  const dom::element root = parsed(parser, json);
  dom::array rows;
  if (root.get(rows) != simdjson::SUCCESS) return {operator_of(object_of("row", root))};
  std::vector<Operator> operators;
  for (const dom::element& row : rows) {
    try {
      operators.push_back(operator_of(object_of("row", row)));
    } catch (const InputError& error) {
      throw InputError({}, fmt::format("row {}: {}", operators.size(), first_fault(error)));
    }
  }
  return operators;
}

Candidate candidate_from_json(std::string_view json) {
  dom::parser parser;
  return candidate_of(object_of("candidate", parsed(parser, json)), std::nullopt, /*whole=*/true);
}

}  // namespace perfmodel
