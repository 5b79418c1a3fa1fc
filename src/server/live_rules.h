// What the settings in force mean to the parts that go by them.
#pragma once

#include "routes/kit/access_log.h"
#include "src/predictions/predictions.h"
#include "src/settings/settings.h"

namespace headrace {

Level log_level(const LiveSettings& live);
AccessRules access_rules(const LiveSettings& live);
PredictionRules prediction_rules(const LiveSettings& live);

}  // namespace headrace
