// For tests of error texts: what an action refuses, word for word.
#pragma once

#include <functional>
#include <string>

#include "support/diagnostic.hpp"

namespace perfmodel::test {

// The InputError's full text; "" if the action went through.
inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}

}  // namespace perfmodel::test
