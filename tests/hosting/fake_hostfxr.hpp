// The control panel of fake_hostfxr.cpp: what its functions answer, and what they were asked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace owind::hosting::testing {

struct FakeHostfxr {
  // Answers.
  std::int32_t initialize_result = 0;
  std::int32_t set_property_result = 0;
  std::int32_t get_delegate_result = 0;
  std::int32_t load_result = 0;
  bool gives_handle_on_failure = false;
  std::string message;  // given to the error writer by whatever fails
  std::string deps_files;

  // Records.
  std::vector<std::string> calls;      // name and arguments
  std::vector<std::string> arguments;  // of initialize
  std::string dotnet_root;
  std::string config_text;  // content of the file after --runtimeconfig, read while initialize runs
  bool writer_is_set = false;
  int open_contexts = 0;
};

}  // namespace owind::hosting::testing

/// Exported by the library.
extern "C" owind::hosting::testing::FakeHostfxr* fake_hostfxr();
