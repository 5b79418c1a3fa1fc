"""What is wrong on the wire: malformed JSON, bodies too large, coding that lies. Clear errors, never a crash."""
import gzip
import json
import socket
import zlib

import pytest

from harness import ADMIN_KEY, good
from shopping import event

EVENT = '{"event_type":"page_view","data":%s}'
DEEP = "[" * 100 + "]" * 100

MALFORMED = {
    "empty": "",
    "blank": "   ",
    "cut short": '{"event_type":"page_view","data":{',
    "text behind it": '{"event_type":"page_view","data":{}} x',
    "two objects": '{"event_type":"a","data":{}}{"event_type":"a","data":{}}',
    "trailing comma": '{"event_type":"page_view","data":{},}',
    "single quotes": "{'event_type':'page_view'}",
    "comment": '{"event_type":"page_view",/* no */"data":{}}',
    "too deep": EVENT % ('{"x":' + DEEP + "}"),
    "very deep": EVENT % ("[" * 100_000),
    "duplicate key": '{"event_type":"a","event_type":"b","data":{}}',
    "NaN": EVENT % '{"x":NaN}',
    "Infinity": EVENT % '{"x":-Infinity}',
    "number too large": EVENT % '{"x":1e999}',
    "leading zero": EVENT % '{"x":01}',
    "plus sign": EVENT % '{"x":+1}',
    "no digits after the point": EVENT % '{"x":1.}',
    "hexadecimal": EVENT % '{"x":0x10}',
    "control character": '{"event_type":"a\x01b","data":{}}',
    "raw newline in a string": '{"event_type":"a\nb","data":{}}',
    "unknown escape": '{"event_type":"a\\qb","data":{}}',
    "short escape": '{"event_type":"\\u12","data":{}}',
    "half a surrogate": '{"event_type":"page_view","data":{"x":"\\ud800"}}',
    "not an object": '"page_view"',
    "null": "null",
    "bare word": "page_view",
    "byte order mark": "\ufeff" + EVENT % "{}",
    "NUL": '{"event_type":"a\x00","data":{}}',
}
NOT_UTF8 = {
    "a lone continuation byte": b'{"event_type":"page_view","data":{"x":"\x80"}}',
    "an overlong slash": b'{"event_type":"page_view","data":{"x":"\xc0\xaf"}}',
    "a surrogate": b'{"event_type":"page_view","data":{"x":"\xed\xa0\x80"}}',
    "beyond U+10FFFF": b'{"event_type":"page_view","data":{"x":"\xf5\x80\x80\x80"}}',
    "a cut sequence": b'{"event_type":"page_view","data":{"x":"\xe2\x82"}}',
    "in a key": b'{"event_type":"page_view","data":{"\xff":1}}',
    "UTF-16": EVENT.encode("utf-16"),
}
ROUTES = ["/api/events", "/api/events/batch", "/api/predict", "/api/predict/batch", "/api/predict/churn", "/api/predict/lead-score"]


def refused(reply):
    assert reply.status_code in (400, 413, 415, 422), f"{reply.status_code} {reply.text[:300]}"
    body = reply.json()
    assert body["error"] and (body.get("details") or body.get("message"))
    return body


@pytest.mark.parametrize("case", list(MALFORMED))
def test_malformed_json_is_refused(client, case):
    refused(client.post_text("/api/events", MALFORMED[case]))


@pytest.mark.parametrize("case", list(NOT_UTF8))
def test_what_is_no_utf8_is_refused(client, case):
    refused(client.post_text("/api/events", NOT_UTF8[case]))


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_refuses_what_is_no_json(client, route):
    for text in ("", "{", "[", '{"a":1,}', "nul", '"x', '{"cart_id":"\x01"}', "[" * 50_000):
        refused(client.post_text(route, text))
    refused(client.post_text(route, b'{"cart_id":"\xff"}'))
    assert client.get("/health").status_code == 200


def test_duplicate_keys_deep_inside_are_refused(client):
    body = refused(client.post_text("/api/events", EVENT % '{"a":{"b":[{"c":1,"c":2}]}}'))
    assert "c" in body["details"]


@pytest.mark.parametrize("number", ["9007199254740993", "18446744073709551615", "-9223372036854775808", "1e308", "-0.0",
                                    "0.1", "3.141592653589793", "123456789012345678901234567890"])
def test_numbers_come_back_as_sent_or_are_refused(client, name, number):
    user = name("user")
    reply = client.post_text("/api/events", '{"event_type":"page_view","data":{"user_id":"%s","x":%s}}' % (user, number))
    if reply.status_code >= 400:
        refused(reply)
        return
    text = client.get(f"/api/events?user_id={user}").text
    stored = json.loads(text, parse_float=str, parse_int=str)["events"][0]["data"]["x"]
    assert float(stored) == float(number)
    if number.lstrip("-").isdigit():
        assert int(stored) == int(number)


def test_a_body_too_large_is_refused(client):
    for size in (17 << 20, 40 << 20):
        try:
            reply = client.post_text("/api/events/batch", b" " * size)
        except OSError:
            continue  # refused while it was still being sent: the connection is closed
        assert reply.status_code == 413


def test_a_compressed_body_is_bounded_by_what_it_becomes(client):
    bomb = gzip.compress(b" " * (512 << 20))
    reply = client.post("/api/events/batch", data=bomb, headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})
    assert reply.status_code == 413, reply.status_code
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize("coding, body", [
    ("gzip", b"no gzip at all"), ("gzip", gzip.compress(b"[]", mtime=0)[:-4]), ("zstd", b"\x28\xb5\x2f\xfd broken"), ("br", b"[]"),
    ("gzip", zlib.compress(b"[]")), ("gzip, gzip", gzip.compress(gzip.compress(b"[]", mtime=0), mtime=0)), ("gzip", b""),
])
def test_a_coding_that_lies_is_refused(client, coding, body):
    refused(client.post("/api/events/batch", data=body, headers={"Content-Type": "application/json", "Content-Encoding": coding}))


def test_an_unknown_content_type_is_refused(client):
    refused(client.post_text("/api/events", "<event/>", "application/xml"))


def test_keys_and_names_at_their_limits(client, name):
    good(client.post("/api/events", json=event("page_view", "u" * 200, event_id=name("e").ljust(120, "x"))))
    refused(client.post("/api/events", json=event("page_view", "u" * 5000)))


def exchange(server, wire, pause=0):
    """Sends bytes as they are; what comes back until the server closes or is silent for 2 s."""
    host, port = server.url[len("http://"):].split(":")
    with socket.create_connection((host, int(port)), timeout=2) as wired:
        pieces = [wire[at:at + 1] for at in range(len(wire))] if pause else [wire]
        try:
            for piece in pieces:
                wired.sendall(piece)
            answer = b""
            while more := wired.recv(65536):
                answer += more
        except (TimeoutError, ConnectionError):
            pass
        return answer


def head(*lines):
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


KEY = "X-API-Key: " + ADMIN_KEY
SMUGGLING = {
    "length and chunks": head("POST /api/events HTTP/1.1", "Host: x", KEY, "Content-Length: 4", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "two lengths": head("POST /api/events HTTP/1.1", "Host: x", KEY, "Content-Length: 4", "Content-Length: 5") + b"{}{}{",
    "two hosts": head("GET /health HTTP/1.1", "Host: x", "Host: y"),
    "no host": head("GET /health HTTP/1.1"),
    "folded field": head("GET /health HTTP/1.1", "Host: x", "X-A: b", " c"),
    "blank before the colon": head("GET /health HTTP/1.1", "Host: x", "X-A : b"),
    "a bare LF": b"GET /health HTTP/1.1\nHost: x\n\n",
    "a NUL in a field": head("GET /health HTTP/1.1", "Host: x", "X-A: b\0c"),
    "a negative length": head("POST /api/events HTTP/1.1", "Host: x", "Content-Length: -1"),
    "an unknown transfer coding": head("POST /api/events HTTP/1.1", "Host: x", "Transfer-Encoding: xchunked") + b"0\r\n\r\n",
    "a chunk size that is none": head("POST /api/events HTTP/1.1", "Host: x", KEY, "Transfer-Encoding: chunked") + b"zz\r\n",
    "HTTP/3.0": head("GET /health HTTP/3.0", "Host: x"),
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a long target": head("GET /" + "a" * 20_000 + " HTTP/1.1", "Host: x"),
    "large fields": head("GET /health HTTP/1.1", "Host: x", "X-A: " + "a" * 70_000),
    "many fields": head("GET /health HTTP/1.1", "Host: x", *[f"X-{n}: 1" for n in range(500)]),
    "CONNECT": head("CONNECT a:1 HTTP/1.1", "Host: x"),
    "TRACE": head("TRACE /health HTTP/1.1", "Host: x"),
}


@pytest.mark.parametrize("case", list(SMUGGLING))
def test_requests_that_could_be_smuggled_are_refused(server, case):
    answer = exchange(server, SMUGGLING[case])
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")), answer[:200]
    assert answer.count(b"HTTP/1.1 ") <= 1, "more than one answer to one refused request"
    assert server.client.get("/health").status_code == 200


def test_a_request_byte_by_byte(server):
    body = json.dumps(event("page_view", "slow-sender")).encode()
    wire = head("POST /api/events HTTP/1.1", "Host: x", KEY, "Content-Type: application/json",
                f"Content-Length: {len(body)}", "Connection: close") + body
    assert exchange(server, wire, pause=1).startswith(b"HTTP/1.1 200")


def test_pipelined_requests_are_answered_in_order(server):
    one = head("GET /health HTTP/1.1", "Host: x", "X-Request-ID: n%d")
    wire = b"".join(one.replace(b"n%d", b"n%d" % n) for n in range(30))
    wire += head("GET /health HTTP/1.1", "Host: x", "Connection: close")
    answer = exchange(server, wire).lower()
    places = [answer.find(b"x-request-id: n%d\r\n" % n) for n in range(30)]
    assert -1 not in places and places == sorted(places)


def test_chunks_and_expect(server):
    body = json.dumps(event("page_view", "chunked-sender")).encode()
    wire = head("POST /api/events HTTP/1.1", "Host: x", KEY, "Content-Type: application/json", "Transfer-Encoding: chunked",
                "Expect: 100-continue", "Connection: close")
    wire += b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    answer = exchange(server, wire)
    assert b"HTTP/1.1 200" in answer, answer[:300]
