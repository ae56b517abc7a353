// Which media type a file has, by the ending of its name: from the system's table (/etc/mime.types), and a
// few that the web needs where the system has none.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace owind::middleware {

class MediaTypes {
 public:
  /// Of a name without a known ending. What nginx's default configuration says.
  static constexpr std::string_view kUnknown = "application/octet-stream";

  /// The built-in ones, and those of `table`, which win: lines "type/subtype ending ending ...", # begins a
  /// comment.
  explicit MediaTypes(std::string_view table = {});
  /// With the system's table, if it can be read.
  static MediaTypes of_system();

  /// `name`: of a file, with or without folders. Endings are compared without case; the one after the last
  /// dot counts. The view lives as long as this.
  std::string_view of(std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> types_;
};

}  // namespace owind::middleware
