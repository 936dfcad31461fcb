#include "search/oracle_request.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "search/request_parts.hpp"
#include "support/diagnostic.hpp"
#include "support/suggest.hpp"

namespace perfmodel {

namespace {

namespace dom = simdjson::dom;

constexpr std::array<std::string_view, 9> definition_keys{
    "define", "id", "suite", "configurations", "candidate", "columns", "fidelity", "incumbent", "cut"};
constexpr std::array<std::string_view, 12> question_keys{"id",     "use",      "suite",     "configurations",
                                                         "kernel", "program",  "moves",     "set",
                                                         "values", "fidelity", "incumbent", "cut"};

RequestId id_of(const dom::object& line) {
  dom::element id;
  if (line["id"].get(id) != simdjson::SUCCESS) return {};
  switch (id.type()) {
    case dom::element_type::STRING: return std::string(std::string_view(id).substr(0, longest_id));
    case dom::element_type::INT64: return std::int64_t(id);
    case dom::element_type::UINT64: return std::uint64_t(id);
    case dom::element_type::DOUBLE: return double(id);
    default: return {};
  }
}

struct LineReader {
  const Definitions& known;

  [[nodiscard]] DefinitionPtr definition(const dom::object& line) const {
    std::string name;
    std::optional<Suite> suite;
    std::optional<Candidate> base;
    ScoreOptions options;
    std::vector<std::string> columns;
    for (const auto [key, value] : line) {
      if (key == "define") {
        name = text_of(key, value, most_name);
      } else if (key == "suite" || key == "configurations") {
        suite = suite_of(key, value, suite);
      } else if (key == "candidate") {
        base = candidate_of(object_of(key, value), std::nullopt, /*whole=*/true);
      } else if (key == "columns") {
        columns = names_of(key, value, most_settings);
      } else if (key != "id" && !read_option(key, value, options)) {
        unknown_key(key, definition_keys);
      }
    }
    if (name.empty()) throw InputError({}, "'define': expected a name");
    if (!suite) throw InputError({}, "a definition needs 'suite' or 'configurations'");
    if (known.by_name.size() >= most_definitions && !known.by_name.contains(name)) {
      throw InputError({}, fmt::format("{} definitions are the most", most_definitions));
    }
    return std::make_shared<const Definition>(
        Definition{std::move(name), *std::move(suite), std::move(base), options, std::move(columns)});
  }

  [[nodiscard]] DefinitionPtr used(std::string_view name) const {
    const auto found = known.by_name.find(name);
    if (found != known.by_name.end()) return found->second;
    std::vector<std::string> names;
    for (const auto& [each, definition] : known.by_name) names.push_back(each);
    Diagnostics faults;
    faults.error({}, fmt::format("'use': nothing of the name '{}' is defined", name)).suggest(name, names);
    throw InputError(std::move(faults));
  }

  Question question(const dom::object& line) const {
    Question question;
    std::optional<Suite> suite;
    dom::element values;
    bool has_values = false;
    question.definition = known.latest;
    bool changed = false;
    for (const auto [key, value] : line) {
      if (key == "use") {
        question.definition = used(text_of(key, value, most_name));
      } else if (key == "suite" || key == "configurations") {
        suite = suite_of(key, value, suite);
      } else if (key == "values") {
        values = value;
        has_values = true;
      } else if (key == "kernel" || key == "program" || key == "moves" || key == "set") {
        changed = true;
      } else if (key != "id" && !is_option(key)) {
        unknown_key(key, question_keys);
      }
    }
    if (suite) {
      question.definition = std::make_shared<const Definition>(Definition{{}, *std::move(suite), {}, {}, {}});
    }
    if (question.definition == nullptr) {
      throw InputError({}, "nothing is defined yet: send a line with 'define', or 'suite' with the question");
    }
    question.options = question.definition->options;
    for (const auto [key, value] : line) read_option(key, value, question.options);
    set_candidate(line, changed, question);
    if (has_values) set_values(values, question.definition->columns, question.candidate);
    return question;
  }

  static void set_candidate(const dom::object& line, bool changed, Question& question) {
    const std::optional<Candidate>& base = question.definition->base;
    if (changed) {
      question.candidate = candidate_of(line, base, /*whole=*/false);
    } else if (base) {
      question.candidate = *base;
    }
  }
};

}  // namespace

bool may_define(std::string_view line) { return line.find("\"define\"") != std::string_view::npos; }

struct RequestReader::State {
  dom::parser parser{longest_line + simdjson::SIMDJSON_PADDING};
  std::string padded;
};

RequestReader::RequestReader() : state_(std::make_unique<State>()) {
  // Nesting beyond the cap is an error of the parser's, found before anything recurses.
  if (state_->parser.allocate(longest_line, deepest_nesting) != simdjson::SUCCESS) throw std::bad_alloc();
}
RequestReader::~RequestReader() = default;
RequestReader::RequestReader(RequestReader&&) noexcept = default;

Request RequestReader::read(std::string_view line, const Definitions& known) {
  Request request;
  if (line.size() > longest_line) {
    request.what = RequestFault{fmt::format("a line of more than {} bytes", longest_line)};
    return request;
  }
  state_->padded.assign(line);
  state_->padded.resize(line.size() + simdjson::SIMDJSON_PADDING);
  dom::element root;
  const auto error = state_->parser.parse(state_->padded.data(), line.size(), /*realloc_if_needed=*/false).get(root);
  if (error != simdjson::SUCCESS) {
    request.what = RequestFault{words_of(error)};
    return request;
  }
  dom::object object;
  if (root.get(object) != simdjson::SUCCESS) {
    request.what = RequestFault{"expected a JSON object"};
    return request;
  }
  request.id = id_of(object);
  try {
    const LineReader reader{known};
    dom::element define;
    if (object["define"].get(define) == simdjson::SUCCESS) {
      request.what = reader.definition(object);
    } else {
      request.what = reader.question(object);
    }
  } catch (const InputError& fault) {
    request.what = RequestFault{first_fault(fault)};
  }
  return request;
}

}  // namespace perfmodel
