// `headrace demo`: feeds a running server a shop's day and shows what it makes of it.
#pragma once

namespace headrace {

// argv[0] is the name of the subcommand; returns the exit status of the process.
int demo_main(int argc, char** argv);

}  // namespace headrace
