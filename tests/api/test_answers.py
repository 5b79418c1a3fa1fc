"""What an answer looks like: errors in the form of the route's system or as RFC 9457, what may be kept, what every reply carries."""
import json
import re
import socket

import pytest

from harness import good
from people import Person

PROBLEM = "application/problem+json"


def in_form_of_learning(body):
    assert set(body) == {"success", "error"} and body["success"] is False
    assert {"code", "message", "details"} <= set(body["error"])


def in_form_of_stream(body):
    assert set(body) == {"error", "details"}


def in_common_form(body):
    assert set(body) == {"error", "message", "code", "details", "timestamp", "request_id"}
    assert body["error"] and body["message"] and body["code"] and body["request_id"]


def in_form_of_ofrep(body):
    assert set(body) - {"key"} == {"errorCode", "errorDetails"} and all(body.values())


FORMS = {"learning": in_form_of_learning, "stream": in_form_of_stream, "ofrep": in_form_of_ofrep}


def check_form(system, reply):
    assert reply.headers["Content-Type"] == "application/json", reply.text
    FORMS.get(system, in_common_form)(reply.json())


def check_problem(reply):
    assert reply.headers["Content-Type"] == PROBLEM, reply.text
    body = reply.json()
    assert body["status"] == reply.status_code and body["title"] and body["type"] and body["detail"] and body["code"]
    assert body["request_id"] == reply.headers["X-Request-ID"]


def rows(client):
    """(method, path, system, whether it is open, the media types of its body) of every route."""
    return [(method.upper(), path, operation["tags"][0], "anyone" in operation["x-permit"]["roles"], set(operation.get("requestBody", {}).get("content", {})))
            for path, methods in good(client.get("/openapi.json"))["paths"].items() for method, operation in methods.items()]


def spoilt(method, path, is_open, body_types):
    """Requests to a row that it must refuse, and with which status."""
    path = re.sub(r"{\w+}", "nothing", path)
    yield {"method": "PATCH", "path": path}, {405}
    if not is_open:
        yield {"method": method, "path": path, "key": None}, {401}
    if body_types:
        broken = {"data": b"{", "headers": {"Content-Type": "application/json"}}
        yield {"method": method, "path": path, **broken}, {400, 403, 404, 422} | (set() if "application/json" in body_types else {415})
        yield {"method": method, "path": path, "data": b"<a/>", "headers": {"Content-Type": "application/xml"}}, {400, 403, 404, 415, 422}


@pytest.mark.parametrize("accept", [None, PROBLEM])
def test_every_row_refuses_in_the_form_of_its_system(client, accept):
    table = rows(client)
    patched = {path for method, path, *_ in table if method == "PATCH"}
    wrong, seen = [], set()
    for method, path, system, is_open, body_types in table:
        for request, statuses in spoilt(method, path, is_open, body_types):
            if request["method"] == "PATCH" and path in patched:
                continue
            headers = {**request.pop("headers", {}), **({"Accept": accept} if accept else {})}
            reply = client.request(headers=headers, **request)
            try:
                assert reply.status_code in statuses, reply.status_code
                check_problem(reply) if accept else check_form(system, reply)
                seen.add((method, path))
            except AssertionError as failure:
                wrong.append(f"{request['method']} {path} ({system}): {reply.status_code} {failure}")
    assert not wrong, "\n".join(wrong)
    assert {(method, path) for method, path, *_ in table if path not in patched} <= seen


@pytest.mark.parametrize("accept, wanted", [
    (PROBLEM, True), ("application/json, Application/Problem+JSON;q=0.5", True), (f"{PROBLEM};q=0", False), (f"{PROBLEM}; q=0.0, */*", False),
    ("*/*", False), ("application/*", False), ("text/html", False)])
def test_who_is_answered_by_rfc_9457(client, accept, wanted):
    reply = client.get("/no/such/path", headers={"Accept": accept})
    assert reply.status_code == 404
    check_problem(reply) if wanted else check_form("predict", reply)


def test_a_problem_names_field_and_rule(client):
    reply = client.post("/api/events", json={"user_id": "u"}, headers={"Accept": PROBLEM})
    assert reply.status_code == 400
    check_problem(reply)
    assert "event_type" in reply.json()["detail"]


def test_unknown_paths_have_the_form_of_their_prefix(client):
    for path, system in [("/api/v1/nothing", "learning"), ("/nothing", "predict")]:
        reply = client.get(path)
        assert reply.status_code == 404
        check_form(system, reply)


# --- before routing


def raw(server, text):
    """Head and body of the answer to these bytes."""
    port = int(server.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(text.encode())
        got = b""
        while more := line.recv(1 << 16):
            got += more
    head, _, body = got.decode().partition("\r\n\r\n")
    return head, body


BIG = "Content-Type: application/json\r\nContent-Length: 99999999999\r\n"
LONG = "X-Long: " + "x" * 200_000 + "\r\n"


@pytest.mark.parametrize("path, form", [("/api/v1/auth/login", "learning"), ("/api/v1/auth/login?x=1", "learning"), ("/api/auth/login", "predict")])
@pytest.mark.parametrize("fields, status", [(BIG, 413), (LONG, 431), ("A : b\r\n", 400), ("Transfer-Encoding: nonsense\r\n", 501)])
def test_what_is_refused_before_routing_has_the_form_too(server, path, form, fields, status):
    head, body = raw(server, f"POST {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ") or status == 501 and head.startswith("HTTP/1.1 400 "), head
    FORMS.get(form, in_common_form)(json.loads(body))


def test_a_body_too_large_is_answered_by_rfc_9457_where_asked(server):
    head, body = raw(server, f"POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nAccept: {PROBLEM}\r\n{BIG}\r\n")
    assert head.startswith("HTTP/1.1 413 ") and f"Content-Type: {PROBLEM}" in head and '"status":413' in body


# --- headers


def test_every_reply_forbids_guessing_types_and_has_a_date(client):
    for reply in (client.get("/health"), client.get("/no/such"), client.request("OPTIONS", "/api/events"), client.request("HEAD", "/health")):
        assert reply.headers["X-Content-Type-Options"] == "nosniff" and reply.headers["Date"].endswith(" GMT")


def test_a_wrong_type_is_told_the_right_one(client):
    reply = client.post_text("/api/predict", "<a/>", "application/xml")
    assert (reply.status_code, reply.headers["Accept-Post"]) == (415, "application/json")


def test_secrets_are_kept_nowhere(client):
    person = Person(client).sign_in()
    login = {"username": person.username, "password": person.password}
    for path, body in [("/api/auth/login", login), ("/api/auth/refresh", {"refresh_token": person.refresh}), ("/api/keys", {"name": "a"}),
                       ("/api/auth/login", {**login, "password": "wrong"})]:
        assert client.post(path, json=body).headers["Cache-Control"] == "no-store", path


def test_public_keys_are_kept_and_compared(client):
    first = client.get("/.well-known/jwks.json", key=None)
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "public, max-age=300" and tag.startswith('W/"')
    for known in (tag, tag[2:], f'"other", {tag}', "*"):
        again = client.get("/.well-known/jwks.json", key=None, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag), known
        assert "Content-Type" not in again.headers and again.headers["Cache-Control"]
    for known in ('"other"', tag[:-2] + 'x"', ""):
        assert client.get("/.well-known/jwks.json", headers={"If-None-Match": known}).status_code == 200
    head = client.request("HEAD", "/.well-known/jwks.json")
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", tag)
    good(client.post("/admin/token-keys/rotate", json={}))
    changed = client.get("/.well-known/jwks.json", headers={"If-None-Match": tag})
    assert changed.status_code == 200 and changed.headers["ETag"] != tag
