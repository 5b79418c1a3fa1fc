"""Health, readiness, version, status, metrics, request ids, methods, keys, OpenAPI: what surrounds the routes."""
import re
import subprocess

import pytest

from harness import ADMIN_KEY, ROOT, Client, good, run
from shopping import event, visit

METHODS = ("get", "post", "put", "patch", "delete")


def test_health_needs_no_key(client):
    body = good(client.get("/health", key=None))
    assert body["status"] == "healthy" and body["service"] and body["timestamp"]
    assert client.get("/ready", key=None).status_code == 200


@pytest.mark.parametrize("path", ["/health/detailed", "/internal/health/detailed"])
def test_detailed_health_names_its_parts(client, path):
    body = good(client.get(path))
    assert body["status"] == "healthy" and body["partitions"] and body["models"]
    assert all(part["writable"] and part["durable_lsn"] <= part["applied_lsn"] for part in body["partitions"])


def test_version_is_the_binary_s(client):
    version = str(good(client.get("/version"))["version"])
    assert re.match(r"\d+\.\d+\.\d+", version)
    assert version in run("version").stdout


def test_status_answers(client):
    assert good(client.get("/status"))


def test_metrics_pass_promtool(client, name):
    cart, events = visit(name)
    client.send_all(events)
    client.predict(cart)
    reply = client.get("/metrics")
    assert reply.status_code == 200 and reply.headers["Content-Type"].startswith("text/plain")
    checked = subprocess.run(["promtool", "check", "metrics"], input=reply.text, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def total(client, pattern):
    """The sum of all samples whose name and labels match."""
    values = [line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
    found = [float(value) for label, value in values if re.search(pattern, label)]
    assert found, f"no metric matches {pattern}"
    return sum(found)


def test_metrics_count_requests_of_each_route(client, name):
    before = client.get("/metrics").text
    assert re.search(r"_bucket{.*le=", before), "latency histograms"
    pattern = r"requests.*total.*(event|predict)"
    counted = total(client, pattern)
    for _ in range(5):
        client.send(event("page_view", name("user")))
    assert total(client, pattern) >= counted + 5


def test_metrics_speak_openmetrics(client):
    reply = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert reply.headers["Content-Type"].startswith("application/openmetrics-text")
    assert reply.text.endswith("# EOF\n")


def test_metrics_as_the_producer_documents_them(client):
    body = good(client.get("/metrics", headers={"Accept": "application/json"}))
    for member in ("record_send_rate", "record_error_rate", "request_latency_avg"):
        assert isinstance(body["producer_metrics"][member], (int, float))


def test_request_ids_go_in_and_out(client):
    assert client.get("/health", headers={"X-Request-ID": "abc-123"}).headers["X-Request-ID"] == "abc-123"
    made = {client.get("/health").headers["X-Request-ID"] for _ in range(5)}
    assert len(made) == 5
    evil = client.get("/health", headers={"X-Request-ID": "a\tb" + "x" * 5000})
    assert len(evil.headers.get("X-Request-ID", "")) < 300


def test_unknown_paths_and_methods(client):
    assert client.get("/no/such/path").status_code == 404
    wrong = client.request("DELETE", "/api/events/batch")
    assert wrong.status_code == 405 and "POST" in wrong.headers["Allow"]
    head = client.request("HEAD", "/health")
    assert head.status_code == 200 and head.content == b""
    options = client.request("OPTIONS", "/api/events")
    assert options.status_code in (200, 204) and {"GET", "POST"} <= set(re.split(r",\s*", options.headers["Allow"]))


@pytest.mark.parametrize("method, path", [
    ("POST", "/api/events"), ("GET", "/api/events"), ("POST", "/api/events/batch"), ("POST", "/api/predict"),
    ("GET", "/api/predict/c"), ("GET", "/internal/features/c"),
    ("GET", "/internal/features/definitions"), ("POST", "/internal/features/compute"), ("POST", "/api/predict/churn"),
])
def test_routes_need_the_key(client, method, path):
    for key in (None, "", "hr_wrong", ADMIN_KEY[:-1], ADMIN_KEY + "0", ADMIN_KEY.upper()):
        reply = client.request(method, path, key=key, json={} if method == "POST" else None)
        assert reply.status_code == 401, f"key {key!r}: {reply.status_code}"
        assert reply.json()["error"]
    wrong = client.request(method, path, key=None, headers={"Authorization": "Bearer nonsense"})
    assert wrong.status_code == 401


def test_the_key_as_bearer(client, name):
    user = name("user")
    headers = {"Authorization": "Bearer " + ADMIN_KEY}
    good(client.post("/api/events", json=event("page_view", user), key=None, headers=headers))
    assert len(client.query(user_id=user)["events"]) == 1


def test_the_key_is_kept_nowhere(fresh_server):
    server = fresh_server()
    server.client.send(event("page_view", "somebody"))
    assert server.stop() == 0
    for path in server.data.rglob("*"):
        if path.is_file():
            assert ADMIN_KEY.encode() not in path.read_bytes(), path
    assert ADMIN_KEY not in server.stderr()


def test_a_key_is_made_once_where_none_was_given(fresh_server):
    server = fresh_server(env={"HEADRACE_ADMIN_KEY": ""})
    shown = re.findall(r"hr_[A-Za-z0-9_-]{32,}", server.stderr())
    assert len(set(shown)) == 1, server.stderr()[-1000:]
    own = Client(server.url, None, key=shown[0])
    own.send(event("page_view", "somebody"))
    server.stop()
    before = len(server.stderr())
    server.start()
    assert shown[0] not in server.stderr()[before:], "the key is shown at the first start only"
    Client(server.url, None, key=shown[0]).send(event("page_view", "somebody"))


def test_open_access_is_for_loopback_alone(tmp_path):
    done = run("serve", "--data", str(tmp_path / "data"), "--listen", "0.0.0.0:0", "--auth", "open", timeout=20)
    assert done.returncode != 0 and "auth" in done.stderr


def test_open_access_needs_no_key(fresh_server):
    server = fresh_server(args=["--auth", "open"])
    good(server.client.post("/api/events", json=event("page_view", "somebody"), key=None))


def documented_routes():
    """(method, path) of each line of docs/routes.txt."""
    text = (ROOT / "docs/routes.txt").read_text()
    found = re.findall(r"\b(GET|POST|PUT|PATCH|DELETE)\s+(/\S*)", text)
    assert found
    return set(found)


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_openapi_describes_every_route(client):
    document = good(client.get("/openapi.json"))
    assert document["openapi"].startswith("3.1") and document["info"]["title"] and document["info"]["version"]
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item if method in METHODS}
    assert described == documented_routes()


def test_openapi_holds_together(client):
    document = good(client.get("/openapi.json"))
    operations = [(path, item[method]) for path, item in document["paths"].items() for method in METHODS if method in item]
    names = [operation["operationId"] for _, operation in operations]
    assert len(names) == len(set(names))
    for path, operation in operations:
        assert operation["responses"] and operation.get("summary"), path
        in_path = {one["name"] for one in operation.get("parameters", []) if one.get("in") == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path)), path
    for reference in references(document):
        node = document
        assert reference.startswith("#/")
        for step in reference[2:].split("/"):
            node = node[step.replace("~1", "/").replace("~0", "~")]


@pytest.mark.parametrize("words", [
    ["--help"], ["serve", "--help"], ["log", "--help"], ["log", "cat", "--help"], ["log", "verify", "--help"], ["log", "info", "--help"],
    ["replay", "--help"], ["state", "--help"], ["demo", "--help"], ["bench", "--help"], ["config", "--help"],
])
def test_every_command_helps(words):
    done = run(*words)
    assert done.returncode == 0 and "headrace" in done.stdout
    if words[0] != "--help" and words not in (["log", "--help"], ["state", "--help"], ["config", "--help"]):
        assert "xample" in done.stdout, "an example"


def test_unknown_words_are_refused():
    for words in (["nonsense"], ["serve", "--nonsense"], ["log", "nonsense"]):
        done = run(*words)
        assert done.returncode != 0 and done.stderr + done.stdout


@pytest.mark.parametrize("loops", [1, 3])
def test_a_new_directory_has_a_partition_per_loop(fresh_server, loops):
    server = fresh_server(args=["--partitions", "0", "--loops", str(loops)])
    assert len(server.client.get("/health/detailed").json()["partitions"]) == loops
