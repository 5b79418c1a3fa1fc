// `headrace bench`: an HTTP load generator for a running server.
#pragma once

namespace headrace {

// argv[0] is the name of the subcommand; returns the exit status of the process.
int bench_main(int argc, char** argv);

}  // namespace headrace
