// What fcgibench is asked to do; see usage() in fcgibench.cpp.
#pragma once

#include <string>

namespace owind::bench {

struct Options {
  std::string target = "127.0.0.1:9000";  // HOST:PORT or unix:PATH
  std::string uri = "/";
  std::string script;         // SCRIPT_NAME and the end of SCRIPT_FILENAME, for responders that serve files;
                              // default: the path
  std::string root = "/tmp";  // DOCUMENT_ROOT
  int connections = 32;
  int requests_per_connection = 1;  // at the same time (multiplexed by request id)
  double seconds = 5;
  double warm_up_seconds = 1;
  long body_bytes = 0;
  bool keep = true;    // else a new connection for each request
  bool curve = false;  // print the requests of each second
};

}  // namespace owind::bench
