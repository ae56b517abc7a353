#include "middleware/builtin/native_response.hpp"

#include <array>
#include <exception>
#include <string>
#include <vector>

namespace owind::middleware {

void respond(Environment& environment, Completion completion, int status, std::string_view content_type,
             std::string_view body, std::span<const FieldView> more) noexcept try {
  const std::string length = std::to_string(body.size());
  std::vector<FieldView> fields{
      {"Content-Type", content_type}, {"Content-Length", length}, {"Cache-Control", "no-store"}};
  fields.insert(fields.end(), more.begin(), more.end());
  ResponseHeadView head;
  head.status = status;
  head.fields = fields;
  std::string error;
  if (environment.head(head, error) != Status::kOk) return completion(Outcome::kFaulted);
  if (!body.empty()) environment.write(std::as_bytes(std::span(body)));
  completion(Outcome::kCompleted);
} catch (const std::exception&) {
  completion(Outcome::kFaulted);
}

}  // namespace owind::middleware
