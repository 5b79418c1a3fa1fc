"""Parts of the server made anew while it serves: no request is lost, and what comes after is served by the new ones."""
import shutil
import threading
import time

import pytest
import requests

from harness import ADMIN_KEY, ROOT, Headrace, good
from people import make_key
from shopping import event
from ws_wire import CLOSE, Wire

PATH = "/api/enterprise/admin/system/restart"


@pytest.fixture
def models(tmp_path):
    """A folder of models that can be changed."""
    folder = tmp_path / "models"
    shutil.copytree(ROOT / "models", folder, ignore=lambda _, names: [name for name in names if not name.endswith(".json")])
    return folder


@pytest.fixture
def server(tmp_path, exchanges, models):
    running = Headrace(tmp_path, exchanges, args=["--loops", "2", "--models", str(models)]).start()
    yield running
    if running.running():
        assert running.stop() == 0


def restart(server, *components):
    return good(server.client.post(PATH, json={"components": list(components)} if components else {}))


def test_everything_is_restarted_where_nothing_is_named(server):
    answer = restart(server)
    assert answer["status"] == "restarted" and answer["timestamp"]
    assert answer["components"] == {"listeners": "restarted", "certificates": "restarted", "models": "restarted"}


def test_who_may_and_what(server):
    key = make_key(server.client, roles=["operator"])["key"]
    assert server.client.post(PATH, key=key, json={}).status_code == 403
    assert server.client.post(PATH, key=None, json={}).status_code == 401
    refused = server.client.post(PATH, json={"components": ["listeners", "everything"]})
    assert refused.status_code == 422 and "components" in refused.text and "everything" in refused.text


def test_no_request_is_lost_while_listeners_are_restarted(server):
    """Clients that connect for every request and clients that keep their connection; the latter may be told to go, not cut off."""
    stop, failures, counts = threading.Event(), [], []

    def produce(number, keep):
        session, sent = requests.Session(), 0
        session.trust_env = False
        while not stop.is_set():
            try:
                poster = session if keep else requests
                reply = poster.post(server.url + "/api/events", headers={"X-API-Key": ADMIN_KEY}, timeout=20,
                                    json=event("page_view", f"user-{number}", event_id=f"{number}-{sent}"))
                assert reply.status_code == 200, reply.text
                sent += 1
            except (AssertionError, requests.RequestException) as failure:
                failures.append(repr(failure))
                return
        counts.append(sent)

    threads = [threading.Thread(target=produce, args=(n, n % 2 == 0)) for n in range(6)]
    [thread.start() for thread in threads]
    accepted = metric(server, "headrace_http_requests_total")
    restarts = 0
    until = time.monotonic() + 4
    while time.monotonic() < until:
        reply = server.client.post(PATH, json={"components": ["listeners"]})
        assert reply.status_code in (200, 409), reply.text  # 409: the one before has not ended
        restarts += reply.status_code == 200
        now = metric(server, "headrace_http_requests_total")
        assert now >= accepted, "counters outlive their listeners"
        accepted = now
        time.sleep(0.2)
    stop.set()
    [thread.join() for thread in threads]
    assert not failures and restarts >= 3 and min(counts) > 10
    stored = [one["event_id"] for number in range(6) for one in everything_of(server.client, f"user-{number}")]
    assert len(set(stored)) == len(stored) == sum(counts)


def everything_of(client, user):
    page = client.query(user_id=user, limit=1000)
    while page["events"]:
        yield from page["events"]
        if not page.get("next_cursor"):
            return
        page = client.query(user_id=user, limit=1000, cursor=page["next_cursor"])


def metric(server, name):
    text = server.client.get("/metrics").text
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name)


def test_sockets_are_told_to_go_and_may_come_back(server):
    with Wire(server.url) as wire:
        wire.open()
        restart(server, "listeners")
        code, payload = wire.next()
        assert code == CLOSE and int.from_bytes(payload[:2], "big") == 1001
    with Wire(server.url) as wire:
        wire.open()


def test_models_are_read_again_and_a_bad_one_changes_nothing(server, models, name):
    client, cart = server.client, name("cart")
    client.send(event("add_to_cart", name("user"), cart=cart))
    before = client.predict(cart)
    file = models / "cart_abandonment.json"
    whole = file.read_text()
    file.write_text(whole[:1000])
    refused = client.post(PATH, json={"components": ["models"]})
    assert 400 <= refused.status_code < 600 and "cart_abandonment" in refused.text, refused.text
    assert client.predict(cart)["probability"] == before["probability"]
    assert '"base_score":"5E-1"' in whole
    file.write_text(whole.replace('"base_score":"5E-1"', '"base_score":"2E-1"'))
    restart(server, "models")
    lower = client.predict(cart)["probability"]
    assert lower < before["probability"]
    assert good(client.get(f"/api/predict/{cart}"))["probability"] == lower, "nothing of the old one is kept"
    features = {"admin_views": 3}
    given = good(client.post("/api/predict", json={"features": features}))["probability"]
    file.write_text(whole)
    restart(server, "models")
    assert client.predict(cart)["probability"] == before["probability"]
    assert good(client.post("/api/predict", json={"features": features}))["probability"] > given


def test_a_restart_is_drained_before_the_end(server):
    restart(server, "listeners")
    assert server.stop() == 0
