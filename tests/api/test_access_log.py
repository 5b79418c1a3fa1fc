"""The line of each finished request on stderr: what stands in it, what never does, and that nobody waits for it."""
import json
import os
import re
import socket
import subprocess
import time

import pytest

from harness import ADMIN_KEY, BINARY, LISTENING, Client, good
from shopping import event

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def lines_of(text):
    """Every line of the log, as objects; each must be whole. The greeting for people is left out."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def requests_in(server):
    return [line for line in lines_of(server.stderr()) if line["event"].startswith("request_")]


def line_with(server, request_id):
    """The one line of that request; it is written some milliseconds after the answer."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        found = [line for line in requests_in(server) if line["request_id"] == request_id]
        if found:
            assert len(found) == 1, found
            return found[0]
        time.sleep(0.01)
    raise AssertionError(f"no line of {request_id}:\n{server.stderr()[-2000:]}")


def say(server, head, answers=1):
    """Sends bytes as they are; returns what came back."""
    port = int(server.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(head)
        got = b""
        while got.count(b"HTTP/1.1 ") < answers or b"\r\n\r\n" not in got:
            some = wire.recv(65536)
            if not some:
                break
            got += some
    return got


@pytest.fixture
def all_lines(fresh_server):
    return fresh_server(args=["--access-log", "all"])


def test_the_line_says_who_asked_what_and_how_it_ended(all_lines):
    body = json.dumps(event("page_view", "somebody")).encode()
    headers = {"X-Request-ID": "order-77", "traceparent": TRACEPARENT, "Content-Type": "application/json"}
    reply = all_lines.client.post("/api/events", data=body, headers=headers)
    good(reply)
    line = line_with(all_lines, "order-77")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line.pop("time"))
    assert 0 < line.pop("duration_us") < 10_000_000
    assert line == {
        "level": "info", "event": "request_finished", "request_id": "order-77", "trace_id": TRACE, "method": "POST",
        "operation": "ingest_event", "route": "/api/events", "system": "stream", "status": 200,
        "bytes_in": len(body), "bytes_out": len(reply.content), "peer": "127.0.0.1", "role": "admin"}


def test_a_route_is_named_by_its_template(all_lines):
    secret = "cart-of-mrs-smith"
    for path in (f"/internal/features/{secret}", f"/api/predict/{secret}", f"/nowhere/{secret}", f"/{secret}?token={secret}"):
        all_lines.client.get(path, headers={"X-Request-ID": "last"} if "token" in path else None)
    unmatched = line_with(all_lines, "last")
    assert (unmatched["route"], unmatched["operation"], unmatched["status"]) == ("none", "none", 404)
    assert {"/internal/features/{cartId}", "/api/predict/{cartId}", "none"} <= {line["route"] for line in requests_in(all_lines)}
    assert secret not in all_lines.stderr()


def test_no_key_is_in_the_log(all_lines):
    wrong = "hr_" + "e" * 64
    for headers in ({"X-API-Key": wrong}, {"Authorization": "Bearer " + wrong}):
        assert all_lines.client.get("/internal/features/definitions", key=None, headers=headers).status_code == 401
    refused = all_lines.client.get("/internal/features/definitions", key=wrong, headers={"X-Request-ID": "r1", "Cookie": "session=" + wrong})
    assert refused.status_code == 401
    good(all_lines.client.get("/internal/features/definitions", headers={"X-Request-ID": "r2"}))
    line = line_with(all_lines, "r1")
    assert (line["role"], line["code"], line["level"]) == ("anyone", "AUTHENTICATION_REQUIRED", "info")
    assert line_with(all_lines, "r2")["role"] == "admin"
    assert wrong not in all_lines.stderr() and ADMIN_KEY not in all_lines.stderr()


@pytest.mark.parametrize("value", [b'a"b', b"a\\b", b"a\tb", b"a\x7fb", b"a\x01b", b"a\xffb", b'x","level":"error', b"x" * 65])
def test_no_header_can_break_a_line(all_lines, value):
    request = (b"GET /health HTTP/1.1\r\nHost: h\r\nX-Request-ID: %b\r\ntraceparent: %b\r\nUser-Agent: %b\r\nConnection: close\r\n\r\n"
               % (value, value, value))
    answer = say(all_lines, request)
    given = re.search(rb"X-Request-ID: (\S+)\r\n", answer).group(1).decode()
    line = line_with(all_lines, given)
    assert line["status"] in (200, 400) and "trace_id" not in line
    text = all_lines.stderr()
    assert not re.search(r"[^\x20-\x7e\n]", text) and len(lines_of(text)) == text.count('{"time"')


def test_what_is_no_request_has_a_line_too(all_lines):
    answer = say(all_lines, b"GET /health HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    given = re.search(rb"X-Request-ID: (\S+)\r\n", answer).group(1).decode()
    line = line_with(all_lines, given)
    assert (line["event"], line["status"], line["code"], line["peer"]) == ("request_refused", 400, "MALFORMED_REQUEST", "127.0.0.1")


def test_only_errors_have_lines_unless_told_otherwise(fresh_server):
    server = fresh_server()
    good(server.client.get("/status", headers={"X-Request-ID": "well"}))
    server.client.get("/nowhere", headers={"X-Request-ID": "ill"})
    assert line_with(server, "ill")["status"] == 404
    assert server.stop() == 0
    assert [line["request_id"] for line in requests_in(server)] == ["ill"]


def test_a_slow_request_has_a_line(fresh_server):
    server = fresh_server(args=["--slow-request-ms", "1"])
    events = [event("page_view", f"user{i}") for i in range(10_000)]  # takes longer than that on any machine
    good(server.client.post("/api/events/batch", json=events, headers={"X-Request-ID": "slow"}))
    line = line_with(server, "slow")
    assert (line["status"], line["level"]) == (200, "warning") and line["duration_us"] > 1_000


def test_off_is_off(fresh_server):
    server = fresh_server(args=["--access-log", "off", "--slow-request-ms", "1"])
    for _ in range(5):
        server.client.get("/nowhere")
    say(server, b"nonsense\r\n\r\n")
    assert server.stop() == 0
    assert requests_in(server) == [] and "drain_finished" in server.stderr()


def test_the_log_level_holds_for_requests(fresh_server):
    server = fresh_server(args=["--access-log", "all", "--log-level", "error"])
    server.client.get("/nowhere")
    assert server.stop() == 0
    assert lines_of(server.stderr()) == []


def test_the_last_requests_before_the_end_have_lines(all_lines):
    for i in range(50):
        all_lines.client.get("/health", headers={"X-Request-ID": f"n{i}"})
    assert all_lines.stop() == 0
    assert [line["request_id"] for line in requests_in(all_lines)] == [f"n{i}" for i in range(50)]


class Unread:
    """A server whose stderr is a pipe that nobody reads once it listens."""

    def __init__(self, data):
        command = [BINARY, "serve", "--data", str(data), "--listen", "127.0.0.1:0", "--access-log", "all"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                        env={**os.environ, "HEADRACE_ADMIN_KEY": ADMIN_KEY})
        greeting = b""
        while b"try:" not in greeting or not greeting.endswith(b"\n"):
            greeting += os.read(self.process.stderr.fileno(), 65536)
        self.client = Client(LISTENING.search(greeting.decode()).group(1), None)

    def ask(self, count, at_once=50):
        with socket.create_connection(("127.0.0.1", self.client.port), timeout=10) as wire:
            for _ in range(count // at_once):
                wire.sendall(b"GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n" * at_once)
                got = b""
                while got.count(b"HTTP/1.1 404") < at_once:
                    some = wire.recv(1 << 20)
                    assert some, "the server closed the connection"
                    got += some

    def dropped(self):
        return int(re.search(r"^headrace_stderr_lines_dropped_total (\d+)", self.client.get("/metrics").text, re.M).group(1))

    def stop_reading(self):
        """SIGTERM; everything that was in the pipe or came later."""
        self.process.terminate()
        text = self.process.stderr.read().decode()
        assert self.process.wait(15) == 0
        return text


def test_nobody_waits_for_a_slow_stderr(tmp_path):
    asked = 20_000
    server = Unread(tmp_path / "data")
    try:
        server.ask(asked)
        dropped = server.dropped()
        assert dropped > asked / 2, "1 MiB of lines waits, and as much is on its way; a line has about 300 bytes"
        lines = lines_of(server.stop_reading())
    finally:
        server.process.kill()
        server.process.wait()
        server.process.stderr.close()
    said = sum(line["lines"] for line in lines if line["event"] == "log_lines_dropped")
    written = sum(line.get("status") == 404 for line in lines)
    assert said >= dropped and written + said >= asked
