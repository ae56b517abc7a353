#include "server/protocol/header_name.hpp"

#include <array>

namespace owind::protocol {
namespace {

/// What a byte of a variable's name becomes at the start of a word, and inside one; 0: it is in no token.
struct Letters {
  std::array<char, 256> first{};
  std::array<char, 256> inner{};
};
constexpr Letters make_letters() {
  Letters letters;
  const auto put = [&](char c, char first, char inner) {
    letters.first[static_cast<unsigned char>(c)] = first;
    letters.inner[static_cast<unsigned char>(c)] = inner;
  };
  for (char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '`', '|', '~'}) put(c, c, c);
  for (char c = '0'; c <= '9'; ++c) put(c, c, c);
  for (char c = 'A'; c <= 'Z'; ++c) {
    const char small = static_cast<char>(c + ('a' - 'A'));
    put(c, c, small);
    put(small, c, small);
  }
  put('_', '-', '-');
  return letters;
}
constexpr Letters kLetters = make_letters();

}  // namespace

bool restore_header_name(std::string_view variable, char* to) noexcept {
  // Judged by what was read before, not by what was written, and without a way out: so the steps do not wait
  // for each other.
  bool token = !variable.empty();
  char before = '_';
  for (const char c : variable) {
    const auto& table = before == '_' || before == '-' ? kLetters.first : kLetters.inner;
    const char written = table[static_cast<unsigned char>(c)];
    token &= written != 0;
    *to++ = written;
    before = c;
  }
  return token;
}

bool is_token(std::string_view text) noexcept {
  for (const char c : text)
    if (kLetters.first[static_cast<unsigned char>(c)] == 0) return false;
  return !text.empty();
}

}  // namespace owind::protocol
