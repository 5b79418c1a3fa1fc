// Frames of a server: where each ends, and what it says.
#include "tools/socket_reply.h"

#include <gtest/gtest.h>

#include "codec/websocket.h"

namespace headrace {
namespace {

std::string frame(std::string_view text) {
  std::string out;
  append_frame(websocket::Opcode::text, text, out);
  return out;
}

TEST(SocketReply, FindsTheEndAtEveryLengthOfPrefix) {
  for (size_t size : {0, 1, 125, 126, 300, 65535, 65536, 70000}) {
    const std::string whole = frame(std::string(size, 'x'));
    for (size_t cut : {size_t{0}, size_t{1}, size_t{2}, size_t{3}, size_t{9}, whole.size() / 2, whole.size() - 1}) {
      if (cut >= whole.size()) continue;
      const auto reply = first_frame(std::string_view(whole).substr(0, cut));
      ASSERT_TRUE(reply.ok());
      EXPECT_FALSE(*reply) << cut << " of " << size;
    }
    const auto reply = first_frame(whole + "more");
    ASSERT_TRUE(reply.ok() && *reply);
    EXPECT_EQ((*reply)->bytes, whole.size());
    EXPECT_EQ((*reply)->body.size(), size);
  }
}

TEST(SocketReply, TellsSuccessFromError) {
  auto status = [](std::string_view text) { return (*first_frame(frame(text)))->status; };
  EXPECT_EQ(status(R"({"status":"success","count":1,"results":[]})"), 200);
  EXPECT_EQ(status(R"({"status":"partial","count":0,"results":[]})"), 200);
  EXPECT_EQ(status(R"({"error":"Invalid request"})"), 500);
  std::string close;
  websocket::append_close(1001, "", close);
  EXPECT_FALSE(first_frame(close).ok());
}

}  // namespace
}  // namespace headrace
