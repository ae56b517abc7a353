#include "middleware/builtin/static_files.hpp"

#include <array>
#include <charconv>
#include <exception>
#include <system_error>
#include <utility>

#include "middleware/builtin/accepted_coding.hpp"
#include "middleware/builtin/byte_range.hpp"
#include "middleware/builtin/native_response.hpp"
#include "middleware/builtin/preconditions.hpp"
#include "middleware/http_date.hpp"

namespace owind::middleware {
namespace {

constexpr std::string_view kFolderPage = "index.html";

struct Coding {
  std::string_view name;
  std::string_view ending;
};
/// In the order of preference: the first is the smaller one.
constexpr std::array<Coding, 2> kCodings{{{"br", ".br"}, {"gzip", ".gz"}}};

/// Whether `path` is the prefix or below it.
bool below(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

/// Whether a name may be looked up at all. The kernel keeps names inside their folder in any case; this says
/// which ones nobody asks for in earnest (and a backslash is a slash to who wrote the application on Windows).
bool is_servable(std::string_view name) {
  if (name.find('\0') != name.npos || name.find('\\') != name.npos) return false;
  while (true) {
    const auto slash = name.find('/');
    const std::string_view segment = name.substr(0, slash);
    const bool last = slash == name.npos;
    if (segment.empty() && !last) return false;
    if (segment.starts_with('.') && segment != ".well-known") return false;
    if (last) return true;
    name.remove_prefix(slash + 1);
  }
}

/// A path as it stands in a URI (RFC 3986 §3.3): everything else percent-encoded.
std::string encode_path(std::string_view path) {
  static constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/";
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    if (kPlain.find(c) != kPlain.npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

/// Strong: another content has another size or another time. A coding is part of it (RFC 9110 §8.8.3).
std::string entity_tag(const OpenFile& file, std::string_view coding) {
  std::array<char, 48> text;
  char* end = std::to_chars(text.data(), text.data() + 20, static_cast<std::uint64_t>(file.modified_ns()), 16).ptr;
  *end++ = '-';
  end = std::to_chars(end, text.data() + text.size(), file.size(), 16).ptr;
  std::string tag = "\"" + std::string(text.data(), end);
  if (!coding.empty()) tag.append("-").append(coding);
  return tag + "\"";
}

}  // namespace

StaticFiles::StaticFiles(Options options, MediaTypes types, TraceSink& trace)
    : options_(std::move(options)), types_(std::move(types)), trace_(trace) {}

void StaticFiles::invoke(Environment& environment, Completion completion, const AppFunc& next) noexcept {
  try {
    const std::string_view method = environment.request().get(Slot::kMethod);
    if (method == "GET" || method == "HEAD") {
      for (const Mount& mount : options_.mounts)
        if (serve(environment, completion, mount) == Outcome::kAnswered) return;
    }
  } catch (const std::exception&) {
    // Out of memory.
    if (completion) completion(middleware::Outcome::kFaulted);
    return;
  }
  next(environment, std::move(completion));
}

StaticFiles::Outcome StaticFiles::serve(Environment& environment, Completion& completion, const Mount& mount) {
  const std::string_view path = environment.request().get(Slot::kPath);
  if (!below(path, mount.prefix) || path.size() == mount.prefix.size()) return Outcome::kNotHere;
  std::string name(path.substr(mount.prefix.size() + 1));
  if (!is_servable(name)) return Outcome::kNotHere;
  if (name.empty() || name.ends_with('/')) name += kFolderPage;
  enter(environment.entry());
  OpenFile file;
  switch (const auto found = file.open_below(mount.folder, name)) {
    case OpenFile::Found::kFile:
      send(environment, std::move(completion), std::move(file), mount.folder, name);
      return Outcome::kAnswered;
    case OpenFile::Found::kFolder: {
      // The page's relative links need the slash. Without a page the folder is none of ours.
      OpenFile page;
      if (page.open_below(mount.folder, name + "/" + std::string(kFolderPage)) != OpenFile::Found::kFile)
        return Outcome::kNotHere;
      redirect_to_folder(environment, std::move(completion));
      return Outcome::kAnswered;
    }
    case OpenFile::Found::kNothing:
      return Outcome::kNotHere;
    case OpenFile::Found::kDenied:
    case OpenFile::Found::kFailed:
      refuse(environment, std::move(completion), file, found, mount.folder + "/" + name);
      return Outcome::kAnswered;
  }
  return Outcome::kNotHere;
}

void StaticFiles::redirect_to_folder(Environment& environment, Completion completion) {
  const auto& request = environment.request();
  // It has no empty segments: never "//host", which would be another server.
  std::string to = encode_path(request.get(Slot::kPathBase)) + encode_path(request.get(Slot::kPath)) + "/";
  if (const auto query = request.get(Slot::kQueryString); !query.empty()) to.append("?").append(query);
  const FieldView fields[] = {{"Location", to}};
  respond(environment, std::move(completion), 301, "text/plain; charset=utf-8", "Moved to " + to + "\n", fields);
}

void StaticFiles::refuse(Environment& environment, Completion completion, const OpenFile& file,
                         OpenFile::Found found, const std::string& name) {
  if (found == OpenFile::Found::kDenied) {
    trace_.record(Severity::kWarning, environment.token(),
                  "static file " + name + ": permission denied: 403. Let the user of this process read it");
    return respond(environment, std::move(completion), 403, "text/plain; charset=utf-8", "403 Forbidden\n");
  }
  trace_.record(Severity::kError, environment.token(),
                "static file " + name + ": " + std::generic_category().message(file.error()) + ": 503");
  const FieldView later[] = {{"Retry-After", "1"}};
  respond(environment, std::move(completion), 503, "text/plain; charset=utf-8", "503 Service Unavailable\n", later);
}

void StaticFiles::send(Environment& environment, Completion completion, OpenFile file, const std::string& folder,
                       const std::string& name) {
  const RequestBlock& request = environment.request();
  const std::string_view type = types_.of(name);
  std::string_view coding;
  bool varies = false;
  const auto* accepted = request.find("Accept-Encoding");
  for (const Coding& candidate : kCodings) {
    OpenFile variant;
    if (variant.open_below(folder, name + std::string(candidate.ending)) != OpenFile::Found::kFile) continue;
    varies = true;
    if (!coding.empty() || !accepted || !accepts_coding(request.view(accepted->value), candidate.name)) continue;
    coding = candidate.name;
    file = std::move(variant);
  }

  const std::string etag = entity_tag(file, coding);
  const Validators validators{etag, file.modified()};
  const std::string modified(http_date(file.modified()));
  std::vector<FieldView> fields;
  // What belongs to 200 and 304 alike (RFC 9110 §15.4.5).
  fields.push_back({"ETag", etag});
  if (varies) fields.push_back({"Vary", "Accept-Encoding"});
  if (options_.revalidate) fields.push_back({"Cache-Control", "no-cache"});

  ResponseHeadView head;
  std::uint64_t first = 0, count = file.size();
  std::string length, content_range;
  const auto precondition = check_preconditions(request, validators);
  if (precondition == Precondition::kNotModified) {
    head.status = 304;
    count = 0;
  } else if (precondition == Precondition::kFailed) {
    return respond(environment, std::move(completion), 412, "text/plain; charset=utf-8",
                   "412 Precondition Failed\n", fields);
  } else {
    const auto* range_field = request.find("Range");
    const auto range = range_field && request.get(Slot::kMethod) == "GET" && range_counts(request, validators)
                           ? parse_byte_range(request.view(range_field->value), file.size())
                           : ByteRange{};
    if (range.kind == ByteRange::Kind::kUnsatisfiable) {
      content_range = "bytes */" + std::to_string(file.size());
      fields.push_back({"Content-Range", content_range});
      return respond(environment, std::move(completion), 416, "text/plain; charset=utf-8",
                     "416 Range Not Satisfiable\n", fields);
    }
    if (range.kind == ByteRange::Kind::kPart) {
      head.status = 206;
      first = range.first;
      count = range.count;
      content_range = "bytes " + std::to_string(first) + "-" + std::to_string(first + count - 1) + "/" +
                      std::to_string(file.size());
      fields.push_back({"Content-Range", content_range});
    }
    length = std::to_string(count);
    fields.push_back({"Content-Type", type});
    fields.push_back({"Content-Length", length});
    fields.push_back({"Last-Modified", modified});
    fields.push_back({"Accept-Ranges", "bytes"});
    if (!coding.empty()) fields.push_back({"Content-Encoding", coding});
  }
  head.fields = fields;
  std::string error;
  if (environment.head(head, error) != Status::kOk || count == 0 || request.get(Slot::kMethod) == "HEAD")
    return completion(middleware::Outcome::kCompleted);
  transfers_.send(environment, std::move(completion), std::move(file), first, count);
}

}  // namespace owind::middleware
