#include "support/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <sstream>
#include <utility>

#include "support/diagnostic.hpp"
#include "support/format.hpp"

namespace perfmodel {

namespace {

using Clock = std::chrono::steady_clock;

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }

  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

struct Pipe {
  Descriptor read, write;

  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw RuntimeError(fmt::format("no pipe: {}", std::strerror(errno)));
    read = Descriptor(ends[0]);
    write = Descriptor(ends[1]);
  }
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

// Says through the pipe why the program was not started, and ends the child.
[[noreturn]] void give_up(int told, const char* what, bool with_errno) {
  const char* why = with_errno ? std::strerror(errno) : "";
  std::array<char, 512> text{};
  std::size_t length = 0;
  for (const char* part : {what, with_errno ? ": " : "", why}) {
    for (; *part != '\0' && length + 1 < text.size(); ++part) text[length++] = *part;
  }
  [[maybe_unused]] const auto written = ::write(told, text.data(), length);
  ::_exit(127);
}

class Child {
 public:
  Child(const std::vector<std::string>& arguments, const ProcessOptions& options) : options_(options) {
    std::vector<char*> argv = pointers(arguments);
    std::vector<char*> env = options.environment ? pointers(*options.environment) : std::vector<char*>();
    pid_ = ::fork();
    if (pid_ < 0) throw RuntimeError(fmt::format("no process for '{}': {}", arguments[0], std::strerror(errno)));
    if (pid_ == 0) become(argv, options.environment ? env.data() : environ);
    for (Descriptor* end : {&in_.read, &out_.write, &err_.write, &told_.write}) end->close();
    for (const Descriptor* end : {&in_.write, &out_.read, &err_.read}) ::fcntl(end->get(), F_SETFL, O_NONBLOCK);
  }

  ProcessResult finish() {
    ProcessResult result;
    const Clock::time_point start = Clock::now();
    try {
      if (options_.meanwhile) options_.meanwhile();
    } catch (...) {
      kill_all();
      throw;
    }
    std::array<char, 512> refusal{};
    const ssize_t length = ::read(told_.read.get(), refusal.data(), refusal.size());
    if (length > 0) {
      result.reason.assign(refusal.data(), static_cast<std::size_t>(length));
      kill_all();
      return result;
    }
    const bool on_its_own = serve(result, start);
    if (!on_its_own) kill_all();
    const int status = wait();
    if (on_its_own) {
      ::kill(-pid_, SIGKILL);  // what it left behind in its session
      drain(result);
      result.end = WIFEXITED(status) ? ProcessEnd::exited : ProcessEnd::signalled;
      result.code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
    }
    result.wall = Seconds(std::chrono::duration<double>(Clock::now() - start).count());
    return result;
  }

 private:
  [[noreturn]] void become(std::vector<char*>& argv, char** env) {
    ::setsid();
    ::dup2(in_.read.get(), STDIN_FILENO);
    ::dup2(out_.write.get(), STDOUT_FILENO);
    ::dup2(err_.write.get(), STDERR_FILENO);
    ::signal(SIGPIPE, SIG_DFL);
    if (!options_.folder.empty() && ::chdir(options_.folder.c_str()) != 0) {
      give_up(told_.write.get(), options_.folder.c_str(), true);
    }
    if (options_.prepare) {
      if (const char* refused = options_.prepare()) give_up(told_.write.get(), refused, false);
    }
    ::execvpe(argv[0], argv.data(), env);
    give_up(told_.write.get(), argv[0], true);
  }

  // Until the program has ended by itself (true) or has to be ended.
  bool serve(ProcessResult& result, Clock::time_point start) {
    while (true) {
      feed();
      take(out_.read, result.out);
      take(err_.read, result.err);
      if (std::max(result.out.size(), result.err.size()) > options_.output_limit) {
        result.end = ProcessEnd::flooded;
        result.out.resize(std::min(result.out.size(), options_.output_limit));
        result.err.resize(std::min(result.err.size(), options_.output_limit));
        return false;
      }
      if (ended()) return true;
      const double passed = std::chrono::duration<double>(Clock::now() - start).count();
      if (options_.time_limit.si() > 0 && passed > options_.time_limit.si()) {
        result.end = ProcessEnd::timed_out;
        result.reason = format_time(options_.time_limit);
        return false;
      }
      if (options_.watch && passed >= next_watch_) {
        next_watch_ = passed + 0.05;
        if (std::string reason = options_.watch(pid_); !reason.empty()) {
          result.end = ProcessEnd::stopped;
          result.reason = std::move(reason);
          return false;
        }
      }
      sleep();
    }
  }

  void sleep() const {
    std::array<pollfd, 3> waiting{
        {{out_.read.get(), POLLIN, 0},
         {err_.read.get(), POLLIN, 0},
         {in_.write.get(), static_cast<short>(fed_ < options_.input.size() ? POLLOUT : 0), 0}}};
    ::poll(waiting.data(), waiting.size(), out_.read.open() || err_.read.open() ? 20 : 5);
  }

  void feed() {
    while (in_.write.open() && fed_ < options_.input.size()) {
      const ssize_t count = ::write(in_.write.get(), options_.input.data() + fed_, options_.input.size() - fed_);
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) break;
      fed_ += static_cast<std::size_t>(count);
    }
    in_.write.close();
  }

  void take(Descriptor& from, std::string& into) const {
    std::array<char, 65536> buffer{};
    while (from.open() && into.size() <= options_.output_limit) {
      const ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (count <= 0) return from.close();
      into.append(buffer.data(), static_cast<std::size_t>(count));
    }
  }

  void drain(ProcessResult& result) {
    take(out_.read, result.out);
    take(err_.read, result.err);
    result.out.resize(std::min(result.out.size(), options_.output_limit));
    result.err.resize(std::min(result.err.size(), options_.output_limit));
  }

  [[nodiscard]] bool ended() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
  }

  void kill_all() {
    // Its descendants too, while they can still be told from others.
    const ProcessTree tree = process_tree(pid_);
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);
    for (const pid_t member : tree.members) ::kill(member, SIGKILL);
    if (!reaped_) wait();
  }

  int wait() {
    if (!reaped_) {
      while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) continue;
      reaped_ = true;
    }
    return status_;
  }

  const ProcessOptions& options_;
  Pipe in_, out_, err_, told_;
  pid_t pid_ = -1;
  std::size_t fed_ = 0;
  double next_watch_ = 0;
  bool reaped_ = false;
  int status_ = 0;
};

// What a file of /proc holds; less or nothing where its process ends meanwhile, which a stream would throw on.
std::string proc_text(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 4096> buffer{};
  while (file.open()) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return text;
}

// The parent of a process, and its resident pages; -1 where it is gone.
pid_t parent_of(pid_t process, double& resident) {
  const std::string text = proc_text(fmt::format("/proc/{}/stat", process));
  const std::size_t after_name = text.rfind(')');
  if (after_name == std::string::npos || after_name + 3 >= text.size()) return -1;
  std::vector<long long> fields;
  const char* at = text.c_str() + after_name + 3;  // after ") S"
  for (char* next = nullptr; fields.size() < 21; at = next) {
    fields.push_back(std::strtoll(at, &next, 10));
    if (next == at) return -1;
  }
  resident = static_cast<double>(fields[20]) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  return static_cast<pid_t>(fields[0]);
}

std::vector<pid_t> children_of(pid_t process) {
  std::vector<pid_t> children;
  std::istringstream file(proc_text(fmt::format("/proc/{0}/task/{0}/children", process)));
  for (pid_t child = 0; file >> child;) children.push_back(child);
  return children;
}

}  // namespace

std::string ProcessResult::how() const {
  switch (end) {
    case ProcessEnd::exited: return fmt::format("exited with {}", code);
    case ProcessEnd::signalled: return fmt::format("was ended by signal {} ({})", code, ::strsignal(code));
    case ProcessEnd::timed_out: return fmt::format("ran into its limit of {}", reason);
    case ProcessEnd::flooded: return "printed more than it may";
    case ProcessEnd::stopped: return fmt::format("was ended: {}", reason);
    case ProcessEnd::not_started: return fmt::format("could not be started: {}", reason);
  }
  return {};
}

ProcessResult run_process(const std::vector<std::string>& arguments, const ProcessOptions& options) {
  if (arguments.empty()) throw RuntimeError("no program to run");
  // A program that does not read its input must not end ours.
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &before);
  try {
    Child child(arguments, options);
    ProcessResult result = child.finish();
    ::sigaction(SIGPIPE, &before, nullptr);
    return result;
  } catch (...) {
    ::sigaction(SIGPIPE, &before, nullptr);
    throw;
  }
}

ProcessTree process_tree(pid_t root) {
  ProcessTree tree;
  std::vector<pid_t> open = children_of(root);
  while (!open.empty() && tree.members.size() < 65536) {
    const pid_t at = open.back();
    open.pop_back();
    double resident = 0;
    if (parent_of(at, resident) < 0) continue;
    tree.members.push_back(at);
    tree.resident += resident;
    const std::vector<pid_t> more = children_of(at);
    open.insert(open.end(), more.begin(), more.end());
  }
  return tree;
}

}  // namespace perfmodel
