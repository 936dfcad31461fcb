#include "search/oracle_answer.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <iterator>

#include "search/json_text.hpp"

namespace perfmodel {

namespace {

constexpr double tera = 1e12;

void append_head(std::string& out, const RequestId& id) {
  fmt::format_to(std::back_inserter(out), FMT_COMPILE("{{\"schema_version\":{},\"id\":"), oracle_schema_version);
  struct Writer {
    std::string& out;
    void operator()(std::monostate) const { out += "null"; }
    void operator()(const std::string& text) const { append_string(out, text); }
    void operator()(std::int64_t number) const { append_number(out, number); }
    void operator()(std::uint64_t number) const { append_number(out, number); }
    void operator()(double number) const { append_number(out, number); }
  };
  std::visit(Writer{out}, id);
}

template <class Items, class Append>
void append_list(std::string& out, std::string_view key, const Items& items, const Append& append) {
  out += ",\"";
  out += key;
  out += "\":[";
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ',';
    first = false;
    append(item);
  }
  out += ']';
}

void append_name(std::string& out, std::string_view name) {
  out += '"';
  out += name;
  out += '"';
}

void append_flag(std::string& out, std::string_view key, bool value) {
  out += ",\"";
  out += key;
  out += value ? "\":true" : "\":false";
}

}  // namespace

void append_answer(std::string& out, const RequestId& id, const Score& score) {
  using Each = const ConfigurationScore&;
  const auto& all = score.configurations;
  append_head(out, id);
  out += ",\"geomean\":";
  append_number(out, score.geomean.si() / tera);
  append_list(out, "tflops", all, [&](Each each) { append_number(out, each.throughput.si() / tera); });
  append_flag(out, "feasible", score.feasible());
  out += ",\"stage\":";
  append_name(out, stage_names[static_cast<std::size_t>(score.stage)]);
  append_flag(out, "cut", score.cut);
  append_flag(out, "defer", score.defer.any());
  append_list(out, "reasons", names_of(score.defer), [&](std::string_view name) { append_name(out, name); });
  if (!score.feasible()) {
    out += ",\"refusal\":";
    append_string(out, score.refusal);
    out += "}\n";
    return;
  }
  append_list(out, "time", all, [&](Each each) { append_number(out, each.time.si()); });
  append_list(out, "lower", all, [&](Each each) { append_number(out, each.lower.si()); });
  append_list(out, "upper", all, [&](Each each) { append_number(out, each.upper.si()); });
  append_list(out, "limiter", all, [&](Each each) { append_name(out, limiter_name(each.limiter)); });
  append_list(out, "second", all, [&](Each each) { append_name(out, limiter_name(each.second)); });
  append_list(out, "slack", all, [&](Each each) { append_number(out, each.slack); });
  out += "}\n";
}

void append_definition(std::string& out, const RequestId& id, const Definition& definition) {
  append_head(out, id);
  out += ",\"define\":";
  append_string(out, definition.name);
  out += ",\"configurations\":";
  append_number(out, static_cast<std::uint64_t>(definition.suite.size()));
  out += "}\n";
}

void append_fault(std::string& out, const RequestId& id, std::uint64_t line, std::string_view message) {
  append_head(out, id);
  out += ",\"error\":{\"line\":";
  append_number(out, line);
  out += ",\"message\":";
  append_string(out, message);
  out += "}}\n";
}

}  // namespace perfmodel
