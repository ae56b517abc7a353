#include "middleware/builtin/known_hosts.hpp"

#include <algorithm>

#include "middleware/builtin/native_response.hpp"

namespace owind::middleware {
namespace {

std::string_view without_port(std::string_view host) {
  const std::size_t bracket = host.starts_with('[') ? host.find(']') : 0;
  const std::size_t colon = host.find(':', std::min(bracket, host.size()));
  return host.substr(0, colon);
}

/// Four numbers of which the first is 127: what no name server can give to another name.
bool is_ipv4_loopback(std::string_view host) {
  return host.starts_with("127.") && std::count(host.begin(), host.end(), '.') == 3 &&
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool is_localhost(std::string_view host) {
  constexpr std::string_view kName = "localhost";
  if (host.size() < kName.size()) return false;
  const std::size_t before = host.size() - kName.size();
  return equals_ignore_case(host.substr(before), kName) && (before == 0 || host[before - 1] == '.');
}

}  // namespace

bool KnownHosts::knows(std::string_view field) const {
  std::string_view host = without_port(field);
  if (host.ends_with('.')) host.remove_suffix(1);
  return is_localhost(host) || is_ipv4_loopback(host) || host == "[::1]" ||
         std::any_of(more_.begin(), more_.end(),
                     [&](const std::string& name) { return equals_ignore_case(name, host); });
}

void KnownHosts::invoke(Environment& environment, Completion completion, const AppFunc& next) noexcept {
  const RequestBlock& request = environment.request();
  const FieldSlice* field = request.find("Host");
  if (field == nullptr || knows(request.view(field->value))) return next(environment, std::move(completion));
  enter(environment.entry());
  respond(environment, std::move(completion), 421, "text/plain; charset=utf-8",
          "This development server answers for localhost only, so that no other site can read its pages.\n"
          "To reach it by another name: owind dev --host NAME\n");
}

}  // namespace owind::middleware
