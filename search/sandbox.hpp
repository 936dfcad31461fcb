// A program that nobody vouches for, in a box: bubblewrap around it, limits on it, and one folder that it may write to,
// in memory and of limited size. It sees the system's programs and what it is given, nothing of the network unless
// asked, and no process of ours; it ends when we end. What it leaves in its folder is taken over by name, as bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "support/process.hpp"
#include "support/units.hpp"

namespace perfmodel {

struct SandboxLimits {
  Seconds time{600};
  Bytes memory{4.0 * (1U << 30U)};   // of all its processes together, and of each one's address space
  Bytes disk{256.0 * (1U << 20U)};   // of its folder and of /tmp, each
  Bytes output{16.0 * (1U << 20U)};  // of each output
  int processes = 256;
};

// Something of ours that it may read.
struct SandboxMount {
  std::string host;
  std::string inside;
};

struct SandboxOptions {
  SandboxLimits limits;
  bool network = false;
  bool unsafe = false;  // without bubblewrap: limits and the taking over of files alone
  std::vector<SandboxMount> readable;
  std::vector<std::string> devices;      // device files and folders of them, "/dev/nvidia0"
  std::vector<std::string> environment;  // "NAME=value"; nothing else is handed on
};

struct WorkFile {
  std::string name;  // relative, "program.yaml"; with a slash at its end an empty folder
  std::string bytes;
};

// A file that may be taken over, and how large it may be.
struct AllowedFile {
  std::string name;
  std::size_t limit = std::size_t{1} << 20U;  // bytes
};

struct TakenFiles {
  std::vector<WorkFile> files;       // in the order of the allow-list, those that are there
  std::vector<std::string> refused;  // "program.yaml: a symbolic link"
  std::vector<std::string> ignored;  // names beside the allow-list, the first few
};

struct SandboxResult {
  ProcessResult process;
  TakenFiles taken;
};

// Why bubblewrap cannot be used here; "" where it can.
std::string sandbox_unavailable();

// Runs the command in a folder that holds `given`, and takes over what `allowed` names of what is there at the end.
// With `unsafe` the folder is a temporary one and named by the environment variable WORK as well.
SandboxResult run_in_sandbox(const std::vector<std::string>& command, const std::vector<WorkFile>& given,
                             const std::vector<AllowedFile>& allowed, const SandboxOptions& options);

// The regular files below the open folder that the list names: no links, devices, pipes or mounts on the way, no
// second name of a file elsewhere, none larger than its limit. Read once.
TakenFiles take_files(int folder, const std::vector<AllowedFile>& allowed);

// Where the folder is for the program inside; it would hide what is to be readable there.
inline constexpr std::string_view sandbox_folder = "/candidate";

}  // namespace perfmodel
