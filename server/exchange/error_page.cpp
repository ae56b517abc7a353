#include "server/exchange/error_page.hpp"

#include <array>

#include "middleware/response_rules.hpp"

namespace owind::exchange {

std::string error_page(int status, bool is_head_request, middleware::ResponseHead& head,
                       std::string_view request_id) {
  const std::string_view reason = middleware::standard_reason(status);
  const std::string title = std::to_string(status) + " " + std::string(reason);
  std::string page = "<!DOCTYPE html>\n<html lang=\"en\"><head><title>" + title +
                     "</title></head>\n<body><h1>" + title + "</h1>" +
                     (request_id.empty() ? "" : "<p>Request " + std::string(request_id) + "</p>") +
                     "</body></html>\n";
  const std::string length = std::to_string(page.size());
  std::array<middleware::FieldView, 4> fields{{{"Content-Type", "text/html; charset=utf-8"},
                                               {"Content-Length", length},
                                               {"Cache-Control", "no-store"},
                                               {"Retry-After", "1"}}};
  middleware::ResponseHeadView view;
  view.status = status;
  view.fields = std::span(fields).first(status == 503 ? 4 : 3);
  std::string error;
  // The head is our own and keeps the rules; were it not so, an empty page would still be an answer.
  if (!check_response_head(view, {is_head_request, false}, head, error)) head.clear();
  if (head.body_swallowed) page.clear();
  return page;
}

std::string request_id_of(middleware::Token token) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[(token.value >> shift) & 15];
  return text;
}

}  // namespace owind::exchange
