// Any bytes at all get an answer a line, each well-formed JSON, the same at any number of threads.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "arch/load.hpp"
#include "search/oracle_stream.hpp"
#include "workloads/library.hpp"

namespace {

using namespace perfmodel;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string answered(std::string_view input, unsigned threads) {
  static Oracle oracle(load_machine("h100-sxm"), load_library(), {.cache_bytes = 1 << 20, .most_programs = 8});
  std::string output;
  const ReadSome read = [&](std::span<char> buffer) {
    const std::size_t size = std::min(buffer.size(), input.size());
    std::copy_n(input.data(), size, buffer.data());
    input.remove_prefix(size);
    return size;
  };
  answer_lines(oracle, read, [&](std::string_view text) { output += text; }, {.threads = threads});
  return output;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string output = answered(input, 1);
  const auto lines = std::ranges::count(input, '\n') + (input.empty() || input.ends_with('\n') ? 0 : 1);
  require(std::ranges::count(output, '\n') == lines);
  for (std::size_t at = 0; at < output.size();) {
    const std::size_t end = output.find('\n', at);
    const auto answer = nlohmann::json::parse(output.substr(at, end - at), nullptr, /*allow_exceptions=*/false);
    require(answer.is_object() && answer.contains("schema_version") && answer.contains("id"));
    at = end + 1;
  }
  require(answered(input, 2) == output);
  return 0;
}
