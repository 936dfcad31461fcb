#include "search/sandbox.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "support/diagnostic.hpp"
#include "support/format.hpp"

namespace perfmodel {

namespace fs = std::filesystem;

namespace {

// The user that the box runs as when we are root, so that the limit on processes counts for it: one that nobody is, and
// another one for each of our runs, since the limit counts all processes of a user.
constexpr uid_t first_user = 61184;
constexpr uid_t users = 4096;

// What an earlier run left behind counts until whoever adopted it has reaped it.
uid_t next_user() {
  static std::atomic<uid_t> runs{0};
  return first_user + (static_cast<uid_t>(::getpid()) + 61 * runs++) % users;
}

std::string find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::string rest = path == nullptr ? "/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    const fs::path program = fs::path(rest.substr(0, colon)) / name;
    if (colon > 0 && ::access(program.c_str(), X_OK) == 0) return program.string();
    rest.erase(0, std::min(colon + 1, rest.size()));
  }
  return {};
}

// A descriptor over a socket, and back a byte that says go.
bool send_descriptor(int socket, int descriptor) {
  char byte = 'w';
  iovec data{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) == 1;
}

int receive_descriptor(int socket) {
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1) return -1;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return -1;
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
  return descriptor;
}

bool write_text(const char* path, const std::string& text) {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(file);
  return written;
}

// A descriptor that is closed, a folder that is removed.
struct Resources {
  int folder = -1;
  std::array<int, 2> sockets{-1, -1};
  std::string stage;

  Resources() = default;
  Resources(const Resources&) = delete;
  Resources& operator=(const Resources&) = delete;
  ~Resources() {
    for (const int descriptor : {folder, sockets[0], sockets[1]}) {
      if (descriptor >= 0) ::close(descriptor);
    }
    std::error_code ignored;
    if (!stage.empty()) fs::remove_all(stage, ignored);
  }
};

std::string temporary_folder() {
  std::string path = (fs::temp_directory_path() / "perfmodel-box-XXXXXX").string();
  if (::mkdtemp(path.data()) == nullptr)
    throw RuntimeError(fmt::format("no folder '{}': {}", path, std::strerror(errno)));
  return path;
}

// The child's half of the box: mounts of its own, then another user, then limits. Everything it needs is made before
// the fork.
class Stage {
 public:
  Stage(const SandboxOptions& options, const Resources& resources)
      : options_(options), path_(resources.stage), socket_(resources.sockets[1]), ours_(resources.sockets[0]) {
    work_ = path_ + "/work";
    readable_ = path_ + "/readable";
    size_ = fmt::format("mode=0700,nr_inodes=65536,size={:.0f}", options.limits.disk.si());
    for (std::size_t i = 0; i < options.readable.size(); ++i) {
      mounts_.push_back(
          {options.readable[i].host, fmt::format("{}/{}", readable_, i), fs::is_directory(options.readable[i].host)});
    }
    user_ = ::geteuid() == 0 ? next_user() : ::geteuid();
    group_ = ::geteuid() == 0 ? user_ : ::getegid();
    parent_ = ::getpid();
    own_map_ = fmt::format("{0} {0} 1", ::geteuid());
    own_group_map_ = fmt::format("{0} {0} 1", ::getegid());
  }

  // Where bubblewrap finds readable mount i.
  [[nodiscard]] const std::string& source(std::size_t i) const { return mounts_[i].target; }
  [[nodiscard]] const std::string& work() const { return work_; }
  [[nodiscard]] uid_t user() const { return user_; }
  [[nodiscard]] gid_t group() const { return group_; }

  const char* enter() {
    ::close(ours_);
    bool drops = ::geteuid() == 0 && ::unshare(CLONE_NEWNS) == 0;
    if (!drops) {
      user_ = ::geteuid();
      group_ = ::getegid();
      if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return "no user namespace";
      write_text("/proc/self/setgroups", "deny");
      if (!write_text("/proc/self/uid_map", own_map_) || !write_text("/proc/self/gid_map", own_group_map_)) {
        return "no map of users";
      }
    }
    if (const char* refused = mount_all()) return refused;
    if (const char* refused = hand_over()) return refused;
    if (drops && (::setgroups(0, nullptr) != 0 || ::setresgid(group_, group_, group_) != 0 ||
                  ::setresuid(user_, user_, user_) != 0)) {
      return "no other user";
    }
    ::prctl(PR_SET_DUMPABLE, 1);  // or it could not map its users
    return limit_process(options_, parent_);
  }

  static const char* limit_process(const SandboxOptions& options, pid_t parent) {
    const SandboxLimits& limits = options.limits;
    const auto set = [](__rlimit_resource what, double value) {
      const rlimit limit{static_cast<rlim_t>(value), static_cast<rlim_t>(value)};
      return ::setrlimit(what, &limit) == 0;
    };
    // Drivers of devices map far more than they use.
    const bool space = !options.devices.empty() || set(RLIMIT_AS, limits.memory.si());
    if (!space || !set(RLIMIT_FSIZE, limits.disk.si()) || !set(RLIMIT_CORE, 0) ||
        (!options.unsafe && !set(RLIMIT_NPROC, limits.processes))) {
      return "no limits";
    }
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    return ::getppid() == parent ? nullptr : "its parent has ended";
  }

 private:
  struct Mount {
    std::string host;
    std::string target;
    bool folder = false;
  };

  const char* mount_all() const {
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return "no mounts of its own";
    const unsigned long safe = MS_NOSUID | MS_NODEV;
    if (::mount("tmpfs", path_.c_str(), "tmpfs", safe, "mode=0755,size=1m") != 0 || ::mkdir(work_.c_str(), 0700) != 0 ||
        ::mkdir(readable_.c_str(), 0755) != 0 || ::mount("tmpfs", work_.c_str(), "tmpfs", safe, size_.c_str()) != 0) {
      return "no file system in memory";
    }
    if (::chown(work_.c_str(), user_, group_) != 0) return "no folder of its own";
    for (const Mount& mount : mounts_) {
      if (mount.folder) {
        ::mkdir(mount.target.c_str(), 0755);
      } else {
        ::close(::open(mount.target.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
      }
      if (::mount(mount.host.c_str(), mount.target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
        return mount.host.c_str();
      }
    }
    return nullptr;
  }

  const char* hand_over() const {
    const int folder = ::open(work_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char go = 0;
    if (folder < 0 || !send_descriptor(socket_, folder) || ::read(socket_, &go, 1) != 1) return "its parent has ended";
    ::close(folder);
    return nullptr;
  }

  const SandboxOptions& options_;
  std::string path_;
  int socket_;
  int ours_;
  std::string work_;
  std::string readable_;
  std::string size_;
  std::vector<Mount> mounts_;
  uid_t user_ = 0;
  gid_t group_ = 0;
  pid_t parent_ = 0;
  std::string own_map_;
  std::string own_group_map_;
};

// The system's programs and libraries.
void add_system(std::vector<std::string>& arguments) {
  for (const char* folder : {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"}) {
    std::error_code code;
    if (fs::is_symlink(folder, code)) {
      arguments.insert(arguments.end(), {"--symlink", fs::read_symlink(folder, code).string(), folder});
    } else if (fs::is_directory(folder, code)) {
      arguments.insert(arguments.end(), {"--ro-bind", folder, folder});
    }
  }
  for (const char* file : {"/etc/ld.so.cache", "/etc/alternatives"}) {
    arguments.insert(arguments.end(), {"--ro-bind-try", file, file});
  }
}

void add_network(std::vector<std::string>& arguments, bool network) {
  if (!network) {
    arguments.emplace_back("--unshare-net");
    return;
  }
  for (const char* file :
       {"/etc/resolv.conf", "/etc/ssl", "/etc/ca-certificates", "/etc/hosts", "/etc/nsswitch.conf"}) {
    arguments.insert(arguments.end(), {"--ro-bind-try", file, file});
  }
}

std::vector<std::string> bubblewrap_command(const std::string& bubblewrap, const std::vector<std::string>& command,
                                            const Stage& stage, const SandboxOptions& options) {
  std::vector<std::string> arguments{
      bubblewrap,          "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
      "--die-with-parent", "--new-session",  "--cap-drop",    "ALL",           "--hostname",    "box",
      "--clearenv"};
  add_system(arguments);
  add_network(arguments, options.network);
  const std::string size = fmt::format("{:.0f}", options.limits.disk.si());
  arguments.insert(arguments.end(), {"--proc", "/proc", "--dev", "/dev"});
  for (const char* folder : {"/tmp", "/dev/shm"}) {
    arguments.insert(arguments.end(), {"--size", size, "--tmpfs", folder});
  }
  for (const std::string& device : options.devices) arguments.insert(arguments.end(), {"--dev-bind", device, device});
  for (std::size_t i = 0; i < options.readable.size(); ++i) {
    arguments.insert(arguments.end(), {"--ro-bind", stage.source(i), options.readable[i].inside});
  }
  const std::string folder(sandbox_folder);
  arguments.insert(arguments.end(), {"--bind", stage.work(), folder, "--chdir", folder});
  // The rest is memory too, and without a limit.
  arguments.insert(arguments.end(), {"--remount-ro", "/", "--remount-ro", "/dev"});
  for (const std::string& variable : options.environment) {
    const std::size_t equals = variable.find('=');
    arguments.insert(arguments.end(), {"--setenv", variable.substr(0, equals), variable.substr(equals + 1)});
  }
  arguments.insert(arguments.end(), {"--setenv", "WORK", folder, "--"});
  arguments.insert(arguments.end(), command.begin(), command.end());
  return arguments;
}

void put_files(int folder, const std::vector<WorkFile>& files, uid_t user, gid_t group) {
  for (const WorkFile& file : files) {
    if (file.name.ends_with('/')) {
      const std::string name = file.name.substr(0, file.name.size() - 1);
      const bool made =
          ::mkdirat(folder, name.c_str(), 0700) == 0 && ::fchownat(folder, name.c_str(), user, group, 0) == 0;
      if (!made) throw RuntimeError(fmt::format("cannot make '{}' for the program: {}", name, std::strerror(errno)));
      continue;
    }
    const int descriptor =
        ::openat(folder, file.name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
    const bool written = descriptor >= 0 && ::write(descriptor, file.bytes.data(), file.bytes.size()) ==
                                                static_cast<ssize_t>(file.bytes.size());
    const int error = errno;
    if (descriptor >= 0) {
      [[maybe_unused]] const int owned = ::fchown(descriptor, user, group);
      ::close(descriptor);
    }
    if (!written)
      throw RuntimeError(fmt::format("cannot write '{}' for the program: {}", file.name, std::strerror(error)));
  }
}

std::string over_memory(pid_t process, Bytes limit) {
  const ProcessTree tree = process_tree(process);
  if (tree.resident <= limit.si()) return {};
  return fmt::format("its processes hold {} of memory, {} are the most", format_bytes(Bytes(tree.resident)),
                     format_bytes(limit));
}

ProcessOptions common(const SandboxOptions& options) {
  ProcessOptions process;
  process.time_limit = options.limits.time;
  process.output_limit = static_cast<std::size_t>(options.limits.output.si());
  process.watch = [limit = options.limits.memory](pid_t child) { return over_memory(child, limit); };
  return process;
}

SandboxResult run_boxed(const std::string& bubblewrap, const std::vector<std::string>& command,
                        const std::vector<WorkFile>& given, const std::vector<AllowedFile>& allowed,
                        const SandboxOptions& options) {
  Resources resources;
  resources.stage = temporary_folder();
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, resources.sockets.data()) != 0) {
    throw RuntimeError(fmt::format("no socket: {}", std::strerror(errno)));
  }
  Stage stage(options, resources);
  ProcessOptions process = common(options);
  process.environment = std::vector<std::string>{"PATH=/usr/bin:/bin"};
  process.prepare = [&stage] { return stage.enter(); };
  process.meanwhile = [&] {
    ::close(std::exchange(resources.sockets[1], -1));
    resources.folder = receive_descriptor(resources.sockets[0]);
    if (resources.folder < 0) return;  // the child says why
    put_files(resources.folder, given, stage.user(), stage.group());
    [[maybe_unused]] const auto written = ::write(resources.sockets[0], "g", 1);
  };
  SandboxResult result;
  result.process = run_process(bubblewrap_command(bubblewrap, command, stage, options), process);
  if (resources.folder >= 0) result.taken = take_files(resources.folder, allowed);
  return result;
}

// While it lives, orphans among our descendants become our children; at its end those that came are killed and reaped,
// or they would count against the limit of processes of later runs.
class Orphans {
 public:
  Orphans() : before_(process_tree(::getpid()).members) { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }
  Orphans(const Orphans&) = delete;
  Orphans& operator=(const Orphans&) = delete;
  ~Orphans() {
    constexpr int most_rounds = 1000;  // of a millisecond: killing one may bring its children to us
    for (int round = 0; round < most_rounds && end_those_there(); ++round) ::usleep(1000);
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  }

 private:
  bool end_those_there() const {
    bool any = false;
    for (const pid_t member : process_tree(::getpid()).members) {
      if (std::ranges::find(before_, member) != before_.end()) continue;
      any = true;
      ::kill(member, SIGKILL);
      ::waitpid(member, nullptr, WNOHANG);
    }
    return any;
  }

  std::vector<pid_t> before_;
};

// Without a box: a session with limits, and what outlives it is found as our child, since orphans come to us.
SandboxResult run_bare(const std::vector<std::string>& command, const std::vector<WorkFile>& given,
                       const std::vector<AllowedFile>& allowed, const SandboxOptions& options) {
  Resources resources;
  resources.stage = temporary_folder();
  resources.folder = ::open(resources.stage.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  put_files(resources.folder, given, ::geteuid(), ::getegid());
  ProcessOptions process = common(options);
  process.folder = resources.stage;
  process.environment = options.environment;
  process.environment->push_back("WORK=" + resources.stage);
  process.prepare = [&options, parent = ::getpid()] { return Stage::limit_process(options, parent); };
  SandboxResult result;
  {
    const Orphans orphans;
    result.process = run_process(command, process);
  }
  result.taken = take_files(resources.folder, allowed);
  return result;
}

}  // namespace

std::string sandbox_unavailable() {
  const std::string bubblewrap = find_program("bwrap");
  if (bubblewrap.empty()) return "bubblewrap (bwrap) is not installed";
  ProcessOptions options;
  options.time_limit = Seconds(10);
  const ProcessResult tried = run_process(
      {bubblewrap, "--unshare-user", "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "/usr/bin/true"},
      options);
  if (tried.ok()) return {};
  return fmt::format("bubblewrap does not run here: {}",
                     tried.err.empty() ? tried.how() : tried.err.substr(0, tried.err.find('\n')));
}

SandboxResult run_in_sandbox(const std::vector<std::string>& command, const std::vector<WorkFile>& given,
                             const std::vector<AllowedFile>& allowed, const SandboxOptions& options) {
  if (options.unsafe) return run_bare(command, given, allowed, options);
  return run_boxed(find_program("bwrap"), command, given, allowed, options);
}

}  // namespace perfmodel
