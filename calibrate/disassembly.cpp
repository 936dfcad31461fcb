#include "calibrate/disassembly.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include "support/data_path.hpp"
#include "support/diagnostic.hpp"

namespace perfmodel {
namespace fs = std::filesystem;
namespace {

std::vector<fs::path> folders_to_search() {
  std::vector<fs::path> folders;
  const char* path = std::getenv("PATH");
  for (std::string rest = path == nullptr ? "" : path; !rest.empty();) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    if (colon > 0) folders.emplace_back(rest.substr(0, colon));
    rest.erase(0, colon + 1);
  }
  for (const char* variable : {"CUDA_HOME", "CUDA_PATH"}) {
    if (const char* root = std::getenv(variable)) folders.push_back(fs::path(root) / "bin");
  }
  folders.emplace_back("/usr/local/cuda/bin");
  std::error_code code;
  for (const auto& python : fs::directory_iterator(data_path(".venv/lib"), code)) {
    folders.push_back(python.path() / "site-packages/nvidia/cu13/bin");
  }
  return folders;
}

// Inside single quotes of a shell.
std::string in_quotes(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

std::optional<std::string> find_disassembler() {
  for (const fs::path& folder : folders_to_search()) {
    const fs::path program = folder / "cuobjdump";
    if (::access(program.c_str(), X_OK) == 0) return program.string();
  }
  return std::nullopt;
}

std::string disassembly_of(const std::string& file, const std::string& disassembler) {
  // It calls nvdisasm, which lies beside it.
  const std::string command =
      fmt::format("PATH={}:\"$PATH\" {} -sass {} 2>&1", in_quotes(fs::path(disassembler).parent_path().string()),
                  in_quotes(disassembler), in_quotes(file));
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  if (!pipe) throw RuntimeError(fmt::format("{} cannot be run", disassembler));
  std::string text;
  std::array<char, 65536> buffer{};
  for (std::size_t got = 1; got > 0; text.append(buffer.data(), got)) {
    got = std::fread(buffer.data(), 1, buffer.size(), pipe.get());
  }
  if (text.find("Function : ") == std::string::npos) {
    throw RuntimeError(fmt::format("{} found no kernels in {}: {}", disassembler, file, text.substr(0, 200)));
  }
  return text;
}

}  // namespace perfmodel
