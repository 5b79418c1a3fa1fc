"""A WebSocket ends with the credential that opened it, within a second."""
import json
import time
from datetime import datetime, timedelta, timezone

import pytest

from harness import good
from people import Person, bearer, make_key
from shopping import event
from ws_wire import CLOSE, TEXT, Wire, frame

UNAUTHORIZED = 4401


def open_with(server, headers):
    wire = Wire(server.url)
    wire.open(headers=list(headers.items()), admin_key=None)
    return wire


def code_of_close(wire):
    while (one := wire.next()) is not None:
        if one[0] == CLOSE:
            return int.from_bytes(one[1][:2], "big")
    return None


def revoke(client, made):
    good(client.request("DELETE", f"/api/keys/{made['id']}"))


def narrow(client, made):
    good(client.request("PUT", f"/api/keys/{made['id']}", json={"scopes": ["events:read"]}))


@pytest.mark.parametrize("end", [revoke, narrow])
def test_a_key_that_ends_closes_its_sockets_and_no_others(server, client, end):
    made, other = make_key(client, roles=["service"]), make_key(client, roles=["service"])
    with open_with(server, {"X-API-Key": made["key"]}) as one, open_with(server, {"X-API-Key": other["key"]}) as two:
        began = time.monotonic()
        end(client, made)
        assert code_of_close(one) == UNAUTHORIZED and time.monotonic() - began < 1.5
        two.send(frame(TEXT, json.dumps(event("page_view", "somebody"))))
        assert json.loads(two.next_text())["count"] == 1


def test_nothing_is_taken_in_for_a_key_that_was_revoked(server, client, name):
    made, user = make_key(client, roles=["service"]), name("user")
    with open_with(server, {"X-API-Key": made["key"]}) as wire:
        revoke(client, made)
        wire.send(frame(TEXT, json.dumps(event("page_view", user))))
        assert code_of_close(wire) == UNAUTHORIZED
    assert client.query(user_id=user)["events"] == []


def test_a_key_that_expires_closes_its_sockets(server, client):
    soon = datetime.now(timezone.utc) + timedelta(seconds=2)
    made = make_key(client, roles=["service"], expires_at=soon.isoformat())
    with open_with(server, {"X-API-Key": made["key"]}) as wire:
        assert code_of_close(wire) == UNAUTHORIZED
        assert 0 <= time.time() - soon.timestamp() < 1.5


@pytest.mark.parametrize("path", ["/api/auth/logout", "/api/auth/logout-all"])
def test_a_session_that_ends_closes_its_sockets(server, client, path):
    person = Person(client, ["service", "customer"]).sign_in()
    with open_with(server, bearer(person.token)) as wire:
        began = time.monotonic()
        good(person.post(path))
        assert code_of_close(wire) == UNAUTHORIZED and time.monotonic() - began < 1.5
