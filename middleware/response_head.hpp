// The head of a response: as the application gives it (a view), and as the server keeps it after checking (a
// copy).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace owind::middleware {

struct FieldView {
  std::string_view name;
  std::string_view value;
};

/// What the application hands over; valid during the call only.
struct ResponseHeadView {
  int status = 200;
  std::string_view reason;  ///< Empty: the standard phrase.
  std::span<const FieldView> fields;
  bool no_body_follows = false;  ///< The application wrote nothing: a length of 0 is stated.
  bool unbuffered = false;       ///< Asks the front end to pass every write on at once.
  /// All of it as the application serialised it, or empty. Equal bytes are an equal head: an exchange that
  /// has checked them once need not check them again.
  std::span<const std::byte> bytes{};
};

/// A checked head. Reused from one request to the next; keeps its memory.
class ResponseHead {
 public:
  int status = 200;
  bool unbuffered = false;
  /// Body bytes are taken and dropped (HEAD, 204, 304; RFC 9110 §6.4.1).
  bool body_swallowed = false;
  /// What Content-Length said; -1: nothing. For a swallowed body it says nothing about the bytes that are
  /// sent.
  std::int64_t content_length = -1;

  void clear() {
    text_.clear();
    fields_.clear();
    reason_length_ = 0;
    status = 200;
    unbuffered = body_swallowed = false;
    content_length = -1;
    rendered_by_ = nullptr;
  }
  void set_reason(std::string_view reason) {
    reason_length_ = reason.size();
    text_.append(reason);
  }
  void add(std::string_view name, std::string_view value) {
    fields_.push_back({text_.size(), name.size(), value.size()});
    text_.append(name).append(value);
  }
  /// Never empty once checked.
  std::string_view reason() const { return std::string_view(text_).substr(0, reason_length_); }
  std::size_t field_count() const { return fields_.size(); }
  FieldView field(std::size_t index) const {
    const auto& f = fields_[index];
    const std::string_view all(text_);
    return {all.substr(f.offset, f.name), all.substr(f.offset + f.name, f.value)};
  }
  std::size_t size_bytes() const { return text_.size() + 4 * fields_.size(); }

  /// What remember() was given for this head by the same renderer, or empty. Most responses of an application
  /// have the same head as the one before, and a protocol whose heads depend on nothing else need not format
  /// it again.
  std::span<const std::byte> rendered(const void* renderer) const {
    return renderer == rendered_by_ ? std::span<const std::byte>(rendered_) : std::span<const std::byte>();
  }
  /// Keeps the head as `renderer` (any address that is the protocol's own) has formatted it, if it is small.
  /// By the shard's leader only, like rendered().
  void remember(const void* renderer, std::span<const std::byte> bytes) const {
    if (bytes.size() > kKeptRendering) return;
    rendered_.assign(bytes.begin(), bytes.end());
    rendered_by_ = renderer;
  }

 private:
  struct Field {
    std::size_t offset, name, value;
  };
  static constexpr std::size_t kKeptRendering = 1024;

  std::string text_;
  std::vector<Field> fields_;
  std::size_t reason_length_ = 0;
  mutable std::vector<std::byte> rendered_;
  mutable const void* rendered_by_ = nullptr;
};

}  // namespace owind::middleware
