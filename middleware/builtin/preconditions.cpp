#include "middleware/builtin/preconditions.hpp"

#include "middleware/http_date.hpp"

namespace owind::middleware {
namespace {

/// Calls `found(value)` for each field of that name, until it says true; whether it did.
template <typename Found>
bool any_field(const RequestBlock& request, std::string_view name, Found&& found) {
  for (const auto& field : request.fields())
    if (equals_ignore_case(request.view(field.name), name) && found(request.view(field.value))) return true;
  return false;
}

/// Whether the entity tag is in a list such as `W/"a", "b"`, or the list is `*`.
bool lists(std::string_view list, std::string_view etag, bool weak_counts) {
  std::size_t at = 0;
  while (at < list.size()) {
    at = list.find_first_not_of(" \t,", at);
    if (at == list.npos) return false;
    if (list[at] == '*') return true;
    const bool weak = list.substr(at).starts_with("W/");
    if (weak) at += 2;
    if (at >= list.size() || list[at] != '"') return false;
    const std::size_t end = list.find('"', at + 1);
    if (end == list.npos) return false;
    if ((weak_counts || !weak) && list.substr(at, end + 1 - at) == etag) return true;
    at = end + 1;
  }
  return false;
}

}  // namespace

Precondition check_preconditions(const RequestBlock& request, const Validators& validators) {
  if (request.find("If-Match")) {
    if (!any_field(request, "If-Match",
                   [&](std::string_view value) { return lists(value, validators.etag, false); }))
      return Precondition::kFailed;
  } else if (const auto* since = request.find("If-Unmodified-Since")) {
    const auto date = parse_http_date(request.view(since->value));
    if (date && validators.modified > *date) return Precondition::kFailed;
  }
  if (request.find("If-None-Match")) {
    if (any_field(request, "If-None-Match",
                  [&](std::string_view value) { return lists(value, validators.etag, true); }))
      return Precondition::kNotModified;
  } else if (const auto* since = request.find("If-Modified-Since")) {
    const std::string_view value = request.view(since->value);
    // Nearly always it is what was sent before.
    if (value == http_date(validators.modified)) return Precondition::kNotModified;
    const auto date = parse_http_date(value);
    if (date && validators.modified <= *date) return Precondition::kNotModified;
  }
  return Precondition::kMet;
}

bool range_counts(const RequestBlock& request, const Validators& validators) {
  const auto* field = request.find("If-Range");
  if (!field) return true;
  const std::string_view value = request.view(field->value);
  return value.starts_with('"') ? value == validators.etag : value == http_date(validators.modified);
}

}  // namespace owind::middleware
