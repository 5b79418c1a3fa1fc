// Forms with files, by clause of RFC 7578 and RFC 2046: what is a part, what is not one, and where it says why.
#include "src/net/form.h"

#include <gtest/gtest.h>

#include "src/base/limits.h"

namespace {

using namespace headrace;

constexpr std::string_view type = "multipart/form-data; boundary=B";

std::string part(std::string_view name, std::string_view content, std::string_view more = "") {
  return "--B\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"" + std::string(more) + "\r\n\r\n" +
         std::string(content) + "\r\n";
}

std::string refusal(std::string_view body, std::string_view content_type = type) {
  auto parts = parse_form(content_type, body);
  return parts.ok() ? "taken" : parts.problem().field + " " + parts.problem().detail;
}

TEST(Form, PartsInOrderWithNamesTypesAndContents) {
  auto parts = parse_form(type,
                          "before\r\n" + part("a", "1") +
                              part("f", "x\r\ny\r\n", "; filename=\"c d.csv\"\r\nContent-Type: text/csv; charset=utf-8") +
                              part("empty", "") + "--B--\r\nbehind");
  ASSERT_TRUE(parts.ok()) << parts.problem().text();
  ASSERT_EQ(parts->size(), 3U);
  EXPECT_EQ((*parts)[0].name, "a");
  EXPECT_EQ((*parts)[0].content, "1");
  EXPECT_EQ((*parts)[0].content_type, "");
  EXPECT_EQ((*parts)[1].filename, "c d.csv");
  EXPECT_EQ((*parts)[1].content_type, "text/csv; charset=utf-8");
  EXPECT_EQ((*parts)[1].content, "x\r\ny\r\n");
  EXPECT_EQ((*parts)[2].content, "");
}

TEST(Form, APartMayBeNothingAtAll) {
  auto parts = parse_form(type, "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n--B--");
  ASSERT_TRUE(parts.ok()) << parts.problem().text();
  EXPECT_EQ((*parts)[0].content, "");
}

TEST(Form, NoPartIsAFormToo) { EXPECT_EQ(parse_form(type, "--B--\r\n")->size(), 0U); }

TEST(Form, WhatOnlyLooksLikeABoundaryIsContent) {
  auto parts = parse_form(type, part("a", "--B\r\n--\r\n-B-- \n--B") + "--B--");
  EXPECT_FALSE(parts.ok());  // "--B" begins the content's first line: it is a boundary
  parts = parse_form(type, part("a", " --B--\r\n--b--\n--B--") + "--B--");
  ASSERT_TRUE(parts.ok()) << parts.problem().text();
  EXPECT_EQ((*parts)[0].content, " --B--\r\n--b--\n--B--");
}

TEST(Form, BoundariesAreTokensOrQuoted) {
  for (const char* good : {"multipart/form-data; boundary=B", "Multipart/Form-Data;BOUNDARY=\"B\"",
                           "multipart/form-data; charset=utf-8; boundary = B ;"})
    EXPECT_TRUE(is_form(good) && parse_form(good, "--B--").ok()) << good;
  EXPECT_TRUE(parse_form("multipart/form-data; boundary=\"a b\"", "--a b--").ok());
  for (const char* bad : {"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"B",
                          "multipart/form-data; boundary=\"a \"", "multipart/form-data; boundary=B; boundary=C",
                          "multipart/form-data; boundary=\"a\\\"b\"", "multipart/form-data boundary=B"})
    EXPECT_TRUE(refusal("--B--", bad).starts_with("Content-Type ")) << bad;
  std::string longest(70, 'b'), longer(71, 'b');
  EXPECT_TRUE(parse_form("multipart/form-data; boundary=" + longest, "--" + longest + "--").ok());
  EXPECT_FALSE(parse_form("multipart/form-data; boundary=" + longer, "--" + longer + "--").ok());
  EXPECT_FALSE(is_form("multipart/mixed; boundary=B"));
  EXPECT_FALSE(is_form("multipart/form-data2; boundary=B"));
}

TEST(Form, BrokenOnesAreRefusedWithTheRule) {
  EXPECT_EQ(refusal(""), "form has no boundary");
  EXPECT_EQ(refusal("x--B--"), "form has no boundary");
  EXPECT_EQ(refusal(part("a", "1")), "form ends before its last boundary");
  EXPECT_EQ(refusal("--B\r\n\r\n1\r\n--B--"), "form has a part without a name");
  EXPECT_EQ(refusal("--B\r\nContent-Disposition: form-data\r\n\r\n1\r\n--B--"), "form has a part without a name");
  EXPECT_EQ(refusal("--B\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--B--"),
            "form has a part that is not form-data, once");
  EXPECT_EQ(refusal("--B\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\n1\r\n--B--"),
            "form has a part that is not form-data, once");
  EXPECT_EQ(refusal("--B\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--B--"),
            "form has a Content-Disposition that does not parse");
  EXPECT_EQ(refusal("--B\r\nContent-Disposition: form-data; name=a\r\nno field\r\n\r\n1\r\n--B--"),
            "form has a part with a line that is no header field");
  EXPECT_EQ(refusal("--B\r\nContent-Disposition: form-data; name=a\nX: y\r\n\r\n1\r\n--B--"),
            "form has a part with a line that is no header field");
  EXPECT_EQ(refusal("--B\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\n1\r\n--B--"),
            "form has a part in a transfer encoding, which HTTP does not need");
  EXPECT_EQ(refusal("--Bx\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--B--"),
            "form has a line that begins with its boundary and goes on");
  EXPECT_EQ(refusal("--B\r\nContent-Disposition: form-data; name=a\r\nX: " + std::string(limits::form_header_bytes_max, 'x')),
            "form has a part whose header fields do not end, or are too long");
  std::string many;
  for (size_t i = 0; i <= limits::form_parts_max; ++i) many += part("a", "1");
  EXPECT_EQ(refusal(many + "--B--"), "form may have at most 64 parts");
}

TEST(Form, EveryPrefixIsRefusedAndNothingElse) {
  const std::string whole = part("a", "1") + part("b", "two\r\nlines", "; filename=\"\"") + "--B--";
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_NE(refusal(whole.substr(0, size)), "taken") << size;
  EXPECT_EQ(refusal(whole), "taken");
}

}  // namespace
