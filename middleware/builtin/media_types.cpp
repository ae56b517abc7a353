#include "middleware/builtin/media_types.hpp"

#include <fstream>
#include <iterator>
#include <sstream>

namespace owind::middleware {
namespace {

// RFC 9239 for scripts, the IANA registry for the rest.
constexpr std::string_view kBuiltin = R"(
text/html html htm
text/css css
text/javascript js mjs
text/plain txt
text/csv csv
text/markdown md
application/json json map
application/manifest+json webmanifest
application/xml xml
application/pdf pdf
application/wasm wasm
application/zip zip
application/gzip gz
image/svg+xml svg
image/png png
image/jpeg jpg jpeg
image/gif gif
image/webp webp
image/avif avif
image/vnd.microsoft.icon ico
font/woff woff
font/woff2 woff2
font/ttf ttf
font/otf otf
audio/mpeg mp3
audio/ogg ogg
video/mp4 mp4
video/webm webm
)";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

void read(std::string_view table, std::map<std::string, std::string, std::less<>>& into) {
  std::istringstream lines{std::string(table)};
  for (std::string line; std::getline(lines, line);) {
    if (const auto comment = line.find('#'); comment != line.npos) line.erase(comment);
    std::istringstream words(line);
    std::string type;
    if (!(words >> type) || type.find('/') == type.npos) continue;
    for (std::string ending; words >> ending;) into[lower(ending)] = type;
  }
}

}  // namespace

MediaTypes::MediaTypes(std::string_view table) {
  read(kBuiltin, types_);
  read(table, types_);
}

MediaTypes MediaTypes::of_system() {
  std::ifstream file("/etc/mime.types");
  return MediaTypes(std::string{std::istreambuf_iterator<char>(file), {}});
}

std::string_view MediaTypes::of(std::string_view name) const {
  name = name.substr(name.rfind('/') + 1);
  const auto dot = name.rfind('.');
  if (dot == name.npos) return kUnknown;
  const auto found = types_.find(lower(name.substr(dot + 1)));
  return found == types_.end() ? kUnknown : std::string_view(found->second);
}

}  // namespace owind::middleware
