#include "hosting/shared_library.hpp"

#include <dlfcn.h>

#include "hosting/error.hpp"

namespace owind::hosting {
namespace {

std::string loader_text() {
  const char* text = ::dlerror();
  return text == nullptr ? "the loader gave no reason" : text;
}

}  // namespace

SharedLibrary SharedLibrary::open(const std::filesystem::path& file) {
  void* handle = ::dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) {
    throw HostError(
        "the library " + file.string() + " could not be loaded", {loader_text()},
        "run ldd on it: a library that it needs is missing, or it was built for another architecture");
  }
  return SharedLibrary(handle, file);
}

bool SharedLibrary::can_open(const std::string& name) noexcept {
  return ::dlopen(name.c_str(), RTLD_LAZY | RTLD_LOCAL) != nullptr;
}

void* SharedLibrary::address(const char* name) const {
  ::dlerror();
  void* found = ::dlsym(handle_, name);
  if (found == nullptr) {
    throw HostError("the library " + file_.string() + " lacks the function " + name, {loader_text()},
                    "install a .NET runtime of version 10 or newer; this one is too old or damaged");
  }
  return found;
}

}  // namespace owind::hosting
