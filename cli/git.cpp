#include "cli/git.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "support/diagnostic.hpp"

namespace perfmodel {

namespace {

constexpr std::size_t most_output = std::size_t{4} << 20U;

[[noreturn]] void become_git(const std::vector<std::string>& command, int output) {
  ::dup2(output, STDOUT_FILENO);
  const int nothing = ::open("/dev/null", O_RDWR);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(nothing, STDERR_FILENO);
  std::vector<char*> arguments;
  for (const std::string& each : command) arguments.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);
  std::array<const char*, 7> environment{"PATH=/usr/local/bin:/usr/bin:/bin",
                                         "HOME=/nonexistent",
                                         "GIT_CONFIG_NOSYSTEM=1",
                                         "GIT_CONFIG_GLOBAL=/dev/null",
                                         "GIT_OPTIONAL_LOCKS=0",
                                         "LC_ALL=C.UTF-8",
                                         nullptr};
  ::execvpe("git", arguments.data(), const_cast<char* const*>(environment.data()));
  ::_exit(127);
}

std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 1 << 16> buffer{};
  while (text.size() <= most_output) {
    const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace

std::string read_git(const std::string& repository, const std::vector<std::string>& arguments) {
  std::vector<std::string> command{"git",       "--no-pager",
                                   "-c",        "core.fsmonitor=false",
                                   "-c",        "core.hooksPath=/dev/null",
                                   "-c",        "safe.directory=*",
                                   "--git-dir", repository};
  command.insert(command.end(), arguments.begin(), arguments.end());
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw RuntimeError(fmt::format("no pipe: {}", std::strerror(errno)));
  const pid_t child = ::fork();
  if (child == 0) become_git(command, ends[1]);
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    throw RuntimeError(fmt::format("git cannot be started: {}", std::strerror(errno)));
  }
  std::string text = read_all(ends[0]);
  ::close(ends[0]);
  if (text.size() > most_output) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (text.size() > most_output) throw RuntimeError("git prints more than 4 MiB");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) throw RuntimeError("git is not installed");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw RuntimeError(fmt::format("git cannot read '{}'", repository));
  return text;
}

}  // namespace perfmodel
