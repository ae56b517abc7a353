#include "server/io/endpoint.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <iterator>
#include <stdexcept>

namespace owind::io {
namespace {

constexpr std::string_view kLoopback = "127.0.0.1";

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  std::string message = "\"";
  std::replace_copy_if(text.begin(), text.end(), std::back_inserter(message), is_control, '?');
  message.append("\" is not an endpoint: ").append(why);
  message.append(
      "\n  Expected ADDRESS:PORT, unix:PATH, fd:N or systemd[:NAME], with or without fcgi:// before it; for "
      "example "
      "127.0.0.1:9000, [::1]:9000, unix:/run/owind/owind.sock, fd:0, systemd:owind.socket");
  throw std::invalid_argument(message);
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// Decimal digits only: no sign, no blank, no overflow.
bool parse_number(std::string_view text, int limit, int& number) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number <= limit;
}

std::string canonical_v4(std::string_view host) {
  in_addr address{};
  char out[INET_ADDRSTRLEN];
  if (inet_pton(AF_INET, std::string(host).c_str(), &address) != 1) return {};
  return inet_ntop(AF_INET, &address, out, sizeof out);
}

/// Keeps the %INTERFACE of a link-local address; it is looked up when the socket is opened.
std::string canonical_v6(std::string_view host) {
  const auto percent = host.find('%');
  if (percent != std::string_view::npos && percent + 1 == host.size()) return {};
  in6_addr address{};
  char out[INET6_ADDRSTRLEN];
  if (inet_pton(AF_INET6, std::string(host.substr(0, percent)).c_str(), &address) != 1) return {};
  std::string canonical = inet_ntop(AF_INET6, &address, out, sizeof out);
  if (percent != std::string_view::npos) canonical.append(host.substr(percent));
  return canonical;
}

UnixPath parse_unix(std::string_view text, std::string_view rest) {
  // unix:///run/x.sock, the form with an empty authority.
  if (rest.starts_with("///")) rest.remove_prefix(2);
  if (rest.empty()) refuse(text, "the path of the Unix socket is missing");
  if (rest.front() == '@') {
    refuse(text,
           "abstract Unix sockets have neither owner nor mode, so every user of the machine could connect; "
           "give the path of a file");
  }
  if (rest.back() == '/') refuse(text, "the path of the Unix socket ends with a slash, so it names a folder");
  if (rest.size() > Endpoint::kMaxUnixPathBytes) {
    refuse(text, "the path of a Unix socket is at most " + std::to_string(Endpoint::kMaxUnixPathBytes) +
                     " bytes long, this one has " + std::to_string(rest.size()));
  }
  return UnixPath{std::string(rest)};
}

InheritedDescriptor parse_descriptor(std::string_view text, std::string_view rest) {
  int fd = 0;
  if (!parse_number(rest, 1 << 20, fd)) refuse(text, "after fd: comes the number of an open descriptor");
  return InheritedDescriptor{fd};
}

SystemdSockets parse_systemd(std::string_view text, std::string_view rest) {
  if (rest.empty()) return {};
  rest.remove_prefix(1);
  if (rest.empty()) refuse(text, "after systemd: comes the FileDescriptorName of the .socket unit");
  if (rest.find(':') != std::string_view::npos) refuse(text, "a FileDescriptorName contains no colon");
  return SystemdSockets{std::string(rest)};
}

TcpAddress parse_tcp(std::string_view text, std::string_view rest) {
  if (rest.ends_with('/')) rest.remove_suffix(1);  // as URLs are often written
  std::string_view host;
  std::string_view port = rest;
  bool bracketed = false;
  if (rest.starts_with('[')) {
    const auto close = rest.find(']');
    if (close == std::string_view::npos) refuse(text, "the closing bracket of the IPv6 address is missing");
    bracketed = true;
    host = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
    if (!rest.starts_with(':')) refuse(text, "the port is missing");
    port = rest.substr(1);
  } else if (const auto colon = rest.rfind(':'); colon != std::string_view::npos) {
    host = rest.substr(0, colon);
    port = rest.substr(colon + 1);
    if (host.find(':') != std::string_view::npos)
      refuse(text, "an IPv6 address stands in brackets, as in [::1]:9000");
  } else if (rest.empty()) {
    refuse(text, "it is empty");
  } else if (!std::all_of(rest.begin(), rest.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    refuse(text, "the port is missing");
  }
  int number = 0;
  if (port.empty()) refuse(text, "the port is missing");
  if (!parse_number(port, 65535, number))
    refuse(text, "the port is a number from 0 (the kernel chooses) to 65535");

  TcpAddress address;
  address.port = static_cast<std::uint16_t>(number);
  if (bracketed) {
    address.host = canonical_v6(host);
    if (address.host.empty()) refuse(text, "what stands in the brackets is not an IPv6 address");
  } else if (host.empty() || host == "localhost") {
    address.host = kLoopback;
  } else if (host == "*") {
    refuse(text, "every address is written 0.0.0.0 (IPv4) or [::] (IPv6)");
  } else {
    address.host = canonical_v4(host);
    if (address.host.empty()) {
      refuse(text, "\"" + std::string(host) + "\" is not a numeric address, and names are not looked up");
    }
  }
  return address;
}

struct Printer {
  std::string operator()(const TcpAddress& tcp) const {
    const std::string port = std::to_string(tcp.port);
    return tcp.is_v6() ? "[" + tcp.host + "]:" + port : tcp.host + ":" + port;
  }
  std::string operator()(const UnixPath& file) const { return "unix:" + file.path; }
  std::string operator()(const InheritedDescriptor& inherited) const {
    return "fd:" + std::to_string(inherited.fd);
  }
  std::string operator()(const SystemdSockets& systemd) const {
    return systemd.name.empty() ? "systemd" : "systemd:" + systemd.name;
  }
};

}  // namespace

bool TcpAddress::is_loopback() const {
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  if (inet_pton(AF_INET6, host.substr(0, host.find('%')).c_str(), &v6) != 1) return false;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return v6.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6);
}

Endpoint Endpoint::parse(std::string_view text) {
  Endpoint endpoint;
  std::string_view rest = text;
  if (std::any_of(text.begin(), text.end(), is_control)) refuse(text, "it contains a control character");
  if (take_prefix(rest, "http://")) {
    endpoint.scheme = Scheme::kHttp;
  } else if (!take_prefix(rest, "fcgi://")) {
    const auto separator = rest.find("://");
    if (rest.starts_with("https://")) {
      refuse(text, "TLS ends at the web server in front; listen with fcgi:// or http://");
    }
    // A path may contain "://"; a scheme comes before any colon.
    if (separator != std::string_view::npos && separator == rest.find(':') && !rest.starts_with("unix:")) {
      refuse(text, "the scheme is fcgi or http");
    }
  }
  if (take_prefix(rest, "unix:")) {
    endpoint.place = parse_unix(text, rest);
  } else if (take_prefix(rest, "fd:")) {
    endpoint.place = parse_descriptor(text, rest);
  } else if (rest == "systemd" || rest.starts_with("systemd:")) {
    endpoint.place = parse_systemd(text, rest.substr(std::strlen("systemd")));
  } else if (rest.starts_with('/') || rest.starts_with("./") || rest.ends_with(".sock")) {
    refuse(text, "the path of a Unix socket is written unix:PATH");
  } else {
    endpoint.place = parse_tcp(text, rest);
  }
  return endpoint;
}

std::string Endpoint::to_string() const {
  return (scheme == Scheme::kHttp ? "http://" : "fcgi://") + std::visit(Printer{}, place);
}

}  // namespace owind::io
