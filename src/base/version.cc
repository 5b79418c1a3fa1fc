// Compiled with HEADRACE_VERSION defined for this file only.
#include "src/base/version.h"

namespace headrace {

const std::string_view version = HEADRACE_VERSION;
#if defined(__clang__)
const std::string_view build_compiler = "clang " __clang_version__;
#else
const std::string_view build_compiler = "gcc " __VERSION__;
#endif

}  // namespace headrace
