#include "hosting/error.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>

namespace owind::hosting {
namespace {

constexpr std::string_view kReinstall =
    "reinstall the .NET runtime, or point DOTNET_ROOT at a complete installation";
constexpr std::string_view kOurFault = "this is a fault of owind, please report it with the whole message";
constexpr std::string_view kBridge =
    "Owind.Bridge.dll and owind must come from the same build: reinstall owind";

// Looked up only when something has failed: a plain list, in the order of the numbers.
constexpr HostCode kCodes[] = {
    {0x00000000, "Success", "the operation succeeded", ""},
    {0x00000001, "Success_HostAlreadyInitialized",
     "another runtime context was already initialised in this process", "start one runtime a process"},
    {0x00000002, "Success_DifferentRuntimeProperties",
     "a runtime with other properties was already initialised in this process",
     "start one runtime a process"},
    {0x80004003, "E_POINTER", "an argument of a load function was null", kOurFault},
    {0x80070002, "COR_E_FILENOTFOUND", "an assembly file, or one that it depends on, was not found",
     "publish the application again, so that all its dependencies lie beside it"},
    {0x80070005, "COR_E_UNAUTHORIZEDACCESS", "a file may not be read by this user",
     "give the user that runs owind read access to the application and the runtime"},
    {0x80070057, "COR_E_ARGUMENT", "a load function refused an argument", kBridge},
    {0x8007000b, "COR_E_BADIMAGEFORMAT",
     "a file is not a valid .NET assembly for this processor architecture",
     "build for AnyCPU or for this architecture, and copy the file again"},
    {0x8007000e, "COR_E_OUTOFMEMORY", "not enough memory", "raise the memory limit of the process"},
    {0x8007007e, "ERROR_MOD_NOT_FOUND", "a native library was not found", kReinstall},
    {0x80008081, "InvalidArgFailure", "an argument was invalid", kOurFault},
    {0x80008082, "CoreHostLibLoadFailure",
     "hostfxr, hostpolicy or the runtime was found, but the system could not load it",
     "run ldd on the library named above: usually libstdc++, or a library of another architecture"},
    {0x80008083, "CoreHostLibMissingFailure", "hostpolicy or a file that it needs is not where it should be",
     "check DOTNET_ROOT: it must name a complete installation with host/ and shared/; else reinstall .NET"},
    {0x80008084, "CoreHostEntryPointFailure", "a library of the host lacks a function that it must have",
     kReinstall},
    {0x80008085, "CoreHostCurHostFindFailure",
     "the layout around the host is wrong, as after copying single files of it", kReinstall},
    {0x80008087, "CoreClrResolveFailure", "the runtime library libcoreclr.so was not found", kReinstall},
    {0x80008088, "CoreClrBindFailure", "libcoreclr.so was found but could not be loaded",
     "run ldd on libcoreclr.so; on a musl system the musl build of .NET is needed"},
    {0x80008089, "CoreClrInitFailure", "the runtime could not be initialised",
     "check the memory limits (ulimit -v, cgroup), that /tmp or TMPDIR is writable, and that libicu is "
     "installed"},
    {0x8000808a, "CoreClrExeFailure", "the runtime could not execute the application",
     "run the application with dotnet to see its own error"},
    {0x8000808b, "ResolverInitFailure",
     "the dependency resolver could not be initialised: a .deps.json is broken",
     "publish the application again"},
    {0x8000808c, "ResolverResolveFailure",
     "an assembly that a .deps.json lists is missing or has another version",
     "publish the application again, with all its files (dotnet publish)"},
    {0x8000808e, "LibHostInitFailure", "hostpolicy could not be initialised", kReinstall},
    {0x80008091, "SdkNotFound", "the application was taken for a command of the .NET SDK",
     "give the path of the application's .dll"},
    {0x80008092, "LibHostInvalidArgs", "hostpolicy refused its arguments", kOurFault},
    {0x80008093, "InvalidConfigFile",
     "a .runtimeconfig.json is invalid, or describes a self-contained application",
     "publish framework-dependent (dotnet publish --self-contained false)"},
    {0x80008094, "AppArgNotRunnable", "the argument is not an application that can be run",
     "give the path of the application's .dll"},
    {0x80008095, "AppHostExeNotBoundFailure", "a launcher is not bound to its application",
     "give the path of the application's .dll, not of its launcher"},
    {0x80008096, "FrameworkMissingFailure", "no installed version of a framework satisfies the application",
     "install the wanted version of .NET, or build the application for an installed one"},
    {0x80008097, "HostApiFailed", "a function of the host failed", ""},
    {0x80008098, "HostApiBufferTooSmall", "a buffer was too small", kOurFault},
    {0x80008099, "LibHostUnknownCommand", "hostpolicy was given an unknown command", kReinstall},
    {0x8000809a, "LibHostAppRootFindFailure", "the folder of the application was not found",
     "check that the path of the application exists and can be read"},
    {0x8000809b, "SdkResolverResolveFailure", "no .NET SDK fits global.json",
     "give the path of the application's .dll"},
    {0x8000809c, "FrameworkCompatFailure",
     "two references to one framework ask for versions that exclude each other",
     "make the application and its libraries target the same .NET version"},
    {0x8000809d, "FrameworkCompatRetry", "the framework has to be resolved again", kOurFault},
    {0x8000809f, "BundleExtractionFailure", "a single-file application could not be unpacked",
     "publish without PublishSingleFile"},
    {0x800080a0, "BundleExtractionIOError", "a single-file application could not be unpacked",
     "publish without PublishSingleFile"},
    {0x800080a1, "LibHostDuplicateProperty", "a runtime property is given twice, or belongs to the host",
     "remove the property named above from the .runtimeconfig.json and from the command line"},
    {0x800080a2, "HostApiUnsupportedVersion", "the host does not know this version of its interface",
     "install a newer .NET runtime"},
    {0x800080a3, "HostInvalidState", "the host was called in a wrong order, or no runtime is running",
     kOurFault},
    {0x800080a4, "HostPropertyNotFound", "a runtime property does not exist", ""},
    {0x800080a5, "HostIncompatibleConfig", "the wanted framework is not part of the running runtime",
     "start one application a process"},
    {0x800080a6, "HostApiUnsupportedScenario", "the host does not support this function here",
     "install a newer .NET runtime"},
    {0x800080a7, "HostFeatureDisabled",
     "native hosting is switched off in the application's runtime configuration",
     "publish without trimming, and without "
     "System.Runtime.InteropServices.EnableConsumingManagedCodeFromNativeHosting=false"},
    {0x80131509, "COR_E_INVALIDOPERATION", "a load function was called in a wrong state", kOurFault},
    {0x8013101b, "CLDB_E_FILE_OLDVER", "an assembly was built for a newer runtime than the one that runs",
     "install a newer .NET runtime"},
    {0x80131018, "COR_E_ASSEMBLYEXPECTED", "a file is not a .NET assembly",
     "give the path of the application's .dll"},
    {0x80131040, "FUSION_E_REF_DEF_MISMATCH",
     "an assembly was found in another version than the one asked for", "publish the application again"},
    {0x80131500, "COR_E_EXCEPTION", "managed code threw an exception", kBridge},
    {0x80131501, "COR_E_SYSTEM", "managed code threw an exception", kBridge},
    {0x80131513, "COR_E_MISSINGMETHOD", "a method was not found in the type", kBridge},
    {0x80131515, "COR_E_NOTSUPPORTED", "the runtime does not support what was asked for", kBridge},
    {0x80131522, "COR_E_TYPELOAD", "a type was not found in its assembly or could not be loaded", kBridge},
    {0x80131523, "COR_E_ENTRYPOINTNOTFOUND", "an entry point was not found", kBridge},
    {0x80131534, "COR_E_TYPEINITIALIZATION", "a static constructor threw an exception", kBridge},
    {0x80131620, "COR_E_IO", "a file could not be read",
     "check the disk and the permissions of the application's files"},
    {0x80131621, "COR_E_FILELOAD", "an assembly was found but could not be loaded",
     "publish the application again"},
};

}  // namespace

HostError::HostError(std::string_view problem, const std::vector<std::string>& details,
                     std::string_view way_out)
    : std::runtime_error([&] {
        std::string text(problem);
        for (const std::string& detail : details) {
          // A detail may have several lines of its own (the host's messages do): all of them are indented.
          std::string_view rest = detail;
          while (!rest.empty()) {
            const std::size_t end = std::min(rest.find('\n'), rest.size());
            std::string_view line = rest.substr(0, end);
            while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.remove_suffix(1);
            if (!line.empty()) text.append("\n  ").append(line);
            rest.remove_prefix(std::min(end + 1, rest.size()));
          }
        }
        if (!way_out.empty()) text.append("\nTo do: ").append(way_out);
        return text;
      }()) {}

const HostCode* find_host_code(std::int32_t code) noexcept {
  const auto wanted = static_cast<std::uint32_t>(code);
  const auto* found = std::find_if(std::begin(kCodes), std::end(kCodes),
                                   [wanted](const HostCode& entry) { return entry.code == wanted; });
  return found == std::end(kCodes) ? nullptr : found;
}

std::string name_host_code(std::int32_t code) {
  char number[16];
  std::snprintf(number, sizeof number, "0x%08x", static_cast<std::uint32_t>(code));
  std::string text = number;
  const HostCode* known = find_host_code(code);
  if (known == nullptr)
    return text + ": a code that owind does not know; the message of the .NET host says more";
  text.append(" ").append(known->name).append(": ").append(known->meaning);
  return text;
}

std::string describe_host_code(std::int32_t code) {
  std::string text = name_host_code(code);
  const HostCode* known = find_host_code(code);
  if (known != nullptr && !known->way_out.empty()) text.append("; ").append(known->way_out);
  return text;
}

}  // namespace owind::hosting
