"""Configuration that lives: scopes, versions, the audit, and that a change is seen by every loop without a restart."""
import pytest

import harness
from harness import good
from people import UNLIMITED, Person, make_key
from shopping import event
from ws_wire import Wire


@pytest.fixture
def server(tmp_path, exchanges):
    running = harness.Headrace(tmp_path, exchanges, args=["--loops", "2", *UNLIMITED]).start()
    yield running
    if running.running():
        assert running.stop() == 0


def put(client, path, values, **more):
    return client.request("PUT", path, json={"values": values, **more})


def events(count, mark):
    return [event("page_view", f"{mark}-{i % 7}", event_id=f"{mark}-{i}") for i in range(count)]


def connections(server, count=8):
    """Clients of connections of their own: the kernel spreads them over the loops."""
    return [server.client_of(server.url) for _ in range(count)]


def test_a_change_holds_at_once_on_every_loop_survives_restart_and_replay(server):
    client = server.client
    first = good(client.get("/api/config"))
    assert first["scope"] == "global" and first["version"] == 0 and first["values"] == {}
    assert first["settings"]["events.batch_max"] == {
        "value": 10000, "source": "start", "service": "event-pipeline", "type": "integer", "per_store": True, "min": 1, "max": 10000,
        "description": "Events that one batch may bring"}
    many = connections(server)
    for i, one in enumerate(many):
        assert good(one.post("/api/events/batch", json=events(3, f"before{i}")))["count"] == 3
    changed = good(put(client, "/api/config", {"events.batch_max": 2, "predictions.risk_threshold": 0.25}, version=0))
    assert changed["version"] == 1 and changed["values"] == {"events.batch_max": 2, "predictions.risk_threshold": 0.25}
    assert (changed["settings"]["events.batch_max"]["value"], changed["settings"]["events.batch_max"]["source"]) == (2, "global")
    for i, one in enumerate(many):
        refused = one.post("/api/events/batch", json=events(3, f"after{i}"))
        assert refused.status_code in (400, 422) and "at most 2" in refused.text
        assert good(one.post("/api/events/batch", json=events(2, f"less{i}")))["count"] == 2
    late = put(client, "/api/config", {}, version=0)
    assert (late.status_code, late.json()["code"]) == (409, "CONFLICT") and "1" in late.json()["message"]
    assert good(put(client, "/api/config", {"events.batch_max": 2, "predictions.risk_threshold": 0.25}))["version"] == 1, "nothing changed"
    server.kill()
    client = server.start().client
    assert good(client.get("/api/config"))["version"] == 1
    assert client.post("/api/events/batch", json=events(3, "again")).status_code in (400, 422)
    assert good(put(client, "/api/config", {}))["settings"]["events.batch_max"]["source"] == "start"
    assert good(client.post("/api/events/batch", json=events(3, "free")))["count"] == 3
    audit = [one["data"] for one in client.query(event_type="configuration_changed")["events"]]
    assert [entry["version"] for entry in audit] in ([1, 2], [2, 1])
    made = next(entry for entry in audit if entry["version"] == 1)
    assert made["scope"] == "global" and made["key"]
    assert {"setting": "events.batch_max", "from": None, "to": 2} in made["changes"]
    ended = next(entry for entry in audit if entry["version"] == 2)
    assert {"setting": "predictions.risk_threshold", "from": 0.25, "to": None} in ended["changes"]
    assert server.stop() == 0
    server.verify()


def test_the_log_follows(server):
    client = server.client
    for one in connections(server):
        good(one.get("/version"))
    assert '"operation":"show_version"' not in server.stderr()
    good(put(client, "/api/config", {"log.access": "all"}))
    many = connections(server)
    for one in many:
        good(one.get("/version"))
    server.wait_for_line("request_finished")
    good(put(client, "/api/config", {"log.access": "all", "log.level": "error"}))
    good(client.get("/ready"))
    good(put(client, "/api/config", {}))
    assert server.stop() == 0
    said = server.stderr()
    assert said.count('"operation":"show_version"') == len(many)
    assert '"operation":"ready"' not in said


def test_a_cached_prediction_is_given_again_only_so_long(server):
    client = server.client
    client.send(event("add_to_cart", "u1", "c1", price=10))
    good(client.get("/api/predict/c1"))
    assert "_cached_at" in good(client.get("/api/predict/c1"))
    good(put(client, "/internal/config/ai-engine", {"predictions.cache_s": 0}))
    assert all("_cached_at" not in good(one.get("/api/predict/c1")) for one in connections(server, 4))
    good(put(client, "/internal/config/ai-engine", {}))
    assert "_cached_at" in good(client.get("/api/predict/c1"))


def test_a_store_goes_before_a_service_and_a_service_before_all(server):
    client = server.client
    store = good(client.post("/api/stores", json={"name": "Books"}))["id"]
    path, service = f"/api/config/stores/{store}", "/internal/config/ai-engine"
    key = make_key(client, tenant=store, roles=["service"])["key"]
    keeper, clerk = Person(client, ["org_admin"], store), Person(client, ["customer"], store)

    def in_force():
        setting = good(client.get(path, key=clerk.key))["settings"]["predictions.batch_max"]
        return setting["value"], setting["source"]

    def takes(count):
        return client.post("/api/predict/batch", key=key, json={"cart_ids": ["none"] * count}).status_code == 200

    assert in_force() == (1000, "start") and takes(6)
    good(put(client, "/api/config", {"predictions.batch_max": 5}))
    assert in_force() == (5, "global") and takes(5) and not takes(6)
    good(put(client, service, {"predictions.batch_max": 4}))
    assert in_force() == (4, "service") and not takes(5)
    mine = client.request("PUT", path, key=keeper.key, json={"values": {"predictions.batch_max": 3}})
    assert good(mine)["version"] == 1 and in_force() == (3, "store") and not takes(4) and takes(3)
    assert good(client.post("/api/predict/batch", json={"cart_ids": ["none"] * 4}))["count"] == 0, "others keep the service's"
    assert set(good(client.get(service))["settings"]) == {"predictions.batch_max", "predictions.cache_s", "predictions.risk_threshold"}
    assert client.request("PUT", path, key=clerk.key, json={"values": {}}).status_code == 403
    assert client.request("PUT", "/api/config", key=keeper.key, json={"values": {}}).status_code == 403
    other = good(client.post("/api/stores", json={"name": "Toys"}))["id"]
    assert client.get(f"/api/config/stores/{other}", key=clerk.key).status_code == 403
    good(client.request("DELETE", f"/api/stores/{store}"))
    assert client.get(path).json()["code"] == "STORE_NOT_FOUND"


@pytest.mark.parametrize("path, values, words", [
    ("/api/config", {"no.such": 1}, "no.such: is no setting"),
    ("/api/config", {"events.batch_max": 0}, "events.batch_max: must be an integer between 1 and 10000"),
    ("/api/config", {"events.batch_max": 2.5}, "must be an integer"),
    ("/api/config", {"events.batch_max": "2"}, "must be an integer"),
    ("/api/config", {"events.batch_max": None}, "must be an integer"),
    ("/api/config", {"predictions.risk_threshold": 1.01}, "must be a number between 0 and 1"),
    ("/api/config", {"log.level": "loud"}, "log.level: must be one of debug, info, warning, error"),
    ("/api/config", {"log.level": ["info"]}, "must be one of"),
    ("/internal/config/ai-engine", {"log.level": "info"}, "is a setting of core-platform"),
    ("/api/config/stores/STORE", {"log.level": "info"}, "is the same for all stores"),
])
def test_what_is_wrong_is_named_and_nothing_is_done(server, path, values, words):
    client = server.client
    path = path.replace("STORE", good(client.post("/api/stores", json={"name": "Books"}))["id"])
    refused = put(client, path, {"events.batch_max": 7, **values} if path == "/api/config" else values)
    assert refused.status_code == 422 and words in refused.json()["message"], refused.text
    after = good(client.get(path))
    assert after["version"] == 0 and after["values"] == {}


def test_what_there_is_not(server):
    for method in ("GET", "PUT"):
        body = {"json": {"values": {}}} if method == "PUT" else {}
        assert server.client.request(method, "/internal/config/nobody", **body).status_code == 404
        assert server.client.request(method, "/api/config/stores/nobody", **body).json()["code"] == "STORE_NOT_FOUND"
    assert server.client.request("PUT", "/api/config", json={}).status_code == 422


def test_caches_are_cleared_and_say_how_much(server):
    client, path = server.client, "/api/enterprise/admin/cache/clear"
    assert good(client.post(path))["entries"] == {"predictions": 0}
    for i in range(20):  # of both homes
        client.send(event("add_to_cart", "u1", f"c{i}", price=10))
        good(client.get(f"/api/predict/c{i}"))
    assert "_cached_at" in good(client.get("/api/predict/c7"))
    assert good(client.post(path)) == {"status": "cleared", "entries": {"predictions": 20}}
    assert "_cached_at" not in good(client.get("/api/predict/c7"))
    assert client.post(path, key=make_key(client)["key"]).status_code == 403


def test_a_service_is_found_by_its_name(server):
    found = good(server.client.get("/internal/services/discover/producer"))
    assert found == {"name": "producer", "status": "healthy", "urls": [server.url]}
    assert server.client.get("/internal/services/discover/nobody").status_code == 404


def test_the_health_of_the_system_and_of_its_sockets(server):
    client = server.client
    assert good(client.get("/api/health/system"))["status"] == "healthy"
    assert client.get("/api/health/system", key=None).status_code == 401
    before = good(client.get("/connections/status", key=None))
    assert before["sockets_open"] == before["sockets_opened"] == 0 and before["connections_open"] >= 1
    with Wire(server.url) as wire:
        assert wire.handshake()[0] == 101
        opened = good(client.get("/connections/status", key=None))
        assert (opened["sockets_open"], opened["sockets_opened"]) == (1, 1)
