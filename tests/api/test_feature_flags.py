"""Feature flags and their evaluation through OFREP, on every loop."""
import pytest

import harness
from harness import good
from people import UNLIMITED, Person, make_key


@pytest.fixture(scope="module")
def server(tmp_path_factory, exchanges):
    running = harness.Headrace(tmp_path_factory.mktemp("flags"), exchanges, args=["--loops", "2", *UNLIMITED]).start()
    yield running
    assert running.stop() == 0
    running.verify()


def put(server, flag, **wish):
    return server.client.request("PUT", f"/api/feature-flags/{flag}", json=wish)


def ask(server, flag, key=..., **context):
    return server.client.post(f"/ofrep/v1/evaluate/flags/{flag}", json={"context": context}, key=key)


def test_a_flag_is_switched_on_every_loop_and_stays(server):
    many = [server.client_of(server.url) for _ in range(8)]
    made = good(put(server, "banner", enabled=False))
    assert made["version"] == 1 and made["variants"] == {"on": True, "off": False}
    for expected in ({"reason": "DISABLED", "variant": "off", "value": False}, {"reason": "STATIC", "variant": "on", "value": True}):
        for one in many:
            assert good(one.post("/ofrep/v1/evaluate/flags/banner", json={})) == {"key": "banner", **expected}
        good(put(server, "banner", enabled=True))
    assert put(server, "banner", enabled=True, version=1).status_code == 409
    server.restart()
    assert good(ask(server, "banner"))["value"] is True
    listed = good(server.client.get("/api/feature-flags"))
    assert [flag["key"] for flag in listed["flags"]][:1] == ["banner"]
    audit = server.client.query(event_type="feature_flag_changed")["events"]
    first = next(one["data"] for one in audit if one["data"]["flag"] == "banner" and one["data"]["version"] == 1)
    assert first["from"] is None and first["to"]["enabled"] is False and first["key"]


def test_targeting_and_split(server):
    good(put(server, "layout", enabled=True, variants={"a": "blue", "b": "green", "c": "red"}, default_variant="a", rules=[
        {"conditions": [{"attribute": "country", "values": ["AT", "D\u00c4"]}, {"attribute": "age", "op": "at_least", "values": [18]}], "variant": "b"},
        {"conditions": [{"attribute": "mail", "op": "ends_with", "values": ["@example.com"]}], "split": {"a": 20, "b": 0, "c": 80}}]))
    assert good(ask(server, "layout")) == {"key": "layout", "reason": "DEFAULT", "variant": "a", "value": "blue"}
    assert good(ask(server, "layout", country="AT", age=18.5)) == {"key": "layout", "reason": "TARGETING_MATCH", "variant": "b", "value": "green"}
    assert good(ask(server, "layout", country="D\u00c4", age=18))["variant"] == "b"
    assert good(ask(server, "layout", country="AT", age=17))["reason"] == "DEFAULT"
    missing = ask(server, "layout", mail="x@example.com")
    assert missing.status_code == 400
    assert missing.json()["errorCode"] == "TARGETING_KEY_MISSING" and missing.json()["key"] == "layout"
    given = {key: good(ask(server, "layout", mail="x@example.com", targetingKey=key)) for key in map(str, range(300))}
    assert {one["reason"] for one in given.values()} == {"SPLIT"}
    share = sum(one["variant"] == "c" for one in given.values()) / 300
    assert 0.7 < share < 0.9 and not any(one["variant"] == "b" for one in given.values())
    good(put(server, "layout", description="again"))
    assert all(good(ask(server, "layout", mail="x@example.com", targetingKey=key)) == one for key, one in list(given.items())[:50])


def test_a_store_has_its_own(server):
    client = server.client
    store = good(client.post("/api/stores", json={"name": "Books"}))["id"]
    good(put(server, "tax", enabled=True, variants={"low": 1, "high": 2}, default_variant="low", stores={store: {"variant": "high"}}))
    mine = make_key(client, tenant=store)["key"]
    assert good(ask(server, "tax", key=mine))["value"] == 2
    assert good(ask(server, "tax", storeId=store))["value"] == 2 and good(ask(server, "tax"))["value"] == 1
    elsewhere = Person(client, ["customer"], "elsewhere")
    assert good(ask(server, "tax", key=elsewhere.key, storeId=store))["value"] == 1, "the store is the credential's"
    good(put(server, "tax", stores={store: {"enabled": False}}))
    assert good(ask(server, "tax", key=mine)) == {"key": "tax", "reason": "DISABLED"}


def test_all_at_once_and_not_again(server):
    good(put(server, "bulk", enabled=True, split={"on": 50, "off": 50}))
    path = "/ofrep/v1/evaluate/flags"
    all_of_them = server.client.post(path, json={"context": {}})
    by_key = {flag["key"]: flag for flag in good(all_of_them)["flags"]}
    assert by_key["bulk"]["errorCode"] == "TARGETING_KEY_MISSING"
    tag = all_of_them.headers["ETag"]
    again = server.client.post(path, json={"context": {}}, headers={"If-None-Match": tag})
    assert (again.status_code, again.text, again.headers["ETag"]) == (304, "", tag)
    good(put(server, "bulk", enabled=False))
    changed = server.client.post(path, json={"context": {}}, headers={"If-None-Match": tag})
    assert changed.status_code == 200 and changed.headers["ETag"] != tag


def test_errors_are_those_of_ofrep(server):
    client = server.client
    unknown = ask(server, "nothing")
    assert unknown.status_code == 404 and unknown.json()["errorCode"] == "FLAG_NOT_FOUND" and unknown.json()["key"] == "nothing"
    for text, code in (("{", "PARSE_ERROR"), ('{"context": 3}', "INVALID_CONTEXT")):
        for path in ("/ofrep/v1/evaluate/flags/banner", "/ofrep/v1/evaluate/flags"):
            bad = client.post_text(path, text)
            assert (bad.status_code, bad.json()["errorCode"]) == (400, code), bad.text
            assert bad.json().get("key") == ("banner" if path.endswith("banner") else None)
    assert ask(server, "banner", key=None).status_code == 401


@pytest.mark.parametrize("wish, words", [
    ({"variants": {"a": 1, "b": "x"}, "default_variant": "a"}, "one type"),
    ({"variants": {"a": [1]}, "default_variant": "a"}, "variants"),
    ({"variants": {"a": 1}}, "default_variant"),
    ({"default_variant": "maybe"}, "maybe"),
    ({"split": {"on": 50, "off": 49}}, "100 percent"),
    ({"split": {"on": 150, "off": -50}}, "between 0 and 100"),
    ({"rules": [{"conditions": [{"attribute": "x", "values": [1]}]}]}, "rules[0]"),
    ({"rules": [{"conditions": [{"attribute": "x", "values": [{}]}], "variant": "on"}]}, "values"),
    ({"rules": [{"conditions": [{"attribute": "x", "op": "like", "values": [1]}], "variant": "on"}]}, "op"),
    ({"stores": {"s": {"variant": "maybe"}}}, "stores.s.variant"),
    ({"description": "x" * 1001}, "description"),
])
def test_a_flag_that_would_not_evaluate_is_refused(server, wish, words):
    refused = put(server, "wrong", enabled=True, **wish)
    assert refused.status_code == 422 and words in refused.json()["message"], refused.text
    assert ask(server, "wrong").status_code == 404
