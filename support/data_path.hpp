// Where the shipped data (machines, workloads, measurements) lies. The first of these that exists is the root:
// the environment variable PERFMODEL_DATA (used alone when set), share/perfmodel beside the executable's bin/, the
// source tree the program was built from.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace perfmodel {

// The root directory, found once. Throws RuntimeError naming the places tried when there is none.
const std::string& data_root();

// A file or folder under the root, "arch/h100-sxm.yaml"; it need not exist.
std::string data_path(std::string_view relative);

// The file that a user's name means: the file of that name, then with `extension` (".yaml") added; for a name
// without directory then the same two in the root's `folder` ("workloads"). "-" is itself. Nothing if there is none.
std::optional<std::string> find_data_file(std::string_view name, std::string_view folder, std::string_view extension);

// Names, without extension and sorted, of the files with that extension directly in a folder under the root;
// empty if the folder does not exist.
std::vector<std::string> list_data_files(std::string_view folder, std::string_view extension);

// "0.1.0".
std::string_view perfmodel_version();

}  // namespace perfmodel
