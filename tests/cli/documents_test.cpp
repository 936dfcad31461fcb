// Holds what the documents quote of the program to the program. docs/refresh.sh rewrites them.
#ifdef PERFMODEL_BINARY

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "tests/cli/process.hpp"

namespace perfmodel {
namespace {

const std::string root = std::string(PERFMODEL_ROOT_DIR) + "/";

std::string text_of(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(root + file).rdbuf();
  return text.str();
}

// The first table below that heading; nothing without one.
std::string table_after(std::string_view page, const std::string& heading) {
  const std::size_t start = page.find("\n|", page.find("\n" + heading + "\n"));
  if (start == std::string_view::npos) return {};
  return std::string(page.substr(start + 1, page.find("\n\n", start) - start));
}

// How many commands the page quotes.
int check_quotes(const std::string& page) {
  const std::string readme = text_of(page);
  const std::string marker = "<!-- $ perfmodel ";
  int quoted = 0;
  for (std::size_t at = readme.find(marker); at != std::string::npos; at = readme.find(marker, at + 1)) {
    const std::size_t end = readme.find(" -->\n```text\n", at);
    REQUIRE(end != std::string::npos);
    const std::string arguments = readme.substr(at + marker.size(), end - at - marker.size());
    const std::size_t output = end + std::string_view(" -->\n```text\n").size();
    CAPTURE(arguments);
    INFO("docs/refresh.sh writes it anew");
    CHECK(test::run(arguments).out == readme.substr(output, readme.find("```\n", output) - output));
    ++quoted;
  }
  return quoted;
}

TEST_CASE("every command quoted in the documents prints what stands there") {
  CHECK(check_quotes("README.md") >= 1);
  CHECK(check_quotes("docs/explain.md") == 2);
}

TEST_CASE("the accuracy page and its tables in the README are those of the model as it is") {
  INFO("docs/refresh.sh writes them anew");
  const std::string page = text_of("validate/README.md");
  const test::Result result = test::run("validate --format markdown");
  CHECK(result.exit == 0);
  CHECK(result.err.empty());
  const bool same = result.out == page;  // both are long
  CHECK(same);
  const std::string readme = text_of("README.md");
  for (const auto& [marker, heading] :
       {std::pair("<!-- accuracy -->\n", "# Accuracy"), std::pair("<!-- counters -->\n", "## Hardware counters")}) {
    CAPTURE(marker);
    const std::size_t at = readme.find(marker);
    REQUIRE(at != std::string::npos);
    const std::string table = table_after("\n" + page, heading);
    CHECK_FALSE(table.empty());
    CHECK(readme.substr(at + std::string_view(marker).size()).starts_with(table));
  }
}

}  // namespace
}  // namespace perfmodel

#endif
