// fcgibench: a FastCGI load generator. It speaks to any responder, so that every peer is measured by one
// client. Prints one line `name=value …`; exit code 1 when a request failed or was not answered 2xx.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "load.hpp"

namespace {

int usage() {
  std::fputs(
      "fcgibench -t HOST:PORT|unix:PATH [-c connections] [-m requests at once per connection] [-d seconds] "
      "[-w warm-up]\n"
      "          [-b body bytes] [-u uri] [-s script] [-r root] [--close] [--curve]\n",
      stderr);
  return 2;
}

}  // namespace

int main(int count, char** words) {
  owind::bench::Options options;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (word == "--close") {
      options.keep = false;
    } else if (word == "--curve") {
      options.curve = true;
    } else if (i + 1 == count || word.size() != 2 || !std::strchr("tcmdwbusr", word[1])) {
      return usage();
    } else {
      const char* value = words[++i];
      switch (word[1]) {
        case 't':
          options.target = value;
          break;
        case 'c':
          options.connections = std::atoi(value);
          break;
        case 'm':
          options.requests_per_connection = std::atoi(value);
          break;
        case 'd':
          options.seconds = std::atof(value);
          break;
        case 'w':
          options.warm_up_seconds = std::atof(value);
          break;
        case 'b':
          options.body_bytes = std::atol(value);
          break;
        case 'u':
          options.uri = value;
          break;
        case 's':
          options.script = value;
          break;
        default:
          options.root = value;
          break;
      }
    }
  }
  owind::bench::Load load(options);
  owind::bench::Counts counts = load.run();
  std::sort(counts.latencies.begin(), counts.latencies.end());
  const auto quantile = [&counts](double part) {
    const auto& all = counts.latencies;
    return all.empty() ? 0.0
                       : all[static_cast<std::size_t>(part * static_cast<double>(all.size() - 1))] / 10.0;
  };
  std::printf(
      "rps=%.0f done=%ld failed=%ld non2xx=%ld MBs=%.1f p50us=%.1f p90us=%.1f p99us=%.1f p999us=%.1f "
      "maxus=%.1f",
      static_cast<double>(counts.done) / counts.seconds, counts.done, counts.failed, counts.non_2xx,
      static_cast<double>(counts.bytes) / counts.seconds / 1e6, quantile(.5), quantile(.9), quantile(.99),
      quantile(.999), quantile(1));
  for (std::size_t second = 0; second < counts.per_second.size(); ++second) {
    std::printf("%s%ld", second == 0 ? " curve=" : ",", counts.per_second[second]);
  }
  std::printf("\n");
  return counts.failed || counts.non_2xx ? 1 : 0;
}
