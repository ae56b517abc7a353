// A libhostfxr.so without a runtime: answers as its control panel says and records every call. Written
// against the same prototypes as the real one (native hosting interface of .NET), independently of
// hosting/coreclr_runtime.cpp.
#include "tests/hosting/fake_hostfxr.hpp"

#include <cstddef>
#include <fstream>
#include <sstream>

namespace {

using owind::hosting::testing::FakeHostfxr;
using Writer = void (*)(const char*);

struct Parameters {
  std::size_t size;
  const char* host_path;
  const char* dotnet_root;
};

FakeHostfxr panel;
Writer writer = nullptr;
int context = 0;

void say() {
  if (writer != nullptr && !panel.message.empty()) writer(panel.message.c_str());
}

std::int32_t load(const char* assembly, const char* type, const char* method, const char* delegate_type,
                  void*, void** delegate) {
  const bool unmanaged = delegate_type == reinterpret_cast<const char*>(-1);
  panel.calls.push_back(std::string("load ") + assembly + " | " + type + " | " + method +
                        (unmanaged ? " | unmanaged callers only" : ""));
  if (panel.load_result == 0) *delegate = &context;
  return panel.load_result;
}

}  // namespace

extern "C" {

FakeHostfxr* fake_hostfxr() { return &panel; }

Writer hostfxr_set_error_writer(Writer next) {
  const Writer previous = writer;
  writer = next;
  panel.writer_is_set = next != nullptr;
  return previous;
}

std::int32_t hostfxr_initialize_for_dotnet_command_line(int argc, const char** argv,
                                                        const Parameters* parameters, void** handle) {
  panel.calls.emplace_back("initialize");
  panel.arguments.assign(argv, argv + argc);
  panel.dotnet_root = parameters->size == sizeof(Parameters) ? parameters->dotnet_root : "wrong size";
  for (int i = 0; i + 1 < argc; ++i) {
    if (panel.arguments[static_cast<std::size_t>(i)] != "--runtimeconfig") continue;
    std::ostringstream text;
    text << std::ifstream(argv[i + 1]).rdbuf();
    panel.config_text = text.str();
  }
  if (panel.initialize_result >= 0 || panel.gives_handle_on_failure) {
    *handle = &context;
    ++panel.open_contexts;
  }
  if (panel.initialize_result < 0) say();
  return panel.initialize_result;
}

std::int32_t hostfxr_set_runtime_property_value(void*, const char* name, const char* value) {
  panel.calls.push_back(std::string("set ") + name + "=" + value);
  if (panel.set_property_result != 0) say();
  return panel.set_property_result;
}

std::int32_t hostfxr_get_runtime_property_value(void*, const char*, const char** value) {
  if (panel.deps_files.empty()) return static_cast<std::int32_t>(0x800080A4U);
  *value = panel.deps_files.c_str();
  return 0;
}

std::int32_t hostfxr_get_runtime_delegate(void*, int type, void** delegate) {
  panel.calls.push_back("delegate " + std::to_string(type));
  if (panel.get_delegate_result == 0) {
    *delegate = reinterpret_cast<void*>(&load);
  } else {
    say();
  }
  return panel.get_delegate_result;
}

std::int32_t hostfxr_close(void*) {
  panel.calls.emplace_back("close");
  --panel.open_contexts;
  return 0;
}
}
