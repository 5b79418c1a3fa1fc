// What `headrace bench` prints: a line per second, a summary for people, or one JSON object.
#pragma once

#include <string>

#include "tools/load_run.h"

namespace headrace {

std::string progress_line(const LoadSecond& second);
std::string summary(const std::string& scenario, const LoadPlan& plan, const LoadResult& result);
std::string summary_json(const std::string& scenario, const LoadPlan& plan, const LoadResult& result);

}  // namespace headrace
