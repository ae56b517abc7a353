#include "hosting/assembly_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "hosting/error.hpp"

namespace owind::hosting {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kCliDirectory = 14;  // §II.25.2.3.3: the 15th data directory
constexpr std::uint32_t kMetadataSignature = 0x424A5342;

class File {
 public:
  explicit File(const fs::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] int fd() const { return fd_; }

  // Up to into.size() bytes from `offset`; fewer only at the end of the file. Nothing on an error, errno set.
  std::optional<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into) const {
    std::size_t got = 0;
    while (got < into.size()) {
      const ssize_t n = ::pread(fd_, into.data() + got, into.size() - got, static_cast<off_t>(offset + got));
      if (n == 0) break;
      if (n > 0) {
        got += static_cast<std::size_t>(n);
      } else if (errno != EINTR) {
        return std::nullopt;
      }
    }
    return got;
  }

  // A little-endian number of 2 or 4 bytes; nothing when it lies outside of the file.
  template <typename T>
  std::optional<T> number(std::uint64_t offset) const {
    std::array<std::uint8_t, sizeof(T)> bytes{};
    if (read(offset, bytes) != bytes.size()) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = bytes.size(); i > 0; --i) value = (value << 8U) | bytes[i - 1];
    return static_cast<T>(value);
  }

 private:
  int fd_;
};

// Follows the headers of a PE file that begins with 'MZ' (§II.25.2, §II.25.3, §II.24.2.1).
class PortableExecutable {
 public:
  PortableExecutable(const File& file, std::uint64_t size) : file_(file), size_(size) {}

  AssemblyKind kind() {
    const auto header = file_.number<std::uint32_t>(0x3C);
    if (!header) return AssemblyKind::kTruncated;
    const std::uint64_t coff = std::uint64_t{*header} + 4;
    const auto signature = file_.number<std::uint32_t>(*header);
    if (!signature) return AssemblyKind::kTruncated;
    if (*signature != 0x00004550) return AssemblyKind::kNativePe;  // 'PE\0\0'; else a DOS or 16-bit program

    const auto sections = file_.number<std::uint16_t>(coff + 2);
    const auto optional_size = file_.number<std::uint16_t>(coff + 16);
    const std::uint64_t optional = coff + 20;
    const auto magic = file_.number<std::uint16_t>(optional);
    if (!sections || !optional_size || !magic) return AssemblyKind::kTruncated;
    const bool is_64 = *magic == 0x20B;
    if (!is_64 && *magic != 0x10B) return AssemblyKind::kNativePe;

    const std::uint64_t directories = optional + (is_64 ? 112U : 96U);
    const auto count = file_.number<std::uint32_t>(directories - 4);
    if (!count) return AssemblyKind::kTruncated;
    if (*count <= kCliDirectory) return AssemblyKind::kNativePe;
    const auto cli_address = file_.number<std::uint32_t>(directories + kCliDirectory * 8);
    const auto cli_size = file_.number<std::uint32_t>(directories + kCliDirectory * 8 + 4);
    if (!cli_address || !cli_size) return AssemblyKind::kTruncated;
    if (*cli_address == 0 || *cli_size == 0) return AssemblyKind::kNativePe;
    return metadata_kind(optional + *optional_size, *sections, *cli_address);
  }

 private:
  AssemblyKind metadata_kind(std::uint64_t table, unsigned sections, std::uint32_t cli_address) {
    const auto cli = offset_of(table, sections, cli_address);
    if (!cli) return AssemblyKind::kTruncated;
    const auto metadata_address = file_.number<std::uint32_t>(*cli + 8);
    const auto metadata_size = file_.number<std::uint32_t>(*cli + 12);
    if (!metadata_address || !metadata_size) return AssemblyKind::kTruncated;
    const auto metadata = offset_of(table, sections, *metadata_address);
    if (!metadata || *metadata + *metadata_size > size_) return AssemblyKind::kTruncated;
    const auto signature = file_.number<std::uint32_t>(*metadata);
    return signature == kMetadataSignature ? AssemblyKind::kManaged : AssemblyKind::kTruncated;
  }

  // Where in the file a relative virtual address lies. Also checks that each section lies in the file.
  std::optional<std::uint64_t> offset_of(std::uint64_t table, unsigned sections, std::uint32_t address) {
    std::optional<std::uint64_t> found;
    for (unsigned i = 0; i < sections; ++i) {
      const std::uint64_t header = table + std::uint64_t{i} * 40;
      const auto virtual_size = file_.number<std::uint32_t>(header + 8);
      const auto start = file_.number<std::uint32_t>(header + 12);
      const auto raw_size = file_.number<std::uint32_t>(header + 16);
      const auto raw = file_.number<std::uint32_t>(header + 20);
      if (!virtual_size || !start || !raw_size || !raw) return std::nullopt;
      if (std::uint64_t{*raw} + *raw_size > size_) return std::nullopt;
      const std::uint32_t span = std::max(*virtual_size, *raw_size);
      if (address >= *start && address - *start < span) found = std::uint64_t{*raw} + (address - *start);
    }
    return found;
  }

  const File& file_;
  std::uint64_t size_;
};

bool has_extension(const fs::path& path, std::string_view extension) {
  const std::string own = path.extension().string();
  return std::equal(own.begin(), own.end(), extension.begin(), extension.end(),
                    [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

bool is_managed(const fs::path& path) { return inspect_assembly(path).kind == AssemblyKind::kManaged; }

std::string meant(const fs::path& path) { return "give " + path.string() + " instead"; }

// In a folder: the one application with a runtime configuration, or the one assembly, is what was meant.
std::string suggest_in_folder(const fs::path& folder) {
  std::vector<fs::path> applications;
  std::vector<fs::path> assemblies;
  bool has_project = false;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const fs::path& entry = it->path();
    const std::string name = entry.filename().string();
    constexpr std::string_view kConfig = ".runtimeconfig.json";
    if (name.size() > kConfig.size() && name.ends_with(kConfig)) {
      const fs::path assembly = folder / (name.substr(0, name.size() - kConfig.size()) + ".dll");
      if (fs::exists(assembly, error)) applications.push_back(assembly);
    } else if (has_extension(entry, ".dll")) {
      assemblies.push_back(entry);
    } else if (has_extension(entry, ".csproj") || has_extension(entry, ".fsproj") ||
               has_extension(entry, ".vbproj")) {
      has_project = true;
    }
  }
  std::vector<fs::path>& candidates = applications.empty() ? assemblies : applications;
  std::sort(candidates.begin(), candidates.end());
  if (candidates.size() == 1) return meant(candidates.front());
  if (!candidates.empty() && candidates.size() <= 5) {
    std::string text = "give one of these instead:";
    for (const fs::path& candidate : candidates) text += " " + candidate.string();
    return text;
  }
  if (has_project) return "build the project (dotnet publish -o out) and give the .dll in its output folder";
  return "give the path of the application's .dll";
}

std::string suggest_for_missing(const fs::path& path) {
  const fs::path with_dll = fs::path(path.string() + ".dll");
  if (is_managed(with_dll)) return meant(with_dll);
  if (has_extension(path, ".exe")) {
    fs::path dll = path;
    dll.replace_extension(".dll");
    if (is_managed(dll)) return meant(dll);
  }
  return "check the path, and build the application (dotnet publish) if it was not built yet";
}

std::string suggest_for_launcher(const fs::path& path) {
  const fs::path with_dll = fs::path(path.string() + ".dll");
  if (is_managed(with_dll)) return "it looks like the launcher of an application: " + meant(with_dll);
  return "give the path of the application's .dll; a single-file or ahead-of-time compiled program cannot be "
         "hosted: "
         "publish it without PublishSingleFile and PublishAot";
}

std::string suggest_for_other(const fs::path& path) {
  for (const char* source : {".csproj", ".fsproj", ".vbproj", ".sln", ".slnx", ".cs", ".fs", ".vb"}) {
    if (has_extension(path, source)) {
      return "it is source code: build it (dotnet publish -o out) and give the .dll in the output folder";
    }
  }
  if (path.string().ends_with(".runtimeconfig.json") || path.string().ends_with(".deps.json")) {
    return "give the .dll that this file belongs to";
  }
  return "give the path of the application's .dll";
}

[[noreturn]] void refuse(const fs::path& path, const AssemblyFile& file) {
  const std::string name = path.string();
  switch (file.kind) {
    case AssemblyKind::kMissing: {
      std::error_code error;
      std::vector<std::string> details;
      if (!fs::exists(path.parent_path(), error)) {
        details.push_back("its folder " + path.parent_path().string() + " does not exist either");
      }
      throw HostError("the application " + name + " does not exist", details, suggest_for_missing(path));
    }
    case AssemblyKind::kFolder:
      throw HostError(name + " is a folder, not an application", {}, suggest_in_folder(path));
    case AssemblyKind::kNotAFile:
      throw HostError(name + " is not a file", {}, "give the path of the application's .dll");
    case AssemblyKind::kUnreadable:
      throw HostError("the application " + name + " cannot be read", {file.reason},
                      "give the user that runs owind the right to read it and to enter its folders");
    case AssemblyKind::kEmpty:
      throw HostError(name + " is empty", {}, "build or copy the application again");
    case AssemblyKind::kElf:
      throw HostError(name + " is not a .NET assembly but a native Linux program or library", {},
                      suggest_for_launcher(path));
    case AssemblyKind::kNativePe: {
      fs::path dll = path;
      dll.replace_extension(".dll");
      const bool is_launcher = has_extension(path, ".exe") && is_managed(dll);
      throw HostError(name + " is not a .NET assembly but a native Windows program or library", {},
                      is_launcher ? "it looks like the launcher of an application: " + meant(dll)
                                  : "give the path of the application's .dll");
    }
    case AssemblyKind::kTruncated:
      throw HostError(name + " is a damaged .NET assembly: its headers point past its end or to no metadata",
                      {}, "build or copy the application again");
    case AssemblyKind::kManaged:
    case AssemblyKind::kOther:
      break;
  }
  throw HostError(name + " is not a .NET assembly", {}, suggest_for_other(path));
}

}  // namespace

AssemblyFile inspect_assembly(const fs::path& path) {
  // stat before open: opening a pipe or a device may have effects.
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    const int reason = errno;
    if (reason == ENOENT || reason == ENOTDIR) return {AssemblyKind::kMissing, ""};
    return {AssemblyKind::kUnreadable, std::strerror(reason)};
  }
  if (S_ISDIR(status.st_mode)) return {AssemblyKind::kFolder, ""};
  if (!S_ISREG(status.st_mode)) return {AssemblyKind::kNotAFile, ""};

  const File file(path);
  if (!file.is_open()) return {AssemblyKind::kUnreadable, std::strerror(errno)};
  std::array<std::uint8_t, 4> magic{};
  const auto got = file.read(0, magic);
  if (!got) return {AssemblyKind::kUnreadable, std::strerror(errno)};
  if (*got == 0) return {AssemblyKind::kEmpty, ""};
  if (*got == 4 && std::memcmp(magic.data(),
                               "\x7f"
                               "ELF",
                               4) == 0)
    return {AssemblyKind::kElf, ""};
  if (*got < 2 || magic[0] != 'M' || magic[1] != 'Z') return {AssemblyKind::kOther, ""};
  return {PortableExecutable(file, static_cast<std::uint64_t>(status.st_size)).kind(), ""};
}

fs::path require_application(const fs::path& path) {
  if (path.empty())
    throw HostError("no application was given", {}, "give the path of the application's .dll");
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error).lexically_normal();
  if (error) {
    throw HostError("the path " + path.string() + " cannot be made absolute", {error.message()},
                    "give an absolute path, or start owind in a folder that exists");
  }
  const AssemblyFile file = inspect_assembly(absolute);
  if (file.kind != AssemblyKind::kManaged) refuse(absolute, file);
  // The host takes an argument of any other name for a command of the SDK.
  if (!has_extension(absolute, ".dll") && !has_extension(absolute, ".exe")) {
    throw HostError(absolute.string() + " is a .NET assembly, but its name does not end in .dll or .exe", {},
                    "rename it: the .NET host accepts no other name");
  }
  return absolute;
}

}  // namespace owind::hosting
