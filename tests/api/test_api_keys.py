"""API keys: made once, shown once, changed and revoked with effect on every loop when the answer is there."""
import re
import threading

import pytest
import requests

from harness import Client, good
from people import UNLIMITED, Person, make_key


@pytest.fixture(scope="module")
def server(tmp_path_factory, exchanges):
    import harness
    running = harness.Headrace(tmp_path_factory.mktemp("keys"), exchanges, args=["--loops", "2", *UNLIMITED]).start()
    yield running
    assert running.stop() == 0


def test_a_key_is_shown_once_and_only_its_hash_is_kept(fresh_server):
    server = fresh_server(args=UNLIMITED)
    made = server.client.post("/api/keys", json={"name": "feed", "scopes": ["events:write"]})
    assert made.status_code == 201
    key = made.json()
    assert re.fullmatch(r"hr_[0-9a-f]{64}", key["key"]) and key["prefix"] == key["key"][:11]
    assert key["scopes"] == ["events:write"] and key["roles"] == ["service"]
    event = {"event_type": "page_view", "data": {"user_id": "u1"}}
    good(server.client.post("/api/events", json=event, key=key["key"]))
    refused = server.client.get("/api/events", key=key["key"])
    assert refused.status_code == 403 and "events:read" in refused.text
    seen = good(server.client.get(f"/api/keys/{key['id']}"))
    assert "key" not in seen and seen["last_used_at"] and seen["created_at"]
    server.restart()
    good(server.client.post("/api/events", json=event, key=key["key"]))
    server.stop()
    for file in server.data.rglob("*"):
        assert not file.is_file() or key["key"].encode() not in file.read_bytes(), file
    assert key["key"] not in server.stderr()
    server.verify()


def test_a_revoked_key_is_void_on_every_connection_at_once(server):
    key = make_key(server.client)
    clients = [Client(server.url, None, key["key"]) for _ in range(16)]  # over both loops
    for client in clients:
        good(client.get("/api/events"))
    good(server.client.request("DELETE", f"/api/keys/{key['id']}"))
    assert [client.get("/api/events").status_code for client in clients] == [401] * 16
    assert server.client.get(f"/api/keys/{key['id']}").status_code == 404
    assert server.client.request("DELETE", f"/api/keys/{key['id']}").status_code == 404


def test_while_keys_are_revoked_under_load_none_works_afterwards(server):
    keys = [make_key(server.client, name=f"k{i}") for i in range(8)]
    revoked, late = set(), []
    stop = threading.Event()

    def use(key):
        session = requests.Session()
        session.trust_env = False
        while not stop.is_set():
            before = key["id"] in revoked
            status = session.get(server.url + "/api/events?limit=1", headers={"X-API-Key": key["key"]}, timeout=30).status_code
            if before and status != 401:
                late.append(key["id"])

    threads = [threading.Thread(target=use, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for key in keys:
        good(server.client.request("DELETE", f"/api/keys/{key['id']}"))
        revoked.add(key["id"])
    stop.set()
    for thread in threads:
        thread.join()
    assert not late


def test_changed_scopes_hold_at_once(server):
    key = make_key(server.client, scopes=["events:read"])
    clients = [Client(server.url, None, key["key"]) for _ in range(8)]
    for client in clients:
        good(client.get("/api/events"))
    changed = good(server.client.request("PUT", f"/api/keys/{key['id']}", json={"scopes": ["features:read"], "name": "new"}))
    assert (changed["name"], changed["scopes"]) == ("new", ["features:read"])
    assert {client.get("/api/events").status_code for client in clients} == {403}


def test_nobody_gives_a_key_more_than_they_have(server):
    person = Person(server.client)
    narrow = good(server.client.post("/api/keys", key=person.key, json={"name": "n", "scopes": ["keys:write", "keys:read"]}))
    assert narrow["roles"] == ["customer"] and narrow["tenant"] == person.id
    for wish, field in (({"scopes": ["events:write"]}, "scopes"), ({"roles": ["admin"]}, "roles"),
                        ({"rate_class": "unlimited"}, "rate_class"), ({"tenant": "other"}, "tenant")):
        reply = server.client.post("/api/keys", key=narrow["key"], json={"name": "more", **wish})
        assert reply.status_code == 403 and field in reply.json()["message"], (wish, reply.text)
    for wish in ({"scopes": ["all"]}, {"roles": ["king"]}, {"rate_class": "fast"}, {"expires_at": "2020-01-01T00:00:00Z"},
                 {"scopes": []}, {"name": ""}):
        assert server.client.post("/api/keys", json={"name": "bad", **wish}).status_code == 422, wish


def test_keys_are_listed_page_by_page_and_each_sees_their_own(server):
    person = Person(server.client)
    for i in range(4):
        good(server.client.post("/api/keys", key=person.key, json={"name": f"key {i}"}))
    page = good(server.client.get("/api/keys?limit=3", key=person.key))
    rest = good(server.client.get(f"/api/keys?limit=3&after={page['next_cursor']}", key=person.key))
    names = sorted(key["name"] for key in page["keys"] + rest["keys"])
    assert names == ["default", "key 0", "key 1", "key 2", "key 3"] and "next_cursor" not in rest
    for _ in range(45):
        good(server.client.post("/api/keys", key=person.key, json={"name": "more"}))
    assert server.client.post("/api/keys", key=person.key, json={"name": "too many"}).status_code == 409
