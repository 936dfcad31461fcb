#include "report/sweep_page.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "report/pages.hpp"

namespace perfmodel {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      default: out += c;
    }
  }
  return out;
}

// JSON within a script element: the same document without a character that HTML or XML could take for markup.
std::string embedded(std::string_view json) {
  std::string out;
  for (const char c : json) {
    switch (c) {
      case '&': out += "\\u0026"; break;
      case '<': out += "\\u003c"; break;
      case '>': out += "\\u003e"; break;
      default: out += c;
    }
  }
  return out;
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

std::string sweep_page(const Sweep& sweep) {
  const nlohmann::ordered_json document = sweep_document(sweep);
  std::string page(sweep_page_template());
  replace_all(page, "@TITLE@", escaped(sweep_title(sweep)));
  replace_all(page, "@GENERATOR@", escaped(document.at("generator").get<std::string>()));
  replace_all(page, "@DATA@", embedded(document.dump()));
  return page;
}

}  // namespace perfmodel
