// Who is at the other end of a connection, and which listener it came through, for log lines: asked of the kernel when
// a line is written, so that a connection keeps nothing for it.
#pragma once

#include <string>

namespace owind::io {

/// "127.0.0.1:40112 to 127.0.0.1:9000", "process 123 (uid 33) to unix:/run/owind/owind.sock"; what the kernel does not
/// say is "unknown". Allocates; may throw std::bad_alloc.
std::string peer_name(int fd);

}  // namespace owind::io
