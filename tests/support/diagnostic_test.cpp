#include "support/diagnostic.hpp"

#include <doctest/doctest.h>

#include <string>

namespace perfmodel {
namespace {

SourcePtr source(std::string text) { return std::make_shared<const Source>(Source{"in.yaml", std::move(text)}); }

TEST_CASE("a fault shows its line with a caret, then its notes") {
  const SourcePtr file = source("a: 1\n  bee: 2\n");
  Diagnostics faults;
  faults.error({file, 2, 3}, "unknown key 'bee'")
      .suggest("bee", {"been"})
      .note("known keys: been")
      .note({file, 1, 1}, "here");
  CHECK(faults.format() ==
        "in.yaml:2:3: error: unknown key 'bee'\n"
        "    bee: 2\n"
        "    ^\n"
        "note: did you mean 'been'?\n"
        "note: known keys: been\n"
        "in.yaml:1:1: note: here\n"
        "  a: 1\n"
        "  ^\n");
}

TEST_CASE("what is not known about the place is left out") {
  CHECK(InputError(file_location("x.yaml"), "no such file").what() == std::string("x.yaml: error: no such file\n"));
  CHECK(InputError({}, "no input").what() == std::string("error: no input\n"));
  CHECK(InputError({source("a\n"), 1, 0}, "bad").what() == std::string("in.yaml:1: error: bad\n"));
  CHECK(InputError({source("a\n"), 7, 3}, "bad").what() == std::string("in.yaml:7:3: error: bad\n"));
}

TEST_CASE("long lines are clipped to 72 columns around the caret") {
  std::string line;
  for (int i = 0; i < 20; ++i) line += "0123456789";
  CHECK(InputError({source(line), 1, 5}, "bad").what() ==
        "in.yaml:1:5: error: bad\n  " + line.substr(0, 72) + "...\n      ^\n");
  CHECK(InputError({source(line), 1, 101}, "bad").what() ==
        "in.yaml:1:101: error: bad\n  ..." + line.substr(64, 72) + "...\n  " + std::string(39, ' ') + "^\n");
  CHECK(InputError({source(line), 1, 201}, "bad").what() ==
        "in.yaml:1:201: error: bad\n  ..." + line.substr(164) + "\n  " + std::string(39, ' ') + "^\n");
}

TEST_CASE("carets stand right below wide, tabbed and unprintable text") {
  CHECK(InputError({source("\u00e9\u00e9: x"), 1, 5}, "bad").what() ==
        std::string("in.yaml:1:5: error: bad\n  \u00e9\u00e9: x\n      ^\n"));
  CHECK(InputError({source("\ta\x1b: x"), 1, 2}, "bad").what() ==
        std::string("in.yaml:1:2: error: bad\n   a?: x\n   ^\n"));
  CHECK(InputError({source("a: 1\r\nb: 2\r\n"), 2, 4}, "bad").what() ==
        std::string("in.yaml:2:4: error: bad\n  b: 2\n     ^\n"));
}

TEST_CASE("colour sets off severity and caret") {
  Diagnostics faults;
  faults.warning({source("a: 1"), 1, 1}, "odd");
  CHECK(faults.format(/*colour=*/true) == "in.yaml:1:1: \x1b[1;35mwarning:\x1b[0m odd\n  a: 1\n  \x1b[1;32m^\x1b[0m\n");
}

TEST_CASE("warnings alone do not throw") {
  Diagnostics faults;
  faults.warning({}, "odd");
  CHECK_NOTHROW(faults.throw_if_errors());
  faults.error({}, "bad");
  CHECK_THROWS_AS(faults.throw_if_errors(), InputError);
  CHECK(faults.error_count() == 1);
  CHECK(faults.warning_count() == 1);
}

TEST_CASE("beyond the first fifty, faults are counted") {
  Diagnostics faults;
  for (int i = 0; i < 60; ++i) faults.error({}, "bad").note("why");
  CHECK(faults.all().size() == Diagnostics::max_kept);
  CHECK(faults.format().ends_with("note: why\nnote: 10 more errors not shown\n"));
  Diagnostics sum;
  sum.append(faults);
  sum.append(faults);
  CHECK(sum.error_count() == 120);
  CHECK(sum.format().ends_with("note: why\nnote: 70 more errors not shown\n"));
}

}  // namespace
}  // namespace perfmodel
