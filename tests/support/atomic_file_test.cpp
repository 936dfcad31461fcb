#include "support/atomic_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "support/diagnostic.hpp"
#include "tests/input_error.hpp"
#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

TEST_CASE("a file appears on commit only") {
  const test::TemporaryFolder folder;
  {
    AtomicFile file(folder.file("out.csv"));
    CHECK(folder.file_count() == 0);
    file.commit("hello\n");
    CHECK(folder.read("out.csv") == "hello\n");
  }
  CHECK(folder.file_count() == 1);
}

TEST_CASE("without commit the former file stays and nothing is left behind") {
  const test::TemporaryFolder folder;
  folder.write("out.csv", "former");
  { const AtomicFile file(folder.file("out.csv")); }
  CHECK(folder.read("out.csv") == "former");
  CHECK(folder.file_count() == 1);
}

TEST_CASE("mode and links are kept") {
  const test::TemporaryFolder folder;
  folder.write("real.csv", "former");
  ::chmod(folder.file("real.csv").c_str(), 0600);
  std::filesystem::create_symlink("real.csv", folder.file("link.csv"));
  write_file_atomically(folder.file("link.csv"), "new");
  CHECK(folder.read("real.csv") == "new");
  CHECK(std::filesystem::is_symlink(folder.file("link.csv")));
  CHECK((std::filesystem::status(folder.file("real.csv")).permissions() & std::filesystem::perms::all) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("bad paths are found before the work") {
  const test::TemporaryFolder folder;
  CHECK(test::error_of([&] { AtomicFile file(folder.file("none/out.csv")); }) ==
        folder.file("none/out.csv") + ": error: cannot be written: No such file or directory\n");
  CHECK(test::error_of([&] { AtomicFile file(folder.path()); }) ==
        folder.path() + ": error: cannot be written: it is a directory\n");
  CHECK(test::error_of([] { AtomicFile file(""); }) == "error: the name of the output file is empty\n");
}

TEST_CASE("devices are written in place") {
  CHECK_NOTHROW(write_file_atomically("/dev/null", "x"));
  CHECK_THROWS_AS(write_file_atomically("/dev/full", "x"), RuntimeError);
}

}  // namespace
}  // namespace perfmodel
