#include "server/observe/rate_limit.hpp"

#include <algorithm>
#include <functional>

namespace owind::observe {
namespace {

constexpr std::size_t kMaxSiteBytes = 48;

}  // namespace

std::string_view RateLimit::site_of(std::string_view text) {
  text = text.substr(0, kMaxSiteBytes);
  text = text.substr(0, text.find_first_of("0123456789\"'`:([{<"));
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

RateLimit::Verdict RateLimit::admit(middleware::Severity severity, std::string_view name,
                                    Clock::time_point now) {
  Site& site = sites_[std::hash<std::string_view>{}(name) % kSites];
  if (!site.open) {
    ++open_sites_;
    site.open = true;
    site.name = name;
    site.severity = severity;
    site.begin = now;
    site.admitted = 0;
    site.suppressed = 0;
  }
  if (site.admitted < lines_per_window_) {
    ++site.admitted;
    return Verdict::kWrite;
  }
  site.severity = std::max(site.severity, severity);
  return ++site.suppressed == 1 ? Verdict::kHoldBackFirst : Verdict::kHoldBack;
}

void RateLimit::close_site(Site& site, const Report& report) {
  site.open = false;
  --open_sites_;
  if (site.suppressed > 0) report({site.name, site.severity, site.suppressed});
}

void RateLimit::expire(Clock::time_point now, const Report& report) {
  if (open_sites_ == 0) return;
  for (Site& site : sites_) {
    if (site.open && now - site.begin >= kWindow) close_site(site, report);
  }
}

void RateLimit::close(const Report& report) {
  for (Site& site : sites_) {
    if (site.open) close_site(site, report);
  }
}

RateLimit::Clock::time_point RateLimit::next_report() const {
  Clock::time_point next = Clock::time_point::max();
  if (open_sites_ == 0) return next;
  for (const Site& site : sites_) {
    if (site.open && site.suppressed > 0) next = std::min(next, site.begin + kWindow);
  }
  return next;
}

}  // namespace owind::observe
