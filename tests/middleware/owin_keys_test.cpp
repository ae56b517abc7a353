// The key table against the specification: complete, without doubles, and fit to be generated from.
#include "middleware/owin_keys.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>

using namespace owind::middleware;

namespace {

const OwinKey* find(std::string_view name) {
  const auto keys = owin_keys();
  const auto found =
      std::find_if(keys.begin(), keys.end(), [&](const OwinKey& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

}  // namespace

TEST_CASE("owin_keys: every key that OWIN requires is there and marked, and no other [OWIN 1.0.1 3.2]") {
  const std::set<std::string_view> required{
      "owin.RequestBody",     "owin.RequestHeaders",  "owin.RequestMethod",      "owin.RequestPath",
      "owin.RequestPathBase", "owin.RequestProtocol", "owin.RequestQueryString", "owin.RequestScheme",
      "owin.ResponseBody",    "owin.ResponseHeaders", "owin.CallCancelled",      "owin.Version"};
  std::set<std::string_view> marked;
  for (const OwinKey& key : owin_keys())
    if (key.required) marked.insert(key.name);
  CHECK(marked == required);
}

TEST_CASE("owin_keys: the optional keys of OWIN are there [OWIN 1.0.1 3.2]") {
  for (const auto* name : {"owin.RequestId", "owin.RequestUser", "owin.ResponseStatusCode",
                           "owin.ResponseReasonPhrase", "owin.ResponseProtocol"}) {
    REQUIRE(find(name));
    CHECK(!find(name)->required);
  }
}

TEST_CASE("owin_keys: names and symbols are unique, and symbols are identifiers") {
  std::set<std::string_view> names;
  std::set<std::string_view> symbols;
  for (const OwinKey& key : owin_keys()) {
    CHECK(names.insert(key.name).second);
    CHECK(symbols.insert(key.symbol).second);
    REQUIRE(!key.symbol.empty());
    CHECK(std::isupper(static_cast<unsigned char>(key.symbol.front())));
    CHECK(std::all_of(key.symbol.begin(), key.symbol.end(),
                      [](char c) { return std::isalnum(static_cast<unsigned char>(c)); }));
    CHECK(!key.section.empty());
    CHECK(key.name.find_first_of(" \"\\") == std::string_view::npos);
  }
}

TEST_CASE("owin_keys: a string of the block has its own slot, and no flag or process value has one") {
  std::set<Slot> slots;
  for (const OwinKey& key : owin_keys()) {
    CAPTURE(key.name);
    if (key.kind == KeyKind::kBlockString) {
      CHECK(key.slot < Slot::kCount);
      CHECK(slots.insert(key.slot).second);
    } else if (key.kind != KeyKind::kObject) {
      CHECK(key.slot == Slot::kCount);
    }
  }
}

TEST_CASE("owin_keys: the slots mean what the boundary says [bridge_abi.h]") {
  CHECK(find("owin.RequestPath")->slot == Slot::kPath);
  CHECK(find("owin.RequestPathBase")->slot == Slot::kPathBase);
  CHECK(find("owin.RequestQueryString")->slot == Slot::kQueryString);
  CHECK(find("owin.RequestMethod")->slot == Slot::kMethod);
  CHECK(find("owin.RequestScheme")->slot == Slot::kScheme);
  CHECK(find("owin.RequestProtocol")->slot == Slot::kProtocol);
  CHECK(find("owin.RequestId")->slot == Slot::kRequestId);
  CHECK(find("server.RemoteIpAddress")->slot == Slot::kRemoteIp);
  CHECK(find("server.RemotePort")->slot == Slot::kRemotePort);
  CHECK(find("server.LocalIpAddress")->slot == Slot::kLocalIp);
  CHECK(find("server.LocalPort")->slot == Slot::kLocalPort);
  CHECK(find("ssl.ClientCertificate")->slot == Slot::kClientCertificate);
  CHECK(find("ssl.ClientCertificateErrors")->slot == Slot::kClientVerification);
  CHECK(find("owind.RawTarget")->slot == Slot::kRawTarget);
  CHECK(find("fastcgi.Role")->slot == Slot::kGatewayRole);
}
