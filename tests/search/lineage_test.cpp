#include "search/lineage.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "search/journal.hpp"
#include "support/diagnostic.hpp"
#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

namespace fs = std::filesystem;

TEST_CASE("versions come back in order, byte for byte") {
  const test::TemporaryFolder folder;
  const std::string bytes("a\r\n\0b\xff", 6);
  {
    Lineage lineage(folder.file("lineage.git"));
    CHECK(lineage.versions().empty());
    lineage.commit({{"program.yaml", "first\n"}, {"score.json", "{}"}}, "start\n\nmore of it\n");
    lineage.commit({{"program.yaml", bytes}, {"score.json", "{\"a\":1}"}}, "kv_slots 2 -> 3");
  }
  const Lineage lineage(folder.file("lineage.git"));
  REQUIRE(lineage.versions().size() == 2);
  CHECK(lineage.versions()[0].subject == "start");
  CHECK(lineage.versions()[1].subject == "kv_slots 2 -> 3");
  CHECK(lineage.file(lineage.versions()[0], "program.yaml") == "first\n");
  CHECK(lineage.file(lineage.versions()[1], "program.yaml") == bytes);
  CHECK_FALSE(lineage.file(lineage.versions()[1], "notes.txt"));
}

TEST_CASE("hooks and stale locks in the repository do nothing") {
  const test::TemporaryFolder folder;
  const std::string git = folder.file("lineage.git");
  Lineage(git).commit({{"a", "1"}}, "start");
  fs::create_directories(git + "/hooks");
  for (const std::string hook : {"reference-transaction", "post-commit", "update", "post-update"}) {
    const std::string path =
        folder.write("lineage.git/hooks/" + hook, "#!/bin/sh\ntouch " + folder.file("planted") + "\n");
    fs::permissions(path, fs::perms::owner_all);
  }
  folder.write("lineage.git/refs/heads/main.lock", "");
  Lineage lineage(git);
  lineage.commit({{"a", "2"}}, "second");
  CHECK(Lineage(git).versions().size() == 2);
  CHECK_FALSE(fs::exists(folder.file("planted")));
}

TEST_CASE("a repository that is none is an error of its own") {
  const test::TemporaryFolder folder;
  folder.write("lineage.git", "a file");
  CHECK_THROWS(Lineage(folder.file("lineage.git")));
}

TEST_CASE("a journal keeps whole lines and cuts off a torn one") {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("journal.jsonl");
  {
    Journal journal(path);
    journal.add("{\"a\":1}", true);
    journal.add("{\"a\":2}", false);
    CHECK_THROWS_WITH_AS(Journal{path}, ("another perfmodel works on '" + path + "'").c_str(), RuntimeError);
  }
  folder.write("journal.jsonl", folder.read("journal.jsonl") + "{\"a\":");
  CHECK(Journal::read(path).size() == 2);
  Journal journal(path);
  CHECK(journal.lines() == std::vector<std::string>{"{\"a\":1}", "{\"a\":2}"});
  journal.add("{\"a\":3}", true);
  CHECK(folder.read("journal.jsonl") == "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
}

}  // namespace
}  // namespace perfmodel
