// The table. H is a head up to its fields, E ends it.
#include "tests/net/corpus.h"

namespace headrace {
namespace {

using namespace std::string_literals;

const std::string H = "GET / HTTP/1.1\r\nHost: t\r\n", P = "POST / HTTP/1.1\r\nHost: t\r\n", E = "\r\n";
const std::string C = P + "Transfer-Encoding: chunked\r\n\r\n";
const std::string NEXT = "GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n";

std::string many_fields(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += "X-" + std::to_string(i) + ": y\r\n";
  return out;
}

std::vector<CorpusCase> request_lines() {
  return {
      {"plain", H + E, "200"},
      {"two plain", H + E + H + E, "200 200"},
      {"an empty line before it", "\r\n" + H + E, "200"},
      {"an empty line between", H + E + "\r\n" + H + E, "200 200"},
      {"too many empty lines", "\r\n\r\n\r\n\r\n" + H + E, "400"},
      {"bare LF before it", "\n" + H + E, "400"},
      {"bare CR before it", "\r" + H + E, "400"},
      {"a blank before it", " " + H + E, "400"},
      {"bare LF behind request line", "GET / HTTP/1.1\nHost: t\r\n\r\n", "400"},
      {"bare CR behind request line", "GET / HTTP/1.1\rHost: t\r\n\r\n", "400"},
      {"two blanks behind method", "GET  / HTTP/1.1\r\nHost: t\r\n\r\n", "400"},
      {"two blanks before version", "GET /  HTTP/1.1\r\nHost: t\r\n\r\n", "400"},
      {"blank behind version", "GET / HTTP/1.1 \r\nHost: t\r\n\r\n", "400"},
      {"tab between", "GET\t/\tHTTP/1.1\r\nHost: t\r\n\r\n", "400"},
      {"no target", "GET HTTP/1.1\r\nHost: t\r\n\r\n", "400"},
      {"no version", "GET /\r\nHost: t\r\n\r\n", "400"},
      {"HTTP/0.9", "GET /\r\n\r\n", "400"},
      {"HTTP/0.9 said", "GET / HTTP/0.9\r\nHost: t\r\n\r\n", "505"},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: t\r\n\r\n", "505"},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: t\r\n\r\n", "505"},
      {"HTTP/9.9", "GET / HTTP/9.9\r\nHost: t\r\n\r\n", "505"},
      {"HTTP/11.1", "GET / HTTP/11.1\r\nHost: t\r\n\r\n", "400"},
      {"HTTP/1.10", "GET / HTTP/1.10\r\nHost: t\r\n\r\n", "400"},
      {"HTTP/1", "GET / HTTP/1\r\nHost: t\r\n\r\n", "400"},
      {"http/1.1", "GET / http/1.1\r\nHost: t\r\n\r\n", "400"},
      {"HTTP-1.1", "GET / HTTP-1.1\r\nHost: t\r\n\r\n", "400"},
      {"RTSP", "GET / RTSP/1.0\r\nHost: t\r\n\r\n", "400"},
      {"ICE", "SOURCE / ICE/1.0\r\nHost: t\r\n\r\n", "400"},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
      {"TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, "400"},
      {"NUL", "\0"s, "400"},
      {"small letters", "get / HTTP/1.1\r\nHost: t\r\n\r\n", "501"},
      {"unknown method", "FETCH / HTTP/1.1\r\nHost: t\r\n\r\n", "501"},
      {"method and more", "GETS / HTTP/1.1\r\nHost: t\r\n\r\n", "501"},
      {"method with a bracket", "GE(T / HTTP/1.1\r\nHost: t\r\n\r\n", "400"},
      {"TRACE", "TRACE / HTTP/1.1\r\nHost: t\r\n\r\n", "501"},
      {"CONNECT", "CONNECT t:443 HTTP/1.1\r\nHost: t\r\n\r\n" + NEXT, "501"},
      {"PROPFIND", "PROPFIND / HTTP/1.1\r\nHost: t\r\n\r\n", "501"},
      {"relative target", "GET a HTTP/1.1\r\nHost: t\r\n\r\n", "400"},
      {"asterisk for GET", "GET * HTTP/1.1\r\nHost: t\r\n\r\n", "400"},
      {"asterisk for OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n", "200"},
      {"asterisk and more", "OPTIONS *a HTTP/1.1\r\nHost: t\r\n\r\n", "400"},
      {"absolute", "GET http://t/a HTTP/1.1\r\nHost: t\r\n\r\n", "200"},
      {"absolute, no host in it", "GET http:///a HTTP/1.1\r\nHost: t\r\n\r\n", "400"},
      {"absolute with user", "GET http://u@t/a HTTP/1.1\r\nHost: t\r\n\r\n", "400"},
      {"other scheme", "GET ftp://t/a HTTP/1.1\r\nHost: t\r\n\r\n", "400"},
      {"fragment", "GET /a#b HTTP/1.1\r\nHost: t\r\n\r\n", "400"},
      {"high byte in target", "GET /\xff HTTP/1.1\r\nHost: t\r\n\r\n", "400"},
      {"NUL in target", "GET /\0 HTTP/1.1\r\nHost: t\r\n\r\n"s, "400"},
      {"quote in target", "GET /\"a HTTP/1.1\r\nHost: t\r\n\r\n", "400"},
      {"blank in target", "GET /a b HTTP/1.1\r\nHost: t\r\n\r\n", "400"},
      {"longest target", "GET /" + std::string(8191, 'a') + " HTTP/1.1\r\nHost: t\r\n\r\n", "200"},
      {"too long a target", "GET /" + std::string(8192, 'a') + " HTTP/1.1\r\nHost: t\r\n\r\n", "414"},
      {"endless target", "GET /" + std::string(20'000, 'a'), "414"},
      {"endless blanks", "GET " + std::string(20'000, ' '), "414"},
      {"endless blanks before version", "GET /" + std::string(20'000, ' '), "400"},
  };
}

std::vector<CorpusCase> fields() {
  return {
      {"no Host", "GET / HTTP/1.1\r\n\r\n", "400"},
      {"no Host, 1.0", "GET / HTTP/1.0\r\n\r\n", "200"},
      {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "200"},
      {"two Hosts", H + "Host: t\r\n\r\n", "400"},
      {"two Hosts, 1.0", "GET / HTTP/1.0\r\nHost: t\r\nhost: u\r\n\r\n", "400"},
      {"a list of Hosts", "GET / HTTP/1.1\r\nHost: t, u\r\n\r\n", "400"},
      {"Host with a path", "GET / HTTP/1.1\r\nHost: t/a\r\n\r\n", "400"},
      {"Host with a user", "GET / HTTP/1.1\r\nHost: u@t\r\n\r\n", "400"},
      {"Host with a port", "GET / HTTP/1.1\r\nHost: t:8080\r\n\r\n", "200"},
      {"Host with a wrong port", "GET / HTTP/1.1\r\nHost: t:80a\r\n\r\n", "400"},
      {"blank before the first field", "GET / HTTP/1.1\r\n Host: t\r\n\r\n", "400"},
      {"blank before colon", "GET / HTTP/1.1\r\nHost : t\r\n\r\n", "400"},
      {"tab before colon", "GET / HTTP/1.1\r\nHost\t: t\r\n\r\n", "400"},
      {"no name", H + ": x\r\n\r\n", "400"},
      {"no colon", H + "X\r\n\r\n", "400"},
      {"blank in name", H + "X Y: z\r\n\r\n", "400"},
      {"bracket in name", H + "X(: z\r\n\r\n", "400"},
      {"high byte in name", H + "X\xc3\xa4: z\r\n\r\n", "400"},
      {"NUL in name", H + "X\0Y: z\r\n\r\n"s, "400"},
      {"NUL in value", H + "X: a\0b\r\n\r\n"s, "400"},
      {"control in value", H + "X: a\x01z\r\n\r\n", "400"},
      {"DEL in value", H + "X: a\x7fz\r\n\r\n", "400"},
      {"high byte in value", H + "X: \xc3\xa4\r\n\r\n", "200"},
      {"tab in value", H + "X: a\tb\r\n\r\n", "200"},
      {"empty value", H + "X:\r\nY: \r\n\r\n", "200"},
      {"bare CR in value", H + "X: a\rY: b\r\n\r\n", "400"},
      {"bare LF behind value", H + "X: a\nY: b\r\n\r\n", "400"},
      {"bare LF at the end", H + "\n", "400"},
      {"folded value", H + "X: a\r\n b\r\n\r\n", "400"},
      {"folded with tab", H + "X: a\r\n\tb\r\n\r\n", "400"},
      {"most fields", H + many_fields(99) + E, "200"},
      {"too many fields", H + many_fields(100) + E, "431"},
      {"large fields", H + "X: " + std::string(32'000, 'a') + "\r\n\r\n", "200"},
      {"too large fields", H + "X: " + std::string(33'000, 'a') + "\r\n\r\n", "431"},
      {"endless value", H + "X: " + std::string(50'000, 'a'), "431"},
      {"endless name", H + std::string(50'000, 'a'), "431"},
      {"unknown expectation", P + "Expect: tea\r\nContent-Length: 1\r\n\r\nx", "417"},
      {"two expectations", P + "Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
       "417"},
      {"upgrade is ignored", H + "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n" + NEXT, "200 200"},
      {"upgrade with a body", P + "Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\nabc" + NEXT,
       "200 200"},
      {"unfinished", H, ""},
      {"nothing", "", ""},
  };
}

std::vector<CorpusCase> lengths() {
  return {
      {"body", P + "Content-Length: 3\r\n\r\nabc" + NEXT, "200 200"},
      {"body of GET", H + "Content-Length: 3\r\n\r\nabc" + NEXT, "200 200"},
      {"body of HEAD", "HEAD / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc" + NEXT, "200 200"},
      {"empty body", P + "Content-Length: 0\r\n\r\n" + NEXT, "200 200"},
      {"no length, no body", P + E + NEXT, "200 200"},
      {"leading zeros", P + "Content-Length: 003\r\n\r\nabc" + NEXT, "200 200"},
      {"blank behind length", P + "Content-Length: 3 \r\n\r\nabc" + NEXT, "200 200"},
      {"unfinished body", P + "Content-Length: 5\r\n\r\nabc", ""},
      {"two equal lengths", P + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc" + NEXT, "400"},
      {"two lengths", P + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc" + NEXT, "400"},
      {"a list of lengths", P + "Content-Length: 3, 3\r\n\r\nabc" + NEXT, "400"},
      {"empty length", P + "Content-Length:\r\n\r\n" + NEXT, "400"},
      {"signed length", P + "Content-Length: +3\r\n\r\nabc" + NEXT, "400"},
      {"negative length", P + "Content-Length: -3\r\n\r\nabc" + NEXT, "400"},
      {"hex length", P + "Content-Length: 0x3\r\n\r\nabc" + NEXT, "400"},
      {"length with a blank in it", P + "Content-Length: 3 3\r\n\r\nabc" + NEXT, "400"},
      {"quoted length", P + "Content-Length: \"3\"\r\n\r\nabc" + NEXT, "400"},
      {"length of 2^64", P + "Content-Length: 18446744073709551616\r\n\r\n", "400"},
      {"length of 10^18", P + "Content-Length: 1000000000000000000\r\n\r\n", "400"},
      {"length of 10^17", P + "Content-Length: 100000000000000000\r\n\r\n", "413"},
      {"largest body", "POST /small HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n0123456789" + NEXT,
       "200 200"},
      {"too large a body", "POST /small HTTP/1.1\r\nHost: t\r\nContent-Length: 11\r\n\r\n" + NEXT, "413"},
  };
}

std::vector<CorpusCase> codings() {
  auto coding = [](const std::string& fields) { return P + fields + "\r\n\r\n0\r\n\r\n" + NEXT; };
  return {
      {"length, then chunked", coding("Content-Length: 5\r\nTransfer-Encoding: chunked"), "400"},
      {"chunked, then length", coding("Transfer-Encoding: chunked\r\nContent-Length: 5"), "400"},
      {"Chunked", coding("Transfer-Encoding: Chunked"), "200 200"},
      {"chunked, a tab behind it", coding("Transfer-Encoding: chunked\t"), "400"},
      {"chunked, a tab before it", coding("Transfer-Encoding:\tchunked"), "200 200"},
      {"chunked, blanks around it", coding("Transfer-Encoding:  chunked  "), "200 200"},
      {"chunked in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT, "400"},
      {"gzip", coding("Transfer-Encoding: gzip"), "501"},
      {"identity", coding("Transfer-Encoding: identity"), "501"},
      {"gzip, chunked", coding("Transfer-Encoding: gzip, chunked"), "501"},
      {"chunked, gzip", coding("Transfer-Encoding: chunked, gzip"), "400"},
      {"chunked, chunked", coding("Transfer-Encoding: chunked, chunked"), "400"},
      {"chunked twice", coding("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), "400"},
      {"chunked, then identity", coding("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"), "400"},
      {"identity, then chunked", coding("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"), "400"},
      {"xchunked", coding("Transfer-Encoding: xchunked"), "501"},
      {"chunkedx", coding("Transfer-Encoding: chunkedx"), "501"},
      {"quoted chunked", coding("Transfer-Encoding: \"chunked\""), "501"},
      {"empty coding", coding("Transfer-Encoding:"), "400"},
      {"coding with a vertical tab",
       coding("Transfer-Encoding: \x0b"
              "chunked"),
       "400"},
      {"coding, blank before colon", coding("Transfer-Encoding : chunked"), "400"},
      {"coding folded", coding("Transfer-Encoding:\r\n chunked"), "400"},
      {"chunks", C + "3\r\nabc\r\n0\r\n\r\n" + NEXT, "200 200"},
      {"chunk size in capitals", C + "A\r\n0123456789\r\n0\r\n\r\n" + NEXT, "200 200"},
      {"chunk size with zeros", C + "0003\r\nabc\r\n000\r\n\r\n" + NEXT, "200 200"},
      {"unfinished chunks", C + "3\r\nabc\r\n", ""},
      {"chunk longer than said", C + "3\r\nabcd\r\n0\r\n\r\n" + NEXT, "400"},
      {"chunk shorter than said", C + "4\r\nabc\r\n0\r\n\r\n" + NEXT, "400"},
      {"no chunk size", C + "\r\nabc\r\n0\r\n\r\n", "400"},
      {"chunk size 0x3", C + "0x3\r\nabc\r\n0\r\n\r\n", "400"},
      {"chunk size -3", C + "-3\r\nabc\r\n0\r\n\r\n", "400"},
      {"blank before chunk size", C + " 3\r\nabc\r\n0\r\n\r\n", "400"},
      {"blank behind chunk size", C + "3 \r\nabc\r\n0\r\n\r\n", "400"},
      {"chunk size over 64 bits", C + "10000000000000003\r\nabc\r\n0\r\n\r\n", "400"},
      {"huge chunk size", C + "fffffffffffffff\r\nabc", "413"},
      {"bare LF behind chunk size", C + "3\nabc\r\n0\r\n\r\n", "400"},
      {"bare LF behind chunk", C + "3\r\nabc\n0\r\n\r\n", "400"},
      {"bare CR behind chunk size", C + "3\rabc\r\n0\r\n\r\n", "400"},
      {"extension", C + "3;a=b;c\r\nabc\r\n0;d\r\n\r\n" + NEXT, "200 200"},
      {"LF in extension", C + "3;a\nb\r\nabc\r\n0\r\n\r\n", "400"},
      {"CR in extension", C + "3;a\rb\r\nabc\r\n0\r\n\r\n", "400"},
      {"LF in a quoted extension", C + "3;a=\"\n\"\r\nabc\r\n0\r\n\r\n", "400"},
      {"endless extension", C + "3;" + std::string(5'000, 'a') + "\r\nabc\r\n0\r\n\r\n", "400"},
      {"endless zeros", C + std::string(60'000, '0'), "400"},
      {"too large chunks",
       "POST /small HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
       "8\r\n01234567\r\n3\r\n",
       "413"},
      {"trailers", C + "0\r\nX: y\r\nHost: u\r\n\r\n" + NEXT, "200 200"},
      {"length in a trailer", C + "0\r\nContent-Length: 5\r\n\r\n" + NEXT, "400"},
      {"coding in a trailer", C + "0\r\nTransfer-Encoding: x\r\n\r\n" + NEXT, "400"},
      {"close in a trailer does nothing", C + "0\r\nConnection: close\r\n\r\n" + NEXT, "200 200"},
      {"blank before colon in a trailer", C + "0\r\nX : y\r\n\r\n" + NEXT, "400"},
      {"too many trailers", C + "0\r\n" + many_fields(100) + E, "431"},
      {"good, then bad", H + E + "GET / HTTP/1.1\r\n\r\n" + NEXT, "200 400"},
      {"junk behind a body", P + "Content-Length: 3\r\n\r\nabcd" + NEXT, "200 501"},
      {"nothing behind close", H + "Connection: close\r\n\r\n" + NEXT, "200"},
  };
}

}  // namespace

const std::vector<CorpusCase>& http_corpus() {
  static const std::vector<CorpusCase> corpus = [] {
    std::vector<CorpusCase> all;
    for (auto part : {request_lines(), fields(), lengths(), codings()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return corpus;
}

}  // namespace headrace
