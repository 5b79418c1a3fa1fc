// What the server thinks of the carts it was fed: how many are at risk, and one cart told in full.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/result.h"
#include "tools/http_client.h"

namespace headrace {

struct Judgement {
  std::string cart, risk_level;
  double probability = 0;  // that the cart will be left
};

// The server's judgement on each of `carts`, in their order.
Result<std::vector<Judgement>> judge(HttpClient& client, const std::vector<std::string>& carts);

// "41 % of 1,234 open carts are at risk (high 20 %, medium 21 %, low 59 %)".
std::string risk_text(const std::vector<Judgement>& judgements);

// A cart's events, features and prediction with reasons, each as the server tells them.
Result<std::string> cart_story(HttpClient& client, const std::string& cart);

// "name  value" lines of every number, text and flag in a JSON document; members of members are joined by
// dots.
std::string flat_text(std::string_view json, std::string_view indent);

}  // namespace headrace
