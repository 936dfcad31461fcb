// A library that is loaded when first used and stays loaded: unloading one that has called CUDA is not safe.
#pragma once

#include <string>

namespace perfmodel {

class SharedLibrary {
 public:
  // By its name, "libcublasLt.so.13". Looks in the folders of PERFMODEL_CUDA_LIBRARIES (separated by colons), where the
  // loader looks, among the packages of each python3 on the PATH, and in /usr/local/cuda. Throws DeviceError, with the
  // remedy, where none of them has it.
  explicit SharedLibrary(std::string name);

  // The same, for a library that another one will ask for by name: false where it is not there.
  static bool preload(const std::string& name);

  [[nodiscard]] void* handle() const { return handle_; }

  // Throws DeviceError where the library does not have it.
  template <class Function>
  void find(const char* name, Function& function) const {
    function = reinterpret_cast<Function>(symbol(name));
  }

 private:
  [[nodiscard]] void* symbol(const char* name) const;

  std::string name_;
  void* handle_ = nullptr;
};

}  // namespace perfmodel
