// The load generator as a WebSocket client: the handshake, and where a frame of a server ends.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/base/result.h"
#include "tools/http_client.h"
#include "tools/http_reply.h"

namespace headrace {

// The request that asks `origin` for a WebSocket.
std::string upgrade_request(const Origin& origin, std::string_view path, std::string_view key);

// Sends it over a blocking socket and reads its answer. A Problem where that is not 101.
Result<> upgrade(int socket, std::string_view request);

// The first whole frame, as a reply of status 200, or 500 where it is neither a success nor a partial one; empty where
// more bytes are needed.
Result<std::optional<ReplyView>> first_frame(std::string_view bytes);

}  // namespace headrace
