#include "cli/context.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace perfmodel {
namespace {

std::string_view environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

}  // namespace

bool Context::colour_on(int descriptor) const {
  switch (colour) {
    case ColourMode::always: return true;
    case ColourMode::never: return false;
    case ColourMode::automatic: break;
  }
  const bool refused = !environment("NO_COLOR").empty() || environment("TERM") == "dumb";
  return !refused && ::isatty(descriptor) == 1;
}

}  // namespace perfmodel
