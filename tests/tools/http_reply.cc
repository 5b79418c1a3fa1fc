// Where a reply ends: whole, byte by byte, several in one buffer, and what is none.
#include "tools/http_reply.h"

#include <gtest/gtest.h>

#include <string>

namespace headrace {
namespace {

const std::string plain = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-length: 5\r\n\r\nhello";
const std::string chunked =
    "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\n\r\n";

TEST(HttpReply, FindsTheEndAtEveryLengthOfPrefix) {
  for (const std::string& whole : {plain, chunked}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      const auto reply = first_reply(std::string_view(whole).substr(0, size));
      ASSERT_TRUE(reply.ok());
      EXPECT_FALSE(*reply) << "of " << size << " bytes";
    }
    const auto reply = first_reply(whole);
    ASSERT_TRUE(reply.ok() && *reply);
    EXPECT_EQ((*reply)->bytes, whole.size());
  }
}

TEST(HttpReply, TakesChunksApart) {
  const std::string bytes = chunked + "HTTP/1.1";
  const auto reply = first_reply(bytes);
  ASSERT_TRUE(reply.ok() && *reply);
  EXPECT_EQ((*reply)->status, 201);
  EXPECT_EQ(whole_body(**reply), "hello, world");
}

TEST(HttpReply, LeavesTheNextReplyAlone) {
  const std::string bytes = plain + plain;
  const auto reply = first_reply(bytes);
  ASSERT_TRUE(reply.ok() && *reply);
  EXPECT_EQ((*reply)->bytes, plain.size());
  EXPECT_EQ((*reply)->body, "hello");
}

TEST(HttpReply, PassesOverInterimReplies) {
  const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
  const std::string bytes = interim + plain;
  const auto reply = first_reply(bytes);
  ASSERT_TRUE(reply.ok() && *reply);
  EXPECT_EQ((*reply)->status, 200);
  EXPECT_EQ((*reply)->bytes, interim.size() + plain.size());
}

TEST(HttpReply, KnowsThatTheConnectionWillClose) {
  const auto reply =
      first_reply("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(reply.ok() && *reply);
  EXPECT_TRUE((*reply)->closes);
}

TEST(HttpReply, RefusesWhatIsNoReply) {
  EXPECT_FALSE(first_reply("SSH-2.0-OpenSSH_9.2\r\n\r\n").ok());
  EXPECT_FALSE(first_reply("HTTP/1.1 200 OK\r\n\r\n").ok()) << "no length";
  EXPECT_FALSE(first_reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").ok());
}

}  // namespace
}  // namespace headrace
