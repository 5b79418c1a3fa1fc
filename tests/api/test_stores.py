"""Stores: an administrator makes them, those of the tenant see them, its administrator changes them."""
import json

import pytest

from harness import Headrace, good
from people import UNLIMITED, Person, make_key


@pytest.fixture(scope="module")
def server(tmp_path_factory, exchanges):
    running = Headrace(tmp_path_factory.mktemp("stores"), exchanges, args=["--loops", "2", *UNLIMITED]).start()
    yield running
    assert running.stop() == 0


def test_a_store_and_its_people(server):
    client = server.client
    made = client.post("/api/stores", json={"name": "Books", "domain": "books.example", "currency": "EUR"})
    assert made.status_code == 201
    store, other = made.json(), good(client.post("/api/stores", json={"name": "Toys"}))
    path = f"/api/stores/{store['id']}"
    keeper, clerk = Person(client, ["org_admin"], store["id"]), Person(client, ["customer"], store["id"])
    service = make_key(client, tenant=store["id"])["key"]
    for key in (keeper.key, clerk.key, service, client.key):
        assert good(client.get(path, key=key))["name"] == "Books"
        assert good(client.get(f"{path}/settings", key=key))["settings"] == {}
    for key in (keeper.key, clerk.key, service):
        assert client.get(f"/api/stores/{other['id']}", key=key).status_code == 403
        assert client.get("/api/stores", key=key).status_code == 403
    changed = good(client.request("PUT", path, key=keeper.key, json={"name": "More books", "is_active": False}))
    assert (changed["name"], changed["domain"], changed["is_active"], changed["version"]) == ("More books", "books.example", False, 2)
    for key in (clerk.key, service):
        assert client.request("PUT", path, key=key, json={"name": "Mine"}).status_code == 403
    assert client.request("PUT", f"/api/stores/{other['id']}", key=keeper.key, json={"name": "Mine"}).status_code == 403
    settings = {"theme": {"colour": "blue"}, "limits": [1, 2.5, None]}
    put = good(client.request("PUT", f"{path}/settings", key=keeper.key, json={"settings": settings, "version": 2}))
    assert put["settings"] == settings and put["version"] == 3
    late = client.request("PUT", f"{path}/settings", key=keeper.key, json={"settings": {}, "version": 2})
    assert late.status_code == 409 and late.json()["code"] == "CONFLICT"
    for bad in ({"settings": [1]}, {"settings": "x"}, {}, {"settings": {"x": "y" * 66_000}}):
        assert client.request("PUT", f"{path}/settings", key=keeper.key, json=bad).status_code == 422, str(bad)[:60]
    server.restart()
    client = server.client
    assert good(client.get(f"{path}/settings", key=clerk.key))["settings"] == settings
    listed = good(client.get("/api/stores"))
    assert {one["id"] for one in listed["stores"]} >= {store["id"], other["id"]}
    first = good(client.get("/api/stores?limit=1"))
    assert first["count"] == 1 and good(client.get(f"/api/stores?limit=1&after={first['next_cursor']}"))["stores"][0]["id"] != first["stores"][0]["id"]
    assert client.request("DELETE", path, key=keeper.key).status_code == 403
    good(client.request("DELETE", path))
    gone = client.get(path)
    assert (gone.status_code, gone.json()["code"]) == (404, "STORE_NOT_FOUND")
    assert client.get(path, key=clerk.key).status_code == 404
    for bad in ({"name": ""}, {"name": "x", "currency": "EURO"}, json.loads('{"domain": "x"}')):
        assert client.post("/api/stores", json=bad).status_code == 422
