// Real shopping events out of a CSV file, as the well-known public sets publish them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "src/simulation/event_source.h"

namespace headrace {

// The columns decide what a file is:
//   REES46        event_time, event_type (view, cart, remove_from_cart, purchase), product_id, category_code,
//   brand,
//                 price, user_id, user_session. The session is also the cart.
//   Taobao        user_id, item_id, category_id, behavior_type (pv, cart, fav, buy), timestamp (Unix
//   seconds), with or
//                 without that header. Sessions are cut by 30 minutes of silence; a session is also the cart.
//   Retailrocket  timestamp (Unix milliseconds), visitorid, event (view, addtocart, transaction), itemid.
//   Sessions as
//                 for Taobao.
// `path` may be gzipped. Rows are taken in the order of the file. A row that cannot be read is counted and
// passed over.
Result<std::unique_ptr<EventSource>> open_csv(const std::string& path);

}  // namespace headrace
