#include "server/protocol/path_decoder.hpp"

#include <cstring>

#include "middleware/request_block.hpp"

namespace owind::protocol {
namespace {

constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The byte that the escape at the start of `text` stands for; -1: there is none.
constexpr int escaped_byte(std::string_view text) {
  if (text.size() < 3 || text[0] != '%') return -1;
  const int high = hex_digit(text[1]);
  const int low = hex_digit(text[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/// How many bytes a UTF-8 sequence has that starts with `lead`, and what its second byte may be (RFC 3629
/// §4): the narrower ranges are what excludes overlong forms, surrogates and everything above U+10FFFF. 0:
/// `lead` starts none.
struct Sequence {
  int length = 0;
  int second_min = 0x80;
  int second_max = 0xbf;
};
constexpr Sequence sequence_of(int lead) {
  if (lead >= 0xc2 && lead <= 0xdf) return {2};
  if (lead == 0xe0) return {3, 0xa0, 0xbf};
  if (lead == 0xed) return {3, 0x80, 0x9f};
  if (lead >= 0xe1 && lead <= 0xef) return {3};
  if (lead == 0xf0) return {4, 0x90, 0xbf};
  if (lead >= 0xf1 && lead <= 0xf3) return {4};
  if (lead == 0xf4) return {4, 0x80, 0x8f};
  return {};
}

/// Decodes the escapes of one character beyond ASCII at the start of `text`. Returns its length in bytes; 0:
/// not UTF-8.
std::size_t decode_sequence(std::string_view text, int lead, char (&to)[4]) {
  const Sequence sequence = sequence_of(lead);
  if (sequence.length == 0) return 0;
  to[0] = static_cast<char>(lead);
  for (int i = 1; i < sequence.length; ++i) {
    text.remove_prefix(3);
    const int byte = escaped_byte(text);
    const int min = i == 1 ? sequence.second_min : 0x80;
    const int max = i == 1 ? sequence.second_max : 0xbf;
    if (byte < min || byte > max) return 0;
    to[i] = static_cast<char>(byte);
  }
  return static_cast<std::size_t>(sequence.length);
}

}  // namespace

DecodedPath decode_path(std::string_view raw, EncodedSlash slash, char* to) noexcept {
  DecodedPath decoded;
  char* out = to;
  std::size_t at = 0;
  while (at < raw.size()) {
    if (raw[at] == '\0') return {PathError::kNul, 0};
    if (raw[at] != '%') {
      *out++ = raw[at++];
      continue;
    }
    const int byte = escaped_byte(raw.substr(at));
    if (byte == 0) return {PathError::kNul, 0};
    if (byte == '/' && slash == EncodedSlash::kReject) return {PathError::kEncodedSlash, 0};
    char character[4] = {static_cast<char>(byte)};
    std::size_t length = 1;
    if (byte >= 0x80) length = decode_sequence(raw.substr(at), byte, character);
    const bool keep = byte < 0 || length == 0 || (byte == '/' && slash == EncodedSlash::kKeep);
    if (keep) {
      *out++ = raw[at++];
      continue;
    }
    at += 3 * length;
    for (std::size_t i = 0; i < length; ++i) *out++ = character[i];
  }
  decoded.length = static_cast<std::size_t>(out - to);
  return decoded;
}

std::size_t remove_dot_segments(char* path, std::size_t length) noexcept {
  std::size_t out = 0;
  for (std::size_t in = 0; in < length;) {
    const void* next = std::memchr(path + in + 1, '/', length - in - 1);
    const std::size_t end = next ? static_cast<std::size_t>(static_cast<const char*>(next) - path) : length;
    const std::string_view segment(path + in + 1, end - in - 1);
    const bool dots = segment == "." || segment == "..";
    if (!dots) {
      if (out != in) std::memmove(path + out, path + in, end - in);
      out += end - in;
    } else {
      // Back to the slash before the last segment that was written.
      if (segment == "..")
        while (out > 0 && path[--out] != '/') {
        }
      if (end == length) path[out++] = '/';
    }
    in = end;
  }
  return out;
}

bool is_plain_path(std::string_view path) noexcept {
  if (path.empty()) return true;
  if (std::memchr(path.data(), '%', path.size()) || std::memchr(path.data(), '\0', path.size())) return false;
  for (std::size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', dot + 1))
    if (dot > 0 && path[dot - 1] == '/') return false;
  return true;
}

std::size_t match_path_base(std::string_view path, std::string_view base) noexcept {
  if (base.empty() || path.size() < base.size()) return 0;
  if (!middleware::equals_ignore_case(path.substr(0, base.size()), base)) return 0;
  return path.size() == base.size() || path[base.size()] == '/' ? base.size() : 0;
}

}  // namespace owind::protocol
