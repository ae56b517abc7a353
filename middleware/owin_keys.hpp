// The one table of OWIN keys (OWIN 1.0.1 §3.2, CommonKeys, and the keys that Katana's middleware relies on):
// which key is served from which slot of the request block, of which kind its value is, and whether the
// specification requires it. The managed environment's constants and slot switch are generated from it
// (hosting/bridge/generate_keys.cpp), so the two halves cannot drift.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace owind::middleware {

/// Index into RequestHeader::slots. Values of OWIND_SLOT_* in hosting/bridge_abi.h.
enum class Slot : std::uint8_t {
  kMethod = 0,
  kScheme = 1,
  kPathBase = 2,
  kPath = 3,
  kQueryString = 4,
  kProtocol = 5,
  kRemoteIp = 6,
  kRemotePort = 7,
  kLocalIp = 8,
  kLocalPort = 9,
  kRequestId = 10,
  kClientCertificate = 11,
  kRemoteUser = 12,
  kRawTarget = 13,
  kGatewayRole = 14,
  kClientVerification = 15,
  kCount = 16,
};

enum class KeyKind : std::uint8_t {
  kBlockString,  ///< A string of the request block, made on first access.
  kBlockFlag,    ///< A bool from the flags of the request block.
  kObject,  ///< An object that the bridge makes on first access (streams, header dictionaries, delegates,
            ///< tokens).
  kApplication,  ///< Written by the application or middleware; the server reads it when the response starts.
  kProcess,      ///< One value for the whole process (host.*, server.Capabilities).
};

struct OwinKey {
  std::string_view name;    ///< As it stands in the dictionary; compared ordinally.
  std::string_view symbol;  ///< Its constant in generated code.
  KeyKind kind;
  Slot slot;                 ///< What the value is, or is made from; else kCount.
  bool required;             ///< By OWIN 1.0.1 §3.2.
  std::string_view section;  ///< Where its meaning is specified.
};

/// Every key that the server knows, most used first.
std::span<const OwinKey> owin_keys();

}  // namespace owind::middleware
