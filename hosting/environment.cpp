#include "hosting/environment.hpp"

#include <cstdlib>

namespace owind::hosting {
namespace {

constexpr const char* architecture_name() {
#if defined(__x86_64__)
  return "X64";
#elif defined(__aarch64__)
  return "ARM64";
#elif defined(__arm__)
  return "ARM";
#elif defined(__i386__)
  return "X86";
#elif defined(__s390x__)
  return "S390X";
#elif defined(__powerpc64__)
  return "PPC64LE";
#elif defined(__riscv)
  return "RISCV64";
#elif defined(__loongarch64)
  return "LOONGARCH64";
#else
  return "";
#endif
}

}  // namespace

Environment Environment::of_process() {
  Environment environment;
  environment.variable = [](const std::string& name) -> std::optional<std::string> {
    const char* found = std::getenv(name.c_str());
    if (found == nullptr) return std::nullopt;
    return std::string(found);
  };
  environment.architecture = architecture_name();
  return environment;
}

std::optional<std::string> Environment::value(const std::string& name) const {
  if (!variable) return std::nullopt;
  std::optional<std::string> found = variable(name);
  if (found && found->empty()) return std::nullopt;
  return found;
}

}  // namespace owind::hosting
