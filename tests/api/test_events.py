"""POST /api/events and POST /api/events/batch: one, many, lines, compressed, repeated, wrong."""
import gzip
import json
import subprocess

import pytest
from urllib3.filepost import encode_multipart_formdata

from harness import good
from shopping import event, now


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout


def test_one_event_is_answered_with_its_place(client, name):
    user = name("user")
    sent = event("user_action", user, event_id=name("evt"), time="2025-09-30T12:00:00.000000", action="click", value=42)
    answer = client.send(sent)
    assert answer["status"] == "success"
    assert answer["event_id"] == sent["event_id"]
    assert answer["topic"] == "events.user_action"
    assert isinstance(answer["partition"], int) and isinstance(answer["offset"], int)
    assert not answer.get("duplicate", False)


def test_an_event_comes_back_as_it_was_sent(client, name):
    user = name("user")
    sent = event("page_view", user, name("cart"), name("session"), "2025-09-30T12:00:00.123456", name("evt"),
                 page="/ü \"quoted\" \\ \u0001 \U0001f6d2", nested={"a": [1, 2.5, None, True, {"b": "c"}]}, price=19.99)
    placed = client.send(sent)
    found = client.query(user_id=user)["events"]
    assert len(found) == 1
    assert found[0]["event_id"] == sent["event_id"]
    assert found[0]["event_type"] == "page_view"
    assert found[0]["data"] == sent["data"]
    assert found[0]["timestamp"].startswith("2025-09-30T12:00:00.123456")
    metadata = found[0]["metadata"]
    assert metadata["partition"] == placed["partition"] and metadata["offset"] == placed["offset"]
    assert metadata["source"] and metadata["ingestion_time"]


def test_the_server_gives_an_id_and_a_time_where_none_was_sent(client, name):
    user = name("user")
    first, second = (client.send({"event_type": "page_view", "data": {"user_id": user}}) for _ in range(2))
    assert first["event_id"] and second["event_id"] and first["event_id"] != second["event_id"]
    events = client.query(user_id=user)["events"]
    assert {one["event_id"] for one in events} == {first["event_id"], second["event_id"]}
    assert all(now(-60) < one["timestamp"] < now(60) for one in events)


def test_a_repeated_event_answers_with_its_first_place_and_changes_nothing(client, name):
    cart = name("cart")
    sent = event("add_to_cart", name("user"), cart, event_id=name("evt"), price=5, quantity=1)
    first = client.send(sent)
    before = client.features(cart)["features"]
    for _ in range(3):
        again = client.send(sent)
        assert again["duplicate"] is True
        assert (again["partition"], again["offset"]) == (first["partition"], first["offset"])
    after = client.features(cart)["features"]
    assert after["adds"] == before["adds"] == 1
    assert len(client.query(user_id=sent["data"]["user_id"])["events"]) == 1


def batch_of(name, count=50):
    user = name("user")
    return user, [event("product_view", user, event_id=name("evt"), time=now(-count + n), product_id=f"p{n}", price=n)
                  for n in range(count)]


def bodies(events):
    """Every form in which a batch may arrive: (name, bytes, headers)."""
    array = json.dumps(events).encode()
    lines = "".join(json.dumps(one) + "\n" for one in events).encode()
    as_json, as_lines = {"Content-Type": "application/json"}, {"Content-Type": "application/x-ndjson"}
    return {
        "array": (array, as_json),
        "object": (json.dumps({"events": events}).encode(), as_json),
        "ndjson": (lines, as_lines),
        "ndjson without a last newline": (lines.rstrip(b"\n"), as_lines),
        "ndjson with CRLF and blank lines": (lines.replace(b"\n", b"\r\n\r\n"), as_lines),
        "gzip": (gzip.compress(array, mtime=0), {**as_json, "Content-Encoding": "gzip"}),
        "gzip ndjson": (gzip.compress(lines, mtime=0), {**as_lines, "Content-Encoding": "gzip"}),
        "zstd": (zstd(array), {**as_json, "Content-Encoding": "zstd"}),
        "zstd ndjson": (zstd(lines), {**as_lines, "Content-Encoding": "zstd"}),
        "a file of a form": form_of(("events.json", array, "application/json")),
        "a file of lines, by its type": form_of(("events.txt", lines, "application/x-ndjson")),
        "a file of lines, by its name": form_of(("events.ndjson", lines, "application/octet-stream")),
        "a form's file without a type": form_of(("", array)),
        "gzip of a form": (gzip.compress(form_of(("e.json", array))[0], mtime=0),
                           {"Content-Type": form_of(("e.json", array))[1]["Content-Type"], "Content-Encoding": "gzip"}),
    }


def form_of(file, field="file", boundary="f0rm"):
    """Body and headers of a form with one file, as urllib3 writes it."""
    body, content_type = encode_multipart_formdata({field: file}, boundary)
    return body, {"Content-Type": content_type}


@pytest.mark.parametrize("form", list(bodies([])))
def test_a_batch_in_every_form(client, name, form):
    user, events = batch_of(name)
    body, headers = bodies(events)[form]
    answer = good(client.post("/api/events/batch", data=body, headers=headers))
    assert answer["status"] == "success" and answer["count"] == len(events)
    assert [one["event_id"] for one in answer["results"]] == [one["event_id"] for one in events]
    assert {one["status"] for one in answer["results"]} == {"submitted"}
    stored = client.query(user_id=user, limit=1000)["events"]
    assert {one["event_id"] for one in stored} == {one["event_id"] for one in events}


def test_events_of_one_user_are_stored_in_the_order_of_the_batch(client, name):
    _, events = batch_of(name)
    results = client.send_all(events)[0]["results"]
    places = [(one["partition"], one["offset"]) for one in results]
    assert len({partition for partition, _ in places}) == 1
    assert places == sorted(places) and len(set(places)) == len(places)


def test_repeats_within_and_across_batches_are_duplicates(client, name):
    user, events = batch_of(name, 10)
    mixed = events + events[:5]
    answer = client.send_all(mixed)[0]
    assert [one["status"] for one in answer["results"]] == ["submitted"] * 10 + ["duplicate"] * 5
    assert [one["offset"] for one in answer["results"][10:]] == [one["offset"] for one in answer["results"][:5]]
    again = client.send_all(events)[0]
    assert {one["status"] for one in again["results"]} == {"duplicate"}
    assert [one["offset"] for one in again["results"]] == [one["offset"] for one in answer["results"][:10]]
    assert len(client.query(user_id=user, limit=100)["events"]) == 10


def test_a_bad_event_in_a_batch_is_named_and_stops_no_other(client, name):
    user, events = batch_of(name, 5)
    bad = {1: ({"data": {"user_id": user}}, "event_type"),
           3: ({"event_type": "page_view", "timestamp": "yesterday", "data": {"user_id": user}}, "timestamp"),
           5: ({"event_type": 7, "data": {"user_id": user}}, "event_type")}
    for at, (one, _) in sorted(bad.items()):
        events.insert(at, one)
    answer = good(client.post("/api/events/batch", json=events))
    assert answer["status"] == "partial" and answer["count"] == 5
    assert len(answer["results"]) == len(events)
    for at, result in enumerate(answer["results"]):
        if at in bad:
            assert result["status"] == "rejected"
            assert result["index"] == at and result["field"] == bad[at][1] and result["reason"]
        else:
            assert result["status"] == "submitted"
    assert len(client.query(user_id=user)["events"]) == 5


@pytest.mark.parametrize("body, content_type, field, rule", [
    (form_of(("e", b"[]"), field="other")[0], "multipart/form-data; boundary=f0rm", "file", "the one field"),
    (form_of(("e", b"[]"))[0].replace(b"--f0rm--", b"") * 2 + b"--f0rm--", "multipart/form-data; boundary=f0rm", "file", "the one field"),
    (b"--f0rm--", "multipart/form-data; boundary=f0rm", "file", "the one field"),
    (form_of(("e", b"[]"))[0][:-8], "multipart/form-data; boundary=f0rm", "form", "last boundary"),
    (form_of(("e", b"[]"))[0], "multipart/form-data", "Content-Type", "boundary"),
    (b"[]", "multipart/form-data; boundary=f0rm", "form", "no boundary"),
])
def test_a_bad_form_is_refused_by_its_rule(client, body, content_type, field, rule):
    reply = client.post_text("/api/events/batch", body, content_type)
    assert reply.status_code == 400, reply.text
    assert field in reply.text and rule in reply.text


def test_a_bad_line_of_ndjson_is_named_and_stops_no_other(client, name):
    user, events = batch_of(name, 4)
    lines = [json.dumps(one) for one in events]
    lines.insert(2, '{"event_type": "page_view", "data": {')
    answer = good(client.post_text("/api/events/batch", "\n".join(lines), "application/x-ndjson"))
    assert answer["status"] == "partial" and answer["count"] == 4
    assert [one["status"] for one in answer["results"]] == ["submitted"] * 2 + ["rejected"] + ["submitted"] * 2
    assert answer["results"][2]["index"] == 2 and answer["results"][2]["reason"]
    assert len(client.query(user_id=user)["events"]) == 4


@pytest.mark.parametrize("body, field", [
    ({"data": {"user_id": "u"}}, "event_type"),
    ({"event_type": "", "data": {}}, "event_type"),
    ({"event_type": 3, "data": {}}, "event_type"),
    ({"event_type": "x" * 200, "data": {}}, "event_type"),
    ({"event_type": "page_view", "data": []}, "data"),
    ({"event_type": "page_view", "data": "text"}, "data"),
    ({"event_type": "page_view", "timestamp": "not a time", "data": {}}, "timestamp"),
    ({"event_type": "page_view", "timestamp": {}, "data": {}}, "timestamp"),
    ({"event_type": "page_view", "event_id": "x" * 200, "data": {}}, "event_id"),
    ({"event_type": "page_view", "event_id": [], "data": {}}, "event_id"),
])
def test_a_refused_event_names_the_field(client, body, field):
    reply = client.post("/api/events", json=body)
    assert reply.status_code in (400, 422), reply.text
    assert set(reply.json()) >= {"error", "details"}
    assert field in reply.json()["details"]


def test_a_missing_field_is_answered_as_documented(client):
    reply = client.post("/api/events", json={"data": {}})
    assert reply.status_code == 400
    assert "event_type" in reply.json()["details"]


def test_limits_of_a_batch(client, name):
    too_many = [event("page_view", name("user")) for _ in range(10_001)]
    reply = client.post("/api/events/batch", json=too_many)
    assert 400 <= reply.status_code < 500 and reply.json()["details"], reply.text[:300]
    empty = client.post("/api/events/batch", json=[])
    assert empty.status_code < 500


def test_one_large_event_is_refused_and_one_just_below_the_limit_is_kept(client, name):
    user = name("user")
    kept = event("page_view", user, note="x" * 200_000)
    assert client.send(kept)["status"] == "success"
    assert client.query(user_id=user)["events"][0]["data"] == kept["data"]
    reply = client.post("/api/events", json=event("page_view", user, note="x" * 300_000))
    assert reply.status_code in (400, 413, 422), reply.status_code
