#include "hosting/runtime_config.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "hosting/error.hpp"

namespace owind::hosting {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// Real files have less than a kilobyte; whatever is larger is not one, and must not fill the memory.
constexpr std::uintmax_t kMaxFileBytes = 1024 * 1024;
constexpr std::string_view kWayOut = "publish the application again (dotnet publish), or correct the file";

[[noreturn]] void refuse(const fs::path& file, const std::string& reason) {
  throw HostError("the runtime configuration " + file.string() + " cannot be used", {reason}, kWayOut);
}

const Json* member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string string_member(const fs::path& file, const Json& object, const char* name,
                          const std::string& where) {
  const Json* value = member(object, name);
  if (value == nullptr) refuse(file, where + ": \"" + name + "\" is missing");
  if (!value->is_string()) refuse(file, where + "/" + name + ": a string is expected");
  return value->get<std::string>();
}

std::optional<std::string> optional_string(const fs::path& file, const Json& object, const char* name,
                                           const std::string& where) {
  if (member(object, name) == nullptr) return std::nullopt;
  return string_member(file, object, name, where);
}

FrameworkRequest parse_framework(const fs::path& file, const Json& value, const std::string& where) {
  if (!value.is_object()) refuse(file, where + ": an object is expected");
  return {string_member(file, value, "name", where), string_member(file, value, "version", where),
          optional_string(file, value, "rollForward", where)};
}

void parse_properties(const fs::path& file, const Json& options, RuntimeConfig& config) {
  const Json* properties = member(options, "configProperties");
  if (properties == nullptr) return;
  if (!properties->is_object()) refuse(file, "/runtimeOptions/configProperties: an object is expected");
  for (const auto& [name, value] : properties->items()) {
    if (value.is_string()) {
      config.properties[name] = value.get<std::string>();
    } else if (value.is_primitive() && !value.is_null()) {
      config.properties[name] = value.dump();
    }
  }
}

Json parse_json(const fs::path& file, std::string_view text) {
  try {
    return Json::parse(text.begin(), text.end(), nullptr, true, true);
  } catch (const Json::parse_error& error) {
    // "[json.exception.parse_error.101] parse error at line 3, column 5: syntax error …": the bracket is for
    // programmers.
    std::string reason = error.what();
    const std::size_t bracket = reason.find("] ");
    refuse(file, bracket == std::string::npos ? reason : reason.substr(bracket + 2));
  }
}

}  // namespace

fs::path runtime_config_path(const fs::path& assembly) {
  fs::path path = assembly;
  return path.replace_extension(".runtimeconfig.json");
}

std::optional<RuntimeConfig> read_runtime_config(const fs::path& assembly) {
  const fs::path file = runtime_config_path(assembly);
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (status.type() == fs::file_type::not_found) return std::nullopt;
  if (!fs::is_regular_file(status)) {
    refuse(file, error ? "it cannot be looked at: " + error.message() : "it is not a file");
  }
  const std::uintmax_t size = fs::file_size(file, error);
  if (!error && size > kMaxFileBytes) refuse(file, "it is larger than 1 MiB");

  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) refuse(file, "it cannot be opened: " + std::string(std::strerror(errno)));
  std::string text(static_cast<std::size_t>(kMaxFileBytes), '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) refuse(file, "it cannot be read: " + std::string(std::strerror(errno)));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return parse_runtime_config(file, text);
}

RuntimeConfig parse_runtime_config(const fs::path& file, std::string_view text) {
  RuntimeConfig config;
  config.file = file;
  const Json root = parse_json(file, text);
  if (!root.is_object()) refuse(file, "an object is expected");
  const Json* options = member(root, "runtimeOptions");
  if (options == nullptr) refuse(file, "\"runtimeOptions\" is missing");
  if (!options->is_object()) refuse(file, "/runtimeOptions: an object is expected");

  const std::string where = "/runtimeOptions";
  if (const Json* one = member(*options, "framework")) {
    config.frameworks.push_back(parse_framework(file, *one, where + "/framework"));
  }
  if (const Json* many = member(*options, "frameworks")) {
    if (!many->is_array()) refuse(file, where + "/frameworks: an array is expected");
    for (std::size_t i = 0; i < many->size(); ++i) {
      config.frameworks.push_back(
          parse_framework(file, (*many)[i], where + "/frameworks/" + std::to_string(i)));
    }
  }
  config.roll_forward = optional_string(file, *options, "rollForward", where);
  config.self_contained = member(*options, "includedFrameworks") != nullptr;
  parse_properties(file, *options, config);
  return config;
}

std::string write_runtime_config(const std::vector<FrameworkRequest>& frameworks,
                                 const std::string& roll_forward) {
  Json list = Json::array();
  for (const FrameworkRequest& framework : frameworks) {
    Json entry = {{"name", framework.name}, {"version", framework.version}};
    if (framework.roll_forward) entry["rollForward"] = *framework.roll_forward;
    list.push_back(std::move(entry));
  }
  const Json root = {{"runtimeOptions", {{"rollForward", roll_forward}, {"frameworks", std::move(list)}}}};
  return root.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace owind::hosting
