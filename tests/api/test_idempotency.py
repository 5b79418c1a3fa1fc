"""Idempotency-Key: what is sent twice happens once, also over restarts and crashes, and its secrets stay off the disk."""
import concurrent.futures
import uuid

import pytest

import harness
from harness import Client, good
from people import UNLIMITED, Person, bearer


@pytest.fixture(scope="module")
def server(tmp_path_factory, exchanges):
    running = harness.Headrace(tmp_path_factory.mktemp("keyed"), exchanges, args=["--loops", "2", *UNLIMITED]).start()
    yield running
    assert running.stop() == 0


def keyed(key=None):
    return {"Idempotency-Key": key or uuid.uuid4().hex}


def keys_named(client, name):
    return [one for one in good(client.get("/api/keys"))["keys"] if one["name"] == name]


def test_the_same_answer_and_one_effect(server, name):
    client, called, headers = server.client, name("key"), keyed()
    first = client.post("/api/keys", json={"name": called}, headers=headers)
    again = client.post("/api/keys", json={"name": called}, headers=headers)
    assert first.status_code == again.status_code == 201
    assert again.json() == first.json() and first.json()["key"].startswith("hr_")
    assert "Idempotency-Replayed" not in first.headers and again.headers["Idempotency-Replayed"] == "true"
    assert len(keys_named(client, called)) == 1
    assert client.post("/api/keys", json={"name": called}, headers=keyed()).json() != first.json()
    assert len(keys_named(client, called)) == 2
    assert Client(server.url, server.exchanges, first.json()["key"]).get("/api/events").status_code == 200


def test_another_request_with_the_key_is_refused(server, name):
    client, headers = server.client, keyed()
    good(client.post("/api/keys", json={"name": name("key")}, headers=headers))
    for path, body in (("/api/keys", {"name": name("other")}), ("/api/stores", {"name": name("store")})):
        refused = client.post(path, json=body, headers=headers)
        assert refused.status_code == 422 and refused.json()["code"] == "IDEMPOTENCY_KEY_REUSED", refused.text


def test_a_key_of_one_caller_is_not_that_of_another(server, name):
    one, other, headers = Person(server.client).sign_in(), Person(server.client).sign_in(), keyed()
    mine = server.client.post("/api/keys", key=None, json={"name": "x"}, headers={**headers, **bearer(one.token)})
    theirs = server.client.post("/api/keys", key=None, json={"name": "y"}, headers={**headers, **bearer(other.token)})
    assert mine.status_code == theirs.status_code == 201 and mine.json()["id"] != theirs.json()["id"]


def test_refusals_of_the_request_are_kept_and_faults_of_form_are_not(server, name):
    client, headers = server.client, keyed()
    person = Person(client)
    taken = {"username": person.username, "email": "x" + person.email, "password": "long enough", "first_name": "A", "last_name": "B"}
    first = client.post("/api/auth/register", key=None, json=taken, headers=headers)
    again = client.post("/api/auth/register", key=None, json=taken, headers=headers)
    assert first.status_code == again.status_code == 409 and again.json()["code"] == "USERNAME_TAKEN"
    headers = keyed()
    bad = client.post("/api/keys", json={"name": 7}, headers=headers)
    assert bad.status_code in (400, 422) and "name" in bad.text
    assert client.post("/api/keys", json={"name": name("key")}, headers=headers).status_code == 201


@pytest.mark.parametrize("key", ["x" * 256, "two words", "tab\there"])
def test_a_key_that_is_none(server, key):
    answer = server.client.post("/api/keys", json={"name": "never"}, headers=keyed(key))
    assert answer.status_code == 400 and "Idempotency-Key" in answer.text
    assert not keys_named(server.client, "never")


def test_credits_are_given_once(server):
    person = Person(server.client)
    path, headers = f"/admin/users/{person.number}/credits", keyed()
    answers = [good(server.client.post(path, json={"credits": 50}, headers=headers)) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    one_more = good(server.client.post(path, json={"credits": 50}))
    assert one_more["credits_remaining"] == answers[0]["credits_remaining"] + 50


def test_many_at_once_make_one(server, name):
    called, headers = name("key"), keyed()

    def send(_):
        return Client(server.url, server.exchanges).post("/api/keys", json={"name": called}, headers=headers)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(64)))
    made = [one for one in answers if one.status_code == 201]
    waiting = [one for one in answers if one.status_code == 409]
    assert made and len(made) + len(waiting) == 64
    assert all(one.json() == made[0].json() for one in made) and all(one.headers["Retry-After"] == "1" for one in waiting)
    assert len(keys_named(server.client, called)) == 1


def test_it_survives_a_restart_and_no_secret_is_on_the_disk(fresh_server, name):
    server = fresh_server()
    headers = keyed("order-" + uuid.uuid4().hex)
    first = good(server.client.post("/api/keys", json={"name": "kept"}, headers=headers))
    assert server.stop() == 0
    server.start()
    assert good(server.client.post("/api/keys", json={"name": "kept"}, headers=headers)) == first
    assert server.stop() == 0
    server.verify()
    told = "".join(str(record) for record in server.records())
    files = b"".join(path.read_bytes() for path in server.data.rglob("*") if path.is_file())
    for secret in (first["key"], first["key"].removeprefix("hr_"), headers["Idempotency-Key"]):
        assert secret not in told and secret.encode() not in files


def test_after_a_crash_in_between_nothing_is_made_twice(fresh_server, name):
    server, headers = fresh_server(start=False), keyed()
    server.start(env={"HEADRACE_KILL_POINT": "in_keyed_call:1"})
    with pytest.raises(OSError):
        server.client.post("/api/keys", json={"name": "cut off"}, headers=headers)
    server.process.wait(10)
    server.start()
    refused = server.client.post("/api/keys", json={"name": "cut off"}, headers=headers)
    assert refused.status_code == 409 and "another key" in refused.text and "Retry-After" not in refused.headers
    assert server.stop() == 0
    server.verify()


def test_openapi_says_where_keys_are_honoured(server):
    paths = good(server.client.get("/openapi.json", key=None))["paths"]
    having = {path for path, operations in paths.items() for operation in operations.values()
              if any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", []))}
    assert {"/api/keys", "/api/stores", "/api/auth/register", "/api/users", "/admin/users/{user_id}/credits",
            "/admin/erasures", "/admin/features"} <= having
    assert "/api/events" not in having, "events have an id of their own"
