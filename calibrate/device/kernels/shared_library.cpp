#include "calibrate/device/kernels/shared_library.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <vector>

#include "calibrate/device/cuda.hpp"

namespace perfmodel {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> paths_of(const char* variable) {
  std::vector<std::string> paths;
  const char* const value = std::getenv(variable);
  std::stringstream stream(value == nullptr ? "" : value);
  for (std::string path; std::getline(stream, path, ':');) {
    if (!path.empty()) paths.push_back(path);
  }
  return paths;
}

// Folders in `folder` whose name starts with `prefix`; none where there is no such folder.
std::vector<fs::path> folders_in(const fs::path& folder, std::string_view prefix = "") {
  std::vector<fs::path> folders;
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, code)) {
    if (entry.is_directory(code) && entry.path().filename().string().starts_with(prefix)) {
      folders.push_back(entry.path());
    }
  }
  return folders;
}

// .../bin has a python3, .../lib/python3.12/site-packages/nvidia/cudnn/lib has the libraries of a package.
std::vector<fs::path> python_folders() {
  std::vector<fs::path> folders;
  std::error_code code;
  for (const fs::path bin : paths_of("PATH")) {
    if (!fs::exists(bin / "python3", code)) continue;
    for (const fs::path& python : folders_in(bin.parent_path() / "lib", "python3")) {
      for (const char* const packages : {"site-packages", "dist-packages"}) {
        for (const fs::path& package : folders_in(python / packages / "nvidia")) folders.push_back(package / "lib");
      }
    }
  }
  return folders;
}

void* open_in(const fs::path& folder, const std::string& name) {
  const fs::path path = folder / name;
  std::error_code code;
  return fs::exists(path, code) ? ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) : nullptr;
}

void* open_anywhere(const std::string& name) {
  for (const fs::path folder : paths_of("PERFMODEL_CUDA_LIBRARIES")) {
    if (void* const handle = open_in(folder, name)) return handle;
  }
  if (void* const handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) return handle;
  std::vector<fs::path> folders = python_folders();
  for (const char* const folder : {"/usr/local/cuda/lib64", "/usr/local/cuda/lib"}) folders.emplace_back(folder);
  for (const fs::path& folder : folders) {
    if (void* const handle = open_in(folder, name)) return handle;
  }
  return nullptr;
}

}  // namespace

SharedLibrary::SharedLibrary(std::string name) : name_(std::move(name)), handle_(open_anywhere(name_)) {
  if (handle_ != nullptr) return;
  const char* const reason = ::dlerror();
  throw DeviceError("dlopen: " + name_ +
                    " is not where the loader looks, nor among the packages of a python3 on the PATH, nor in "
                    "/usr/local/cuda (" +
                    (reason == nullptr ? "no reason given" : reason) +
                    "); install it, or name its folder in PERFMODEL_CUDA_LIBRARIES");
}

bool SharedLibrary::preload(const std::string& name) { return open_anywhere(name) != nullptr; }

void* SharedLibrary::symbol(const char* name) const {
  void* const address = ::dlsym(handle_, name);
  if (address == nullptr) throw DeviceError(std::string("dlsym: ") + name_ + " has no " + name + "; update it");
  return address;
}

}  // namespace perfmodel
