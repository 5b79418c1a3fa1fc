"""The corpus of malformed, ambiguous and smuggling requests: a clause, a name, the bytes, and the answers they deserve.

Sections are those of RFC 9112 unless they say otherwise. Answers: the statuses of all answers to the connection, in order; a
refusal ends it. N is a request behind the case: where it is answered though it should be part of the case, or is not though
it should be a request, the reader has lost its place. Tables of octets make most cases, as most clauses forbid by octet.
"""
from typing import NamedTuple


class Case(NamedTuple):
    clause: str
    name: str
    wire: bytes
    answers: str


G = b"GET /health HTTP/1.1\r\n"
H = G + b"Host: t\r\n"
E = b"\r\n"
N = b"GET /health HTTP/1.1\r\nHost: t\r\nX-Request-ID: behind\r\n\r\n"
C = H + b"Transfer-Encoding: chunked\r\n\r\n"
CONTROLS = [octet for octet in range(0x20) if octet not in b"\t\r\n"] + [0x7F]
NO_TOKEN = b'"(),/;<=>?@[\\]{} \t\x80\xff'  # RFC 9110 5.6.2, less the colon


def line(text):
    return text + b"\r\nHost: t\r\n\r\n" + N


def field(text):
    return H + text + b"\r\n\r\n" + N


def octets(clause, name, values, wire, answers):
    return [Case(clause, f"{name} {value:#04x}", wire(bytes([value])), answers) for value in values]


def named(text):
    """The octets as Python writes them, shortened in the middle: readable, and different for different texts."""
    name = repr(text)[1:]
    return name if len(name) <= 90 else f"{name[:40]}...{name[-30:]} ({len(text)} octets)"


def table(clause, make, answers, texts):
    return [Case(clause, named(text), make(text), answers) for text in texts]


def request_lines():
    yield from table("3", line, "400", [
        b"GET  /health HTTP/1.1", b"GET /health  HTTP/1.1", b"GET /health HTTP/1.1 ", b"GET\t/health HTTP/1.1", b"GET /health\tHTTP/1.1",
        b"GET /health\x0bHTTP/1.1", b"GET\x0c/health HTTP/1.1", b" GET /health HTTP/1.1", b"\tGET /health HTTP/1.1", b"GET HTTP/1.1",
        b"GET /health", b"GET", b"GET ", b"/health HTTP/1.1", b"GET /health HTTP/1.1 HTTP/1.1", b"GET /health HTTP/1.1,", b"GET /a b HTTP/1.1",
        b"GET /health HTTP/1.1\x00", b"GET /health HTTP/1.1\x85", b"GET /health\xa0HTTP/1.1", b"GET /health\r HTTP/1.1"])
    yield from table("2.3", line, "400", [b"GET /health " + v for v in (
        b"http/1.1", b"Http/1.1", b"HTTP/1", b"HTTP/1.", b"HTTP/.1", b"HTTP/11", b"HTTP/11.1", b"HTTP/1.10", b"HTTP/01.1", b"HTTP/1.01", b"HTTP/1,1",
        b"HTTP/1 1", b"HTTP/-1.1", b"HTTP/+1.1", b"HTTP/1.1.1", b"HTTP/1.x", b"HTTP/x.1", b"HTTP 1.1", b"HTTP-1.1", b"HTTP/ 1.1", b"HTTP /1.1", b"HTTPS/1.1",
        b"HTTP//1.1", b"HTP/1.1", b"RTSP/1.0", b"ICE/1.0", b"SIP/2.0", b"1.1", b"/1.1")])
    yield from table("2.3", line, "505", [b"GET /health HTTP/" + v for v in (b"0.9", b"0.0", b"1.2", b"1.9", b"2.0", b"2.1", b"3.0", b"9.9")])
    yield Case("2.3", "preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505")
    yield from table("3.1", line, "501", [m + b" /health HTTP/1.1" for m in (
        b"get", b"Get", b"GETS", b"FETCH", b"TRACE", b"CONNECT", b"PROPFIND", b"MKCOL", b"LOCK", b"SEARCH", b"PURGE", b"X", b"GE-T", b"G!T", b"GET~", b"BREW")])
    yield from octets("3.1", "in the method", [c for c in NO_TOKEN if c not in b" \t/"] + CONTROLS[:8], lambda c: line(b"GE" + c + b"T /health HTTP/1.1"), "400")
    yield Case("3.1", "CONNECT to an authority", line(b"CONNECT t:443 HTTP/1.1"), "501")
    yield from octets("3.2", "in the target", CONTROLS + [0x80, 0xC3, 0xFF] + list(b'"<>\\^`{|}#'), lambda c: line(b"GET /health?a" + c + b"b HTTP/1.1"), "400")
    yield from table("3.2", line, "400", [b"GET " + t + b" HTTP/1.1" for t in (
        b"health", b"*", b"**", b"ftp://t/health", b"http:/health", b"http:///health", b"http://u@t/health", b"http://u:p@t/health", b"://t/health",
        b"javascript:alert(1)", b"t:80", b"?a=b", b"http://t:x/health", b"file:///etc/passwd", b"http://", b"http://t\\u/health")])
    yield Case("3.2.4", "asterisk and more", line(b"OPTIONS *a HTTP/1.1"), "400")
    yield from table("3.2.2", line, "200 200", [b"GET http://t/health HTTP/1.1", b"GET HTTP://t/health HTTP/1.1", b"GET http://t:80/health HTTP/1.1",
                                                b"GET https://t/health HTTP/1.1"])
    yield Case("3", "a target too long", line(b"GET /" + b"a" * 9000 + b" HTTP/1.1"), "414")
    yield Case("3", "an endless target", b"GET /" + b"a" * 20_000, "414")
    yield from table("2.2", lambda text: text + H + E + N, "400", [
        b"\n", b"\r", b"\n\n", b"\r\r\n", b"\r\n\n", b"\r\n\r", b"\r\n ", b" \r\n", b"\x00", b"\r\n\x00", b"\xef\xbb\xbf", b"\xff\xfe", b"\r\n" * 9])
    yield Case("2.2", "an empty line before", E + H + E + N, "200 200")
    yield Case("2.2", "an empty line between", H + E + E + N, "200 200")
    yield Case("2.2", "TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + N, "400")
    yield from table("3", lambda end: b"GET /health HTTP/1.1" + end + b"Host: t\r\n\r\n" + N, "400", [b"\n", b"\r", b"\r\r\n", b"\n\r", b"\n\n", b"\x0b\r\n"])
    yield Case("2.2", "blank before the first field", G + b" Host: t\r\n\r\n" + N, "400")
    yield Case("2.2", "tab before the first field", G + b"\tHost: t\r\n\r\n" + N, "400")
    yield Case("8", "nothing", b"", "")
    yield Case("8", "half a request line", b"GET /hea", "")
    yield Case("8", "half a head", H, "")


def fields():
    yield from octets("5.1", "in a name", list(NO_TOKEN) + CONTROLS, lambda c: field(b"X" + c + b"Y: z"), "400")
    yield from octets("5.1", "before the colon", list(b" \t\x0b\x0c\x00"), lambda c: field(b"X-A" + c + b": z"), "400")
    yield from octets("RFC 9110 5.5", "in a value", CONTROLS, lambda c: field(b"X: a" + c + b"b"), "400")
    yield from octets("RFC 9110 5.5", "in a value", [0x09, 0x20, 0x80, 0xA0, 0xFF], lambda c: field(b"X: a" + c + b"b"), "200 200")
    yield from table("5", field, "400", [b": x", b"X", b"X-A", b":", b"X\r\nY: z", b"=x: y", b"(comment): y"])
    yield from table("5.2", field, "400", [b"X: a\r\n b", b"X: a\r\n\tb", b"X:\r\n a", b"X: a\r\n \r\n b", b"X: a\r\n  : b", b"X: a\r\n Host: u"])
    yield from table("2.2", field, "400", [b"X: a\nY: b", b"X: a\rY: b", b"X: a\n", b"X: a\r", b"X: a\r\r", b"X: a\n\r", b"X: a\r\nY: b\nZ: c", b"X: a\n\nGET /health HTTP/1.1",
                                           b"X: a\rTransfer-Encoding: chunked", b"X: a\nTransfer-Encoding: chunked", b"X: a\nContent-Length: 9", b"\nX: a", b"\rX: a"])
    yield Case("2.2", "the head ends with a bare LF", H + b"\n" + N, "400")
    yield Case("2.2", "the head ends with a bare CR", H + b"\r" + N, "400")
    yield from table("3.2", lambda host: G + host + b"\r\n" + N, "400", [b"", *[b"Host: " + h + b"\r\n" for h in (
        b"t, u", b"t u", b"t/a", b"u@t", b"t:80a", b"t:-1", b"t?a", b"t#a", b"http://t", b"t\\u", b"<t>", b"t\x00u", b"\"t\"", b"[::1", b"t]",
        b"t\r\nHost: t", b"t\r\nHost: u", b"t\r\nhost: u", b"t\r\nHOST:", b"\r\nHost: t", b"t\r\nX: y\r\nHost: u", b"t\r\n Host: u")]])
    yield from table("3.2", lambda host: G + b"Host:" + host + b"\r\n\r\n" + N, "200 200", [b"t", b" t ", b"\tt", b" t:80", b" [::1]:80", b" 127.0.0.1", b" t;u"])
    yield Case("3.2", "no Host in 1.0", b"GET /health HTTP/1.0\r\n\r\n", "200")
    yield Case("3.2", "two Hosts in 1.0", b"GET /health HTTP/1.0\r\nHost: t\r\nHost: u\r\n\r\n", "400")
    yield Case("RFC 9110 5.4", "too many fields", H + b"".join(b"X-%d: y\r\n" % n for n in range(300)) + E + N, "431")
    yield Case("RFC 9110 5.4", "an endless value", H + b"X: " + b"a" * 50_000, "431")
    yield Case("RFC 9110 5.4", "an endless name", H + b"a" * 50_000, "431")
    yield from table("RFC 9110 10.1.1", lambda e: H + b"Expect: " + e + b"\r\nContent-Length: 1\r\n\r\nx" + N, "417", [
        b"tea", b"100", b"200-ok", b"100-continue, tea", b"100-continue\r\nExpect: 100-continue", b"100-continue;q=1", b"100_continue"])
    yield Case("RFC 9110 7.8", "h2c", field(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__"), "200 200")
    yield Case("RFC 9110 7.8", "an upgrade with a body", H + b"Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\nabc" + N, "200 200")
    yield Case("9.6", "close", H + b"Connection: close\r\n\r\n" + N, "200")
    yield Case("9.6", "close in a list", H + b"Connection: x, Close ,y\r\n\r\n" + N, "200")
    yield Case("9.3", "1.0 closes", b"GET /health HTTP/1.0\r\n\r\n" + N, "200")
    yield from table("RFC 9110 7.6.1", field, "200 200", [  # a list of hop-by-hop names unmakes none of ours
        b"Connection: Host", b"Connection: Content-Length", b"Connection: Transfer-Encoding", b"X-HTTP-Method-Override: DELETE", b"Proxy-Connection: close"])
