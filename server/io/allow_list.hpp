// A set of IPv4 and IPv6 networks, as `--allow ADDRESS[/BITS]` names them. FastCGI has no authentication:
// this list is what stands between a TCP listener and the network. Immutable while it is asked, so any thread
// may ask.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace owind::io {

class AllowList {
 public:
  /// Adds `ADDRESS` or `ADDRESS/BITS`. An IPv4 address mapped into IPv6 (::ffff:a.b.c.d) counts as the IPv4
  /// address.
  /// @throws std::invalid_argument when it is neither, or when bits are set behind the first BITS (10.0.0.1/8
  /// is more often a mistake than meant).
  void add(std::string_view network);

  /// The list that FCGI_WEB_SERVER_ADDRS names (FastCGI 1.0 §3.2): addresses with commas between them. What is no
  /// address is left out and appended to `refused`: a list of nothing else lets nobody in.
  static AllowList from_web_server_addresses(std::string_view text, std::vector<std::string>& refused);

  bool empty() const noexcept { return networks_.empty(); }

  /// Whether `address` lies in one of the networks: false for an empty list, and for an address that is
  /// neither IPv4 nor IPv6. A mapped IPv4 address is looked up as IPv4; an IPv6 network, ::/0 too, contains
  /// no IPv4 address.
  bool contains(const sockaddr* address, socklen_t length) const noexcept;

  /// The same for a numeric address as text, without brackets, port and interface; false when it is none.
  bool contains(std::string_view address) const;

  /// As given to add(), in canonical form: "10.0.0.0/8", "::1/128".
  std::vector<std::string> to_strings() const;

  friend bool operator==(const AllowList&, const AllowList&) = default;

 private:
  /// IPv4 is kept in its mapped form, with 96 added to its bits.
  struct Network {
    std::array<std::uint8_t, 16> bytes{};
    unsigned bits = 0;
    bool v4 = false;
    friend bool operator==(const Network&, const Network&) = default;
  };

  bool contains(const std::array<std::uint8_t, 16>& bytes) const noexcept;

  std::vector<Network> networks_;
};

}  // namespace owind::io
