"""A person is erased: nothing on the disk names them, everybody else is what they were, and the log is sound."""
import json
import os
import random
import shutil
import signal
import subprocess
import time
from hashlib import blake2b

import pytest

from harness import BINARY, Client
from shopping import event
from test_repack import small_segments
from traces import traces

PERSON, OTHER = "erase.me-7f3a91", "stay.here-5b20cc"
KILLS = int(os.environ.get("HEADRACE_ERASE_KILLS", "3"))


def noise(number):
    return blake2b(b"%d" % number).hexdigest()


def life_of(person, name, count=120):
    """Events of one person: in sessions and carts of their own, some without their name in the envelope."""
    cart, session = f"cart:{person}", name("session")
    events = [event(("page_view", "add_to_cart", "search")[n % 3], person, cart=cart, session=session, event_id=name("evt"),
                    price=n + 0.5, quantity=1, noise=noise(n)) for n in range(count)]
    nobody = [{"event_id": name("evt"), "event_type": "page_view", "data": {"session_id": session, "cart_id": cart, "n": n}}
              for n in range(10)]
    return cart, session, events + nobody


def mentions_of(person, other, name):
    """Events of somebody else that name the person."""
    return [event("page_view", other, cart=f"cart-{other}", session=f"session-{other}", event_id=name("evt"), **more)
            for more in ({"referrer": person}, {"url": f"https://shop.example/?ref={person}&x=1"},
                         {"friends": ["a", {"who": person}]}, {"note": f"asked ({person}) about it"},
                         {"quoted": f"asked \"{person}\" about it"})]


def fill(server, name):
    """The person among others, over several segments of every partition; a prediction of theirs, a cart they shared."""
    client = server.client
    cart, session, theirs = life_of(PERSON, name)
    others = [event("page_view", f"user-{n % 30}", cart=f"cart-{n % 50}", session=f"session-{n % 40}", event_id=name("evt"),
                    noise=noise(n)) for n in range(2500)]
    mine = [event("add_to_cart", OTHER, cart=f"cart-{OTHER}", session=f"session-{OTHER}", event_id=name("evt"), price=3, quantity=2)
            for _ in range(20)]
    shared = [event("page_view", user, cart="cart-shared", session=name("session"), event_id=name("evt")) for user in (PERSON, OTHER)]
    everything = theirs + others + mine + mentions_of(PERSON, OTHER, name) + shared
    random.Random(7).shuffle(everything)
    client.send_all(everything, size=200)
    client.predict(cart)
    client.send_all([theirs[0], theirs[5]])  # again: duplicates
    return cart, session, others


def everybody_else(client):
    """What the server says of everybody but the person."""
    said = {cart: client.get(f"/internal/features/{cart}").json()["features"]
            for cart in [f"cart-{n}" for n in range(50)] + [f"cart-{OTHER}", "cart-shared"]}
    events = [one for user in (OTHER, "user-3", "user-17") for one in client.query(user_id=user, limit=1000)["events"]]
    quoted = [one["data"].pop("quoted") for one in events if "quoted" in one["data"]]
    assert quoted in ([f'asked "{PERSON}" about it'], ["erased"])  # written with escapes, it is replaced whole
    said["events"] = sorted((one["event_id"], json.dumps(one["data"], sort_keys=True).replace(PERSON, "erased")) for one in events)
    return said


def erased_offline(server, *more, env=None):
    return subprocess.run([BINARY, "erase", "--data", str(server.data), "--user", PERSON, *more],
                          capture_output=True, text=True, timeout=300, env={**os.environ, **(env or {})})


def check_gone(server):
    found, frames = traces(server.data, PERSON)
    assert frames > 3, "nothing was decompressed: the search proves nothing"
    assert found == {}, found


def check_certificate(erasure, server):
    certificate = json.loads(erasure["certificate"])
    assert certificate["events"] >= 130 and certificate["events_redacted"] == 5 and certificate["rows"] >= 3, certificate
    assert certificate["segments"] == len(certificate["rewritten"]) > 0
    assert all(one["sha256_before"] != one["sha256_after"] for one in certificate["rewritten"])
    assert PERSON not in json.dumps(erasure)
    assert erasure["public_key"] in (server.data / "MANIFEST").read_text()
    verify_signature(erasure, server.directory)


def verify_signature(erasure, folder):
    """With OpenSSL alone, as anybody could."""
    der = bytes.fromhex("302a300506032b6570032100" + erasure["public_key"])  # RFC 8410
    (folder / "key.der").write_bytes(der)
    (folder / "text").write_text(erasure["certificate"])
    (folder / "signature").write_bytes(bytes.fromhex(erasure["signature"]))
    done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key.der", "-rawin",
                           "-in", "text", "-sigfile", "signature"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_erased_from_a_stopped_directory(fresh_server, tmp_path, name):
    server = fresh_server(args=small_segments(tmp_path))
    cart, session, _ = fill(server, name)
    before = everybody_else(server.client)
    refused = erased_offline(server)
    assert refused.returncode == 1 and "POST /admin/erasures" in refused.stderr
    assert server.stop() == 0
    assert traces(server.data, PERSON)[0], "the person was there"
    done = erased_offline(server)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    erasure = json.loads(done.stdout)
    assert erasure["state"] == "done"
    check_gone(server)
    check_certificate(erasure, server)
    server.verify()
    server.start()
    assert everybody_else(server.client) == before
    assert server.client.get(f"/internal/features/{cart}").status_code == 404
    assert server.client.query(user_id=PERSON)["events"] == [] and server.client.query(session_id=session)["events"] == []
    found = server.client.get(f"/admin/erasures/{erasure['id']}").json()
    assert found == erasure
    server.client.send(event("page_view", PERSON, cart=cart))
    assert server.client.get(f"/internal/features/{cart}").json()["features"], "who comes again is new"


def wait_for(client, erasure, seconds=120):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        now = client.get(f"/admin/erasures/{erasure}").json()
        if now["state"] == "done" or now.get("problem"):
            return now
        time.sleep(0.05)
    raise AssertionError(f"the erasure did not end: {now}")


def test_erased_while_the_server_serves(fresh_server, tmp_path, name):
    server = fresh_server(args=small_segments(tmp_path))
    fill(server, name)
    before = everybody_else(server.client)
    begun = server.client.post("/admin/erasures", json={"user_id": PERSON})
    assert begun.status_code == 202, begun.text
    sent = [server.client.post("/api/events", json=event("page_view", name("user"), event_id=name("evt"))) for _ in range(50)]
    assert {reply.status_code for reply in sent} <= {200, 201, 202, 503}
    erasure = wait_for(server.client, begun.json()["id"])
    assert erasure["state"] == "done", erasure
    check_gone(server)
    check_certificate(erasure, server)
    assert everybody_else(server.client) == before
    assert server.stop() == 0
    check_gone(server)
    server.verify()
    assert PERSON not in server.stderr()


def test_only_an_administrator_erases(fresh_server, name):
    server = fresh_server()
    assert Client(server.url, None, key="hr_wrong").post("/admin/erasures", json={"user_id": "u"}).status_code in (401, 403)
    assert server.client.get("/admin/erasures/none").status_code == 404
    assert server.client.post("/admin/erasures", json={"user_id": ""}).status_code == 422
    nobody = server.client.post("/admin/erasures", json={"user_id": name("nobody")}).json()
    done = wait_for(server.client, nobody["id"])
    assert done["state"] == "done" and json.loads(done["certificate"])["segments"] == 0


@pytest.mark.parametrize("point", ["in_erase", "in_base", "in_compaction", "in_ckpt_write", "before_sync"])
def test_killed_while_erasing(fresh_server, tmp_path, name, point):
    """At many moments; the next start goes on by itself, without the id."""
    server = fresh_server(args=small_segments(tmp_path))
    fill(server, name)
    before = everybody_else(server.client)
    assert server.stop() == 0
    kept = tmp_path / "kept"
    shutil.copytree(server.data, kept)
    dice, died = random.Random(point), 0
    for _ in range(KILLS):
        shutil.rmtree(server.data)
        shutil.copytree(kept, server.data)
        count = dice.randint(1, 12 if point == "in_erase" else 6)
        killed = erased_offline(server, env={"HEADRACE_KILL_POINT": f"{point}:{count}"})
        died += killed.returncode == -signal.SIGKILL
        server.start()
        erasures = {record["key"] for record in server.records("--partition", "0") if record["kind"] == "put" and len(record["key"]) == 36}
        if not erasures:  # it died before the order was durable: nothing was promised
            erasures = {server.client.post("/admin/erasures", json={"user_id": PERSON}).json()["id"]}
        assert [wait_for(server.client, one)["state"] for one in erasures] == ["done"]
        check_gone(server)
        assert everybody_else(server.client) == before
        assert server.stop() == 0
        server.verify()
        check_gone(server)
    assert died > 0, f"{point} was not passed"
