// Looks into a file before the runtime does: is it a .NET assembly, and if not, what is it and what was
// probably meant? A cheap check of the headers (ECMA-335 §II.25): enough to tell the cases apart, no
// verification of the metadata.
#pragma once

#include <filesystem>
#include <string>

namespace owind::hosting {

enum class AssemblyKind {
  kManaged,     ///< a PE file with a CLI header and metadata
  kMissing,     ///< no such file
  kFolder,      ///< a folder
  kNotAFile,    ///< a device, socket or pipe
  kUnreadable,  ///< may not be read, or an IO error
  kEmpty,       ///< no bytes
  kElf,         ///< a Linux program or library, such as the launcher beside App.dll
  kNativePe,    ///< a Windows program or library without managed code
  kTruncated,   ///< begins as a PE file but ends too early, or its headers point outside of it
  kOther,       ///< anything else
};

struct AssemblyFile {
  AssemblyKind kind;
  std::string reason;  ///< of the system for kUnreadable, else empty
};

/// Never throws for what the file is.
[[nodiscard]] AssemblyFile inspect_assembly(const std::filesystem::path& path);

/// The absolute path of the application that the user named.
/// @throws HostError, which says what the file is instead and which file was probably meant.
[[nodiscard]] std::filesystem::path require_application(const std::filesystem::path& path);

}  // namespace owind::hosting
