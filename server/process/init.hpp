// What process number 1 of a container has to do besides its work: take in the processes whose parents have
// ended, and pass signals on. The work is done by a child of it, because its own waiting would take the exit
// codes of the programs that the application starts away from the runtime.
#pragma once

#include <sys/types.h>

namespace owind::process {

/// Does nothing unless this process has the number 1. Else forks: returns in the child, which does the work;
/// the parent watches over it and never returns. Before the first thread, after block_signals().
void leave_number_one();

/// Passes the handled signals (signals.hpp) on to `child`, and waits for every process that ends, until
/// `child` does.
/// @return its exit code, or 128 + the number of the signal that ended it, as a shell shows it.
/// The handled signals are blocked.
int watch_over(pid_t child);

}  // namespace owind::process
