#include "hosting/coreclr_runtime.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "hosting/assembly_file.hpp"
#include "hosting/error.hpp"
#include "hosting/framework_check.hpp"
#include "hosting/runtime_config.hpp"
#include "hosting/runtime_locator.hpp"
#include "hosting/semantic_version.hpp"
#include "hosting/shared_library.hpp"
#include "hosting/temporary_file.hpp"

namespace owind::hosting {
namespace {

namespace fs = std::filesystem;

// The oldest framework that the bridge runs on: its target framework.
constexpr const char* kBaseFramework = "Microsoft.NETCore.App";
constexpr const char* kBridgeFrameworkVersion = "10.0.0";
constexpr std::uint32_t kBridgeFrameworkMajor = 10;
constexpr const char* kRollForwardToBridge = "LatestMajor";

constexpr std::int32_t kFrameworkMissing = static_cast<std::int32_t>(0x80008096U);
constexpr int kDelegateLoadAssembly = 5;  // hdt_load_assembly_and_get_function_pointer
const char* const kUnmanagedCallersOnly = reinterpret_cast<const char*>(-1);

// The part of hostfxr's interface that is used here; characters are UTF-8 on this platform.
struct Hostfxr {
  struct InitializeParameters {
    std::size_t size;
    const char* host_path;
    const char* dotnet_root;
  };
  using Handle = void*;
  using ErrorWriter = void (*)(const char* message);

  explicit Hostfxr(const SharedLibrary& library)
      : initialize(library.symbol<decltype(initialize)>("hostfxr_initialize_for_dotnet_command_line")),
        set_error_writer(library.symbol<decltype(set_error_writer)>("hostfxr_set_error_writer")),
        get_delegate(library.symbol<decltype(get_delegate)>("hostfxr_get_runtime_delegate")),
        set_property(library.symbol<decltype(set_property)>("hostfxr_set_runtime_property_value")),
        get_property(library.symbol<decltype(get_property)>("hostfxr_get_runtime_property_value")),
        close(library.symbol<decltype(close)>("hostfxr_close")) {}

  std::int32_t (*initialize)(int argc, const char** argv, const InitializeParameters* parameters,
                             Handle* handle);
  ErrorWriter (*set_error_writer)(ErrorWriter writer);
  std::int32_t (*get_delegate)(Handle handle, int type, void** delegate);
  std::int32_t (*set_property)(Handle handle, const char* name, const char* value);
  std::int32_t (*get_property)(Handle handle, const char* name, const char** value);
  std::int32_t (*close)(Handle handle);
};

// Collects what the host would print to stderr, while it exists. The writer is a setting of the calling
// thread and gets no context, hence the thread-local.
class HostMessages {
 public:
  explicit HostMessages(const Hostfxr& host) : host_(host), outer_(std::exchange(current_, this)) {
    previous_ = host_.set_error_writer(&HostMessages::write);
  }
  ~HostMessages() {
    host_.set_error_writer(previous_);
    current_ = outer_;
  }
  HostMessages(const HostMessages&) = delete;
  HostMessages& operator=(const HostMessages&) = delete;

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  // Called from C: an exception (no memory) must not leave it; the message is then lost, the code remains.
  static void write(const char* message) noexcept {
    try {
      if (current_ != nullptr && message != nullptr) current_->text_.append(message).append("\n");
    } catch (...) {
    }
  }

  static thread_local HostMessages* current_;
  const Hostfxr& host_;
  HostMessages* outer_;
  Hostfxr::ErrorWriter previous_ = nullptr;
  std::string text_;
};

thread_local HostMessages* HostMessages::current_ = nullptr;

// Closes the context on every path.
class HostContext {
 public:
  explicit HostContext(const Hostfxr& host) : host_(host) {}
  ~HostContext() {
    if (handle_ != nullptr) host_.close(handle_);
  }
  HostContext(const HostContext&) = delete;
  HostContext& operator=(const HostContext&) = delete;

  [[nodiscard]] Hostfxr::Handle get() const noexcept { return handle_; }
  [[nodiscard]] Hostfxr::Handle* out() noexcept { return &handle_; }

 private:
  const Hostfxr& host_;
  Hostfxr::Handle handle_ = nullptr;
};

// What hostfxr is asked to run, and what that decision rests on.
struct Launch {
  std::vector<std::string> arguments;
  std::optional<RuntimeConfig> config;       // the application's, or the bridge's in place of it
  std::optional<std::string> forced_policy;  // roll-forward policy that goes before the configuration's
  std::optional<TemporaryFile> written;      // keeps the configuration that was written for a class library
};

bool is_older_than_bridge(const FrameworkRequest& request) {
  const auto version = SemanticVersion::parse(request.version);
  return version && version->major < kBridgeFrameworkMajor;
}

Launch launch_application(const fs::path& application, RuntimeConfig config, const RuntimeOptions& options,
                          std::vector<std::string>& warnings) {
  if (config.self_contained) {
    throw HostError("the application " + application.string() +
                        " is self-contained: it brings its own runtime and cannot be hosted",
                    {"see includedFrameworks in " + config.file.string()},
                    "publish it framework-dependent: dotnet publish --self-contained false");
  }
  if (config.frameworks.empty()) {
    throw HostError("the runtime configuration " + config.file.string() + " names no framework", {},
                    "publish the application again (dotnet publish --self-contained false)");
  }
  Launch launch;
  const auto old = std::find_if(config.frameworks.begin(), config.frameworks.end(), is_older_than_bridge);
  if (old == config.frameworks.end()) {
    launch.arguments = {application.string()};
    launch.forced_policy = options.environment.value("DOTNET_ROLL_FORWARD");
  } else {
    // An application for an older .NET runs on the bridge's: only one framework version fits into a process.
    launch.arguments = {"exec", "--roll-forward", kRollForwardToBridge, application.string()};
    launch.forced_policy = kRollForwardToBridge;
    warnings.push_back(application.filename().string() + " asks for " + old->name + " " + old->version +
                       "; owind needs " + kBridgeFrameworkVersion +
                       " or newer, so it runs on the newest installed version");
  }
  launch.config = std::move(config);
  return launch;
}

// A class library has no configuration. The bridge's own serves if it lies beside it, as in an installation,
// so that nothing has to be written; else one is written for the time of the start.
Launch launch_library(const fs::path& library, const RuntimeOptions& options) {
  Launch launch;
  launch.forced_policy = kRollForwardToBridge;
  fs::path file;
  if (auto shipped = options.bridge.empty() ? std::nullopt : read_runtime_config(options.bridge)) {
    file = fs::absolute(shipped->file);
    launch.config = std::move(shipped);
  } else {
    const std::vector<FrameworkRequest> frameworks = {
        {kBaseFramework, kBridgeFrameworkVersion, std::nullopt}};
    launch.written.emplace(
        std::vector<fs::path>{options.environment.value("TMPDIR").value_or(""), "/tmp", "/dev/shm",
                              options.environment.value("XDG_RUNTIME_DIR").value_or("")},
        ".runtimeconfig.json", write_runtime_config(frameworks, kRollForwardToBridge));
    file = launch.written->path();
    launch.config.emplace();
    launch.config->file = file;
    launch.config->frameworks = frameworks;
  }
  launch.arguments = {"exec",           "--runtimeconfig",    file.string(),
                      "--roll-forward", kRollForwardToBridge, library.string()};
  return launch;
}

// The property names a file .../shared/Microsoft.NETCore.App/<version>/Microsoft.NETCore.App.deps.json.
std::optional<std::string> framework_version(const Hostfxr& host, Hostfxr::Handle handle) {
  const char* value = nullptr;
  if (host.get_property(handle, "APP_CONTEXT_DEPS_FILES", &value) != 0 || value == nullptr)
    return std::nullopt;
  const std::string_view files(value);
  const std::string folder = std::string("/") + kBaseFramework + "/";
  const std::size_t found = files.rfind(folder);
  if (found == std::string_view::npos) return std::nullopt;
  const std::string_view rest = files.substr(found + folder.size());
  const auto version = SemanticVersion::parse(rest.substr(0, rest.find('/')));
  return version ? std::optional(version->to_string()) : std::nullopt;
}

fs::path own_executable() {
  std::error_code error;
  fs::path path = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path("/proc/self/exe") : path;
}

class Start {
 public:
  Start(const RuntimeOptions& options, const RuntimeLocation& location, const Launch& launch)
      : options_(options),
        location_(location),
        launch_(launch),
        library_(SharedLibrary::open(location.hostfxr)),
        host_(library_),
        messages_(host_),
        context_(host_) {}

  void initialize() {
    std::vector<const char*> arguments;
    for (const std::string& argument : launch_.arguments) arguments.push_back(argument.c_str());
    const std::string executable = own_executable().string();
    const std::string root = location_.root.string();
    const Hostfxr::InitializeParameters parameters{sizeof parameters, executable.c_str(), root.c_str()};
    const std::int32_t code =
        host_.initialize(static_cast<int>(arguments.size()), arguments.data(), &parameters, context_.out());
    if (code < 0 || context_.get() == nullptr) {
      fail(code == kFrameworkMissing ? "no installed .NET framework satisfies the application"
                                     : "the .NET host could not prepare the application",
           code);
    }
    // 1 and 2 mean that somebody else in this process had initialised a runtime before.
    if (code != 0) fail("this process already has a .NET runtime", code);
  }

  void set_properties() {
    for (const auto& [name, value] : options_.properties) {
      const std::int32_t code = host_.set_property(context_.get(), name.c_str(), value.c_str());
      if (code != 0) fail("the runtime property " + name + " could not be set to \"" + value + "\"", code);
    }
  }

  std::string version() {
    return framework_version(host_, context_.get()).value_or(location_.version.to_string());
  }

  void* load_delegate() {
    void* delegate = nullptr;
    const std::int32_t code = host_.get_delegate(context_.get(), kDelegateLoadAssembly, &delegate);
    if (code != 0 || delegate == nullptr) fail("the .NET runtime could not be started", code);
    return delegate;
  }

 private:
  [[noreturn]] void fail(const std::string& problem, std::int32_t code) const {
    std::vector<std::string> details = {name_host_code(code)};
    if (launch_.config && code == kFrameworkMissing) {
      const auto lines =
          explain_frameworks(*launch_.config, list_frameworks(location_.root), launch_.forced_policy);
      details.insert(details.end(), lines.begin(), lines.end());
    }
    details.push_back("application: " + launch_.arguments.back());
    if (launch_.config && !launch_.written)
      details.push_back("configuration: " + launch_.config->file.string());
    details.push_back("runtime: " + location_.root.string() + " (found by " + location_.found_by +
                      "), host " + location_.version.to_string());
    if (!messages_.text().empty()) details.push_back("the .NET host says:\n" + messages_.text());
    const HostCode* known = find_host_code(code);
    throw HostError(problem, details, known == nullptr ? "" : known->way_out);
  }

  const RuntimeOptions& options_;
  const RuntimeLocation& location_;
  const Launch& launch_;
  SharedLibrary library_;
  Hostfxr host_;
  HostMessages messages_;
  HostContext
      context_;  // after messages_: closed first, so that what closing says goes there and not to stderr
};

std::map<std::string, std::string> effective_properties(const RuntimeOptions& options, const Launch& launch) {
  std::map<std::string, std::string> properties = options.properties;
  if (launch.config) properties.insert(launch.config->properties.begin(), launch.config->properties.end());
  return properties;
}

}  // namespace

RuntimeSlot& RuntimeSlot::of_process() noexcept {
  static RuntimeSlot slot;
  return slot;
}

void CoreclrRuntime::start(const RuntimeOptions& options) {
  if (!slot_.take()) {
    throw HostError("this process already has a .NET runtime", {"a process can start one, and only once"},
                    "start another process for another application");
  }
  warnings_.clear();
  bool runtime_begun = false;
  try {
    start_in_slot(options, runtime_begun);
  } catch (...) {
    if (!runtime_begun) slot_.give_back();
    throw;
  }
}

void CoreclrRuntime::start_in_slot(const RuntimeOptions& options, bool& runtime_begun) {
  const fs::path application = require_application(options.application);
  auto config = read_runtime_config(application);
  const Launch launch = config ? launch_application(application, *std::move(config), options, warnings_)
                               : launch_library(application, options);

  const LibraryProbe probe =
      options.library_probe ? options.library_probe : LibraryProbe(&SharedLibrary::can_open);
  require_icu(options.environment, effective_properties(options, launch), probe);
  require_openssl(options.environment, probe);

  const RuntimeLocation location = find_runtime(options.environment);
  warnings_.insert(warnings_.end(), location.ignored_settings.begin(), location.ignored_settings.end());
  // Its destructor closes the host context, also when one of the steps throws.
  Start starting(options, location, launch);
  starting.initialize();
  starting.set_properties();
  const std::string version = starting.version();
  runtime_begun = true;
  load_ = reinterpret_cast<LoadFunction>(starting.load_delegate());
  description_ =
      "CoreCLR " + version + " (" + location.root.string() + ", found by " + location.found_by + ")";
}

void* CoreclrRuntime::load_entry(const fs::path& assembly, const std::string& type_name,
                                 const std::string& method_name) {
  if (load_ == nullptr) throw HostError("a managed entry point was asked for before the runtime was started");
  const fs::path file = fs::absolute(assembly).lexically_normal();
  if (inspect_assembly(file).kind != AssemblyKind::kManaged) {
    throw HostError("the managed half of owind, " + file.string() + ", is missing or damaged", {},
                    "reinstall owind: the file belongs beside its executable");
  }
  void* entry = nullptr;
  const std::int32_t code =
      load_(file.c_str(), type_name.c_str(), method_name.c_str(), kUnmanagedCallersOnly, nullptr, &entry);
  if (code != 0 || entry == nullptr) {
    const HostCode* known = find_host_code(code);
    throw HostError("the managed half of owind could not be loaded: " + type_name + ", method " + method_name,
                    {name_host_code(code), "assembly: " + file.string(), "runtime: " + description_},
                    known == nullptr ? "reinstall owind" : known->way_out);
  }
  return entry;
}

}  // namespace owind::hosting
