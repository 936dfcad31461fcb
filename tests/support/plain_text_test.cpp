#include "support/plain_text.hpp"

#include <doctest/doctest.h>

namespace {

using perfmodel::plain_text;

TEST_CASE("plain text stays as it is") {
  CHECK(plain_text("") == "");
  CHECK(plain_text("a line\n\twith tabs") == "a line\n\twith tabs");
  CHECK(plain_text("grün \xE2\x82\xAC \xF0\x9F\x98\x80") == "grün \xE2\x82\xAC \xF0\x9F\x98\x80");
}

TEST_CASE("escape sequences are left out whole") {
  CHECK(plain_text("\x1b[1;31mred\x1b[0m") == "red");
  CHECK(plain_text("\x1b]0;title\x07x") == "x");
  CHECK(plain_text("\x1b]8;;http://a\x1b\\link") == "link");
  CHECK(plain_text("\x1bPdata\x1b\\x") == "x");
  CHECK(plain_text("\x1b(Bx\x1b"
                   "cy") == "xy");
  CHECK(plain_text("\xC2\x9B"
                   "31mred") == "red");
  CHECK(plain_text("\x1b") == "");
  CHECK(plain_text("\x1b[12") == "");
  CHECK(plain_text("\x1b]never ends\nnext line") == "\nnext line");
}

TEST_CASE("control characters go, bytes that are no UTF-8 become question marks") {
  CHECK(plain_text(std::string("a\0b\rc\x7f"
                               "d\be",
                               9)) == "abcde");
  CHECK(plain_text("\xff\xC0\x80\xED\xA0\x80") == "??????");
  CHECK(plain_text("\xE2\x82") == "??");
}

TEST_CASE("long text is cut at a character") {
  CHECK(plain_text("abcdef", 3) == "abc...");
  CHECK(plain_text("ab\xE2\x82\xAC", 4) == "ab...");
  CHECK(plain_text("abc", 3) == "abc");
}

}  // namespace
