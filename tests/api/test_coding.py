"""Answers in the coding a client likes, to pages of whose origin is configured, and how long they took."""
import gzip
import subprocess

import pytest

from harness import Client, Headrace, good
from people import Person
from shopping import event


@pytest.fixture(scope="module")
def filled(server):
    for start in range(0, 3000, 1000):
        good(server.client.post("/api/events/batch", json=[event("page_view", "coded", page="p" * 40) for _ in range(start, start + 1000)]))
    return server


def fetch(server, path, accept_encoding, **headers):
    """Undecoded: (reply, body as it was sent)."""
    client = Client(server.url, None)  # who records reads the body
    try:
        reply = client.get(path, headers={"Accept-Encoding": accept_encoding, **headers}, stream=True)
        return reply, reply.raw.read(decode_content=False)
    finally:
        client.session.close()


def plain(coding, body):
    if coding == "gzip":
        return gzip.decompress(body)
    if coding == "zstd":
        return subprocess.run(["zstd", "-dc"], input=body, capture_output=True, check=True).stdout
    return body


SMALL, LARGE = "/api/events?user_id=coded&limit=50", "/api/events?user_id=coded&limit=1000"  # coded on the loop, by a worker


@pytest.mark.parametrize("accept, coding", [
    ("gzip", "gzip"), ("zstd", "zstd"), ("gzip, deflate", "gzip"), ("gzip, deflate, br, zstd", "zstd"), ("GZIP", "gzip"), ("*", "gzip"),
    ("gzip;q=1.0, zstd;q=0.5", "gzip"), ("zstd;q=0, gzip;q=0.1", "gzip"), ("gzip;q=0, *", None), ("gzip;q=0", None), ("identity", None),
    ("br", None), ("deflate", None), ("gzip;q=0.5, identity", None), ("gzip;q=2", None), ("gzip;q=nan", None), ("", None), ("gzip;level=9", None)])
@pytest.mark.parametrize("path", [SMALL, LARGE])
def test_an_answer_has_the_coding_that_the_client_likes_best(filled, path, accept, coding):
    reply, body = fetch(filled, path, accept)
    assert reply.status_code == 200 and reply.headers.get("Content-Encoding") == coding
    assert "Accept-Encoding" in reply.headers["Vary"] and int(reply.headers["Content-Length"]) == len(body)
    wanted = fetch(filled, path, "identity")[1]
    assert plain(coding, body) == wanted
    if coding:
        assert len(body) < len(wanted) / 3


def test_what_is_short_is_sent_as_it_is(filled):
    reply, _ = fetch(filled, "/version", "gzip")
    assert "Content-Encoding" not in reply.headers and "Vary" not in reply.headers


def test_what_is_secret_is_sent_as_it_is(tmp_path, exchanges):
    """However long: its length in a coding would tell of it."""
    server = Headrace(tmp_path, exchanges, args=["--token-issuer", "i" * 200, "--token-audience", "a" * 60]).start()
    try:
        person = Person(server.client, ["customer", "service", "operator", "learner", "trainer", "org_admin", "admin"])
        reply = server.client.post("/api/auth/login", key=None, headers={"Accept-Encoding": "gzip"},
                                   json={"username": person.username, "password": person.password})
        assert reply.status_code == 200 and len(reply.content) > 1024
        assert "Content-Encoding" not in reply.headers and reply.headers["Cache-Control"] == "no-store"
    finally:
        server.stop()


def test_documents_metrics_and_errors_are_coded_too(filled):
    for path, headers in [("/openapi.json", {}), ("/metrics", {}), ("/metrics", {"Accept": "application/openmetrics-text"})]:
        reply, body = fetch(filled, path, "gzip", **headers)
        assert reply.headers["Content-Encoding"] == "gzip" and gzip.decompress(body)


def test_head_tells_what_get_would(filled):
    reply = filled.client.request("HEAD", "/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert reply.headers["Content-Encoding"] == "gzip" and reply.content == b""
    assert int(reply.headers["Content-Length"]) == len(fetch(filled, "/openapi.json", "gzip")[1])


def test_a_kept_answer_is_weakly_the_same_in_any_coding(filled):
    path = "/.well-known/jwks.json"
    tag = fetch(filled, path, "identity")[0].headers["ETag"]
    assert fetch(filled, path, "gzip", **{"If-None-Match": tag})[0].status_code == 304


# --- CORS

PAGE = "https://shop.example"


@pytest.fixture(scope="module")
def open_to_pages(tmp_path_factory, exchanges):
    running = Headrace(tmp_path_factory.mktemp("cors"), exchanges, args=["--cors-origins", f"{PAGE}, https://admin.example"]).start()
    yield running
    running.stop()


def asked_from(server, origin, method="GET", path="/version", **headers):
    return server.client.request(method, path, headers={"Origin": origin, **headers})


def test_a_page_of_a_listed_origin_may_read_answers_and_errors(open_to_pages):
    for path, status in [("/version", 200), ("/api/events", 200), ("/nowhere", 404), ("/api/events?limit=x", 400)]:
        reply = asked_from(open_to_pages, PAGE, path=path)
        assert reply.status_code == status and reply.headers["Access-Control-Allow-Origin"] == PAGE
        assert "Origin" in reply.headers["Vary"] and "X-Request-ID" in reply.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in reply.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://shop.example.evil.example", "http://shop.example", PAGE + ":444", "*"])
def test_a_page_of_another_may_not(open_to_pages, origin):
    for reply in (asked_from(open_to_pages, origin),
                  asked_from(open_to_pages, origin, "OPTIONS", "/api/events", **{"Access-Control-Request-Method": "POST"})):
        assert "Access-Control-Allow-Origin" not in reply.headers and "Origin" in reply.headers["Vary"]


def test_a_page_asks_first_and_hears_what_it_may_send(open_to_pages):
    reply = open_to_pages.client.request("OPTIONS", "/api/events", key=None, headers={
        "Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key, content-type"})
    assert reply.status_code == 204 and reply.headers["Access-Control-Allow-Origin"] == PAGE
    assert {"GET", "POST"} <= set(reply.headers["Access-Control-Allow-Methods"].split(", "))
    allowed = {name.strip().lower() for name in reply.headers["Access-Control-Allow-Headers"].split(",")}
    assert {"x-api-key", "content-type", "authorization", "idempotency-key"} <= allowed
    assert int(reply.headers["Access-Control-Max-Age"]) > 0


def test_without_configuration_nobody_hears_of_origins(server):
    reply = asked_from(server, PAGE)
    assert not [name for name in reply.headers if name.startswith("Access-Control")]
    assert "Origin" not in reply.headers.get("Vary", "")


def test_any_origin_where_it_is_configured_so(tmp_path, exchanges):
    server = Headrace(tmp_path, exchanges, args=["--cors-origins", "*"]).start()
    try:
        reply = asked_from(server, "https://anybody.example")
        assert reply.headers["Access-Control-Allow-Origin"] == "*" and "Vary" not in reply.headers
    finally:
        server.stop()


# --- Server-Timing


def test_answers_say_how_long_they_took_once_it_is_wanted(tmp_path, exchanges):
    server = Headrace(tmp_path, exchanges).start()
    try:
        assert "Server-Timing" not in server.client.get("/version").headers
        good(server.client.request("PUT", "/api/config", json={"values": {"http.server_timing": 1}}))
        for path in ("/version", "/nowhere"):
            said = server.client.get(path).headers["Server-Timing"]
            assert said.startswith("app;dur=") and 0 < float(said.removeprefix("app;dur=")) < 1000
    finally:
        server.stop()
