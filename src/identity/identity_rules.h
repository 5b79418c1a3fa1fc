// IdentityRules: what the configuration says of identity.
#pragma once

#include <string>

#include "src/base/time.h"
#include "src/identity/rate_limit.h"
#include "src/identity/token_key.h"
#include "src/net/mail.h"

namespace headrace {

struct IdentityRules {
  TokenAlgorithm algorithm = TokenAlgorithm::eddsa;
  std::string issuer = "headrace", audience = "headrace";
  Micros access_us = day_us, refresh_us = 30 * day_us;
  Rate logins_of_account{10, 5 * minute_us}, logins_of_address{100, hour_us};
  MailServer mail = {};
  std::string mail_link = {};  // what a mailed token stands behind, e.g. https://shop.example/reset?token=
};

}  // namespace headrace
