#include "hosting/error.hpp"

#include <doctest/doctest.h>

#include "tests/hosting/fixtures.hpp"

using namespace owind::hosting;
using testing::has;

TEST_CASE("HostError: problem, indented details and the way out stand on lines of their own") {
  const HostError error("no runtime was found", {"sought: here", "the host says:\n one\r\n\n two  \n"},
                        "install it");
  CHECK(std::string(error.what()) ==
        "no runtime was found\n  sought: here\n  the host says:\n   one\n   two\nTo do: install it");
  CHECK(std::string(HostError("only this", {}, "").what()) == "only this");
}

TEST_CASE("describe_host_code: number, name, meaning and way out of a known code") {
  const std::string text = describe_host_code(static_cast<std::int32_t>(0x80008096U));
  CHECK(has(text, "0x80008096 FrameworkMissingFailure: no installed version"));
  CHECK(has(text, "; install the wanted version"));
}

TEST_CASE("describe_host_code: the codes that users meet have names") {
  const std::pair<std::uint32_t, const char*> known[] = {{0x00000001, "Success_HostAlreadyInitialized"},
                                                         {0x00000002, "Success_DifferentRuntimeProperties"},
                                                         {0x80008081, "InvalidArgFailure"},
                                                         {0x80008082, "CoreHostLibLoadFailure"},
                                                         {0x80008083, "CoreHostLibMissingFailure"},
                                                         {0x80008085, "CoreHostCurHostFindFailure"},
                                                         {0x80008087, "CoreClrResolveFailure"},
                                                         {0x80008088, "CoreClrBindFailure"},
                                                         {0x80008089, "CoreClrInitFailure"},
                                                         {0x8000808b, "ResolverInitFailure"},
                                                         {0x8000808c, "ResolverResolveFailure"},
                                                         {0x80008091, "SdkNotFound"},
                                                         {0x8000809b, "SdkResolverResolveFailure"},
                                                         {0x80008093, "InvalidConfigFile"},
                                                         {0x80008098, "HostApiBufferTooSmall"},
                                                         {0x8000809c, "FrameworkCompatFailure"},
                                                         {0x800080a1, "LibHostDuplicateProperty"},
                                                         {0x800080a3, "HostInvalidState"},
                                                         {0x800080a5, "HostIncompatibleConfig"},
                                                         {0x800080a6, "HostApiUnsupportedScenario"},
                                                         {0x800080a7, "HostFeatureDisabled"},
                                                         {0x80131522, "COR_E_TYPELOAD"},
                                                         {0x80131523, "COR_E_ENTRYPOINTNOTFOUND"},
                                                         {0x80131513, "COR_E_MISSINGMETHOD"},
                                                         {0x80070002, "COR_E_FILENOTFOUND"},
                                                         {0x80131620, "COR_E_IO"}};
  for (const auto& [code, name] : known) {
    const HostCode* found = find_host_code(static_cast<std::int32_t>(code));
    REQUIRE(found != nullptr);
    CHECK(found->name == name);
    CHECK_FALSE(found->meaning.empty());
  }
}

TEST_CASE("describe_host_code: an unknown code is shown as its number") {
  CHECK(find_host_code(-1) == nullptr);
  CHECK(has(describe_host_code(-1), "0xffffffff"));
}
