// Files of a folder as responses to GET and HEAD (`--static /prefix=DIR`), in front of the application: what
// is not there, and what is asked for in another way, goes on to the application.
//
// RFC 9110: entity tags and dates (§8.8), conditional requests (§13), ranges (§14), precompressed variants
// beside the file (name.br, name.gz; §8.4). No directory listings; a folder is its index.html. Names that
// begin with a dot are not served, but for .well-known (RFC 8615).
#pragma once

#include <string>
#include <vector>

#include "middleware/builtin/file_transfers.hpp"
#include "middleware/builtin/media_types.hpp"
#include "middleware/pipeline.hpp"
#include "middleware/trace_sink.hpp"

namespace owind::middleware {

class StaticFiles final : public Middleware {
 public:
  struct Mount {
    std::string prefix;  ///< Of owin.RequestPath: "" (everything), or "/assets" without a slash at the end.
    std::string folder;
  };
  struct Options {
    std::vector<Mount> mounts;  ///< The first that has the file serves it.
    /// Browsers ask each time whether a file has changed (development).
    bool revalidate = false;
  };

  StaticFiles(Options options, MediaTypes types, TraceSink& trace);

  void invoke(Environment& environment, Completion completion, const AppFunc& next) noexcept override;

 private:
  enum class Outcome : std::uint8_t { kAnswered, kNotHere };
  Outcome serve(Environment& environment, Completion& completion, const Mount& mount);
  void redirect_to_folder(Environment& environment, Completion completion);
  void refuse(Environment& environment, Completion completion, const OpenFile& file, OpenFile::Found found,
              const std::string& name);
  void send(Environment& environment, Completion completion, OpenFile file, const std::string& folder,
            const std::string& name);

  const Options options_;
  const MediaTypes types_;
  TraceSink& trace_;
  FileTransfers transfers_;
};

}  // namespace owind::middleware
