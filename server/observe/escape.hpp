// Makes bytes from anywhere fit to stand in one line of a log that people read in a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace owind::observe {

/// A line above it is cut: a visitor shall not fill the disk with one request. Longer than any path that
/// nginx lets through (8 KiB of a header line) would be with some words around it.
inline constexpr std::size_t kMaxLineBytes = 8 * 1024;

/// Appends `text` to `out`. Printable UTF-8 stays as it is; each byte of anything else becomes \xNN: control
/// characters (C0, DEL and C1), line and paragraph separators, marks that change the direction of writing,
/// and what is not UTF-8. A backslash becomes
/// \\, so that nothing can look as if it had been escaped.
/// Appends at most `max_bytes`, and when that was not enough "... (N bytes more)" with the number of bytes of
/// `text` left out; neither a character nor an escape is cut in two.
void append_escaped(std::string& out, std::string_view text, std::size_t max_bytes = kMaxLineBytes);

/// The same as a value.
std::string escape(std::string_view text, std::size_t max_bytes = kMaxLineBytes);

}  // namespace owind::observe
