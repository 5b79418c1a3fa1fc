// Nobody breaks a rule.
#include "storage/rule.h"

namespace headrace {

bool is_broken(Rule) { return false; }

}  // namespace headrace
