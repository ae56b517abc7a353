// The bytes of one FastCGI request, as nginx would send them for a browser's GET (FastCGI 1.0 §3.3, §3.4).
#pragma once

#include <string>

#include "options.hpp"

namespace owind::bench {

/// All records of a request with the id `request_id`. Built once and sent again and again.
std::string request_bytes(const Options& options, int request_id);

}  // namespace owind::bench
