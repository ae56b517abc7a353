#include "server/observe/escape.hpp"

#include <cstdint>

namespace owind::observe {
namespace {

struct Character {
  std::size_t bytes = 1;   ///< How many of the text it takes.
  bool printable = false;  ///< Otherwise each byte is escaped.
};

bool is_continuation(unsigned char byte) { return (byte & 0xc0) == 0x80; }

/// Whether a terminal or an editor would do something else with the code point than show it.
bool is_harmful(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) ||  // C0, DEL, C1
         code == 0x2028 || code == 0x2029 ||              // line and paragraph separators
         code == 0x200e || code == 0x200f || code == 0x061c || (code >= 0x202a && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069) ||  // direction of writing
         code == 0xfeff;                        // byte order mark
}

/// The first character of `text`, which is not empty. Overlong forms, surrogates and what lies above U+10FFFF
/// are no UTF-8 (RFC 3629 §3).
Character first_character(std::string_view text) {
  const auto at = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return {1, !is_harmful(lead)};
  std::size_t length = 0;
  std::uint32_t code = 0;
  std::uint32_t smallest = 0;
  if (lead >= 0xc2 && lead <= 0xdf) {
    length = 2, code = lead & 0x1fu, smallest = 0x80;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    length = 3, code = lead & 0x0fu, smallest = 0x800;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    length = 4, code = lead & 0x07u, smallest = 0x10000;
  } else {
    return {};
  }
  if (text.size() < length) return {};
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(at(i))) return {};
    code = (code << 6) | (at(i) & 0x3fu);
  }
  if (code < smallest || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {length, !is_harmful(code)};
}

void append_hex(std::string& out, unsigned char byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\x";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 0x0f];
}

}  // namespace

void append_escaped(std::string& out, std::string_view text, std::size_t max_bytes) {
  std::size_t written = 0;
  while (!text.empty()) {
    const Character character = first_character(text);
    const bool backslash = text.front() == '\\';
    const std::size_t needed = backslash ? 2 : character.printable ? character.bytes : 4 * character.bytes;
    if (written + needed > max_bytes) {
      out += "... (" + std::to_string(text.size()) + " bytes more)";
      return;
    }
    if (backslash) {
      out += "\\\\";
    } else if (character.printable) {
      out += text.substr(0, character.bytes);
    } else {
      for (std::size_t i = 0; i < character.bytes; ++i) append_hex(out, static_cast<unsigned char>(text[i]));
    }
    written += needed;
    text.remove_prefix(character.bytes);
  }
}

std::string escape(std::string_view text, std::size_t max_bytes) {
  std::string out;
  out.reserve(text.size() < max_bytes ? text.size() : max_bytes);
  append_escaped(out, text, max_bytes);
  return out;
}

}  // namespace owind::observe
