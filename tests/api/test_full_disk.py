"""A full disk, a real one: writes are answered 507 and come back by themselves, all else goes on; where a write fails although
space was watched, the server stops, and the next start has everything that was acknowledged.

HEADRACE_DISK_CYCLES says how often (default 2, the long form 100).
"""
import json
import os
import threading
import time

import pytest

import small_disk
from harness import good
from producer import Producer
from witness import Witness

CYCLES = int(os.environ.get("HEADRACE_DISK_CYCLES", "2"))
KIND = small_disk.best_kind()
SIZE, RESERVE = 320 << 20, 48 << 20
BACK_S = 5
STATUS_STORAGE_FAILED = 70
LEAD = {"company_size": "1-10", "budget": 1, "industry_score": 5, "engagement_score": 1, "behavioral_score": 1, "source_score": 1}
pytestmark = pytest.mark.skipif(KIND is None, reason="neither a loop device nor tmpfs may be mounted here")


class PatientProducer(Producer):
    """Waits out a full disk: what was answered 507 is sent again, with the same ids."""

    def __init__(self, number, seed):
        super().__init__(number, seed)
        self.refused, self.in_part, self.accepted_at = 0, 0, 0.0

    def _event(self, number):
        event = super()._event(number)
        event["data"]["padding"] = self.dice.randbytes(500).hex()
        return event

    def _note(self, status, body, ids):
        path, text, _ = self.in_doubt
        answer = json.loads(body)
        if status == 507:
            self._wait(ids, answer, path, text)
        elif status == 200 and any(one["status"] == "rejected" for one in answer.get("results", [])):
            self.in_part += 1
            time.sleep(0.005)  # sent again whole: what was taken is a duplicate then
        else:
            super()._note(status, body, ids)
            self.accepted_at = time.monotonic() if ids and status == 200 else self.accepted_at

    def _wait(self, ids, answer, path, text):
        self.refused += 1
        system = "stream" if path.startswith("/api/events") else "cart"
        assert_refusal(answer, system)
        if not ids:
            assert '"sync"' in text, f"{path} {text} needs no disk"
            self.in_doubt = None
        time.sleep(0.005)


def assert_refusal(answer, system):
    """In the words of the system that was asked."""
    assert answer["error"] == "Insufficient storage"
    if system == "stream":
        assert answer.keys() == {"error", "details"} and "disk is almost full" in answer["details"]
    else:
        assert answer["code"] == "INSUFFICIENT_STORAGE" and answer.keys() >= {"message", "timestamp", "request_id"}


@pytest.fixture
def disk(tmp_path):
    print(f"the small disk is {KIND}")
    with small_disk.mounted(tmp_path, SIZE, KIND) as where:
        yield where


@pytest.fixture
def scene(disk, fresh_server):
    return Scene(disk, fresh_server)


class Smooth:
    """Seconds in which this process ran: where a busy machine stood still, so did the server."""

    def __init__(self):
        self.seconds = 0.0
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self):
        last = time.monotonic()
        while True:
            time.sleep(0.005)
            now = time.monotonic()
            self.seconds += min(now - last, 0.1)
            last = now


class Scene:
    """A server on the small disk, producers at work, and somebody else who fills it."""

    def __init__(self, disk, fresh_server):
        self.disk, self.other = disk, small_disk.Foreigner(disk)
        self.make, self.smooth = fresh_server, Smooth()
        self.server, self.witness = None, Witness()
        self.producers = [PatientProducer(number, number) for number in range(4)]

    def serve(self, reserve):
        self.server = self.make(args=["--partitions", "2", "--segment-bytes", str(1 << 20), "--free-bytes-min", str(reserve)], start=False)
        self.server.data = self.disk / "data"
        return self.server.start()

    def load(self):
        for one in self.producers:
            one.start(self.server.client.port)
        self.until(lambda: all(one.accepted_at for one in self.producers), "no event was accepted")

    def rest(self):
        """Stops the load; what was acknowledged since the last time."""
        for one in self.producers:
            one.join()
            assert one.problem is None, one.problem
            one.accepted_at = 0.0
        return {event_id: place for one in self.producers for event_id, place in one.take().items()}

    def stop(self):
        assert self.server.stop(timeout=150) == 0

    def partitions(self):
        return good(self.server.client.get("/health/detailed"))["partitions"]

    def until(self, holds, complaint, within_s=BACK_S):
        began = self.smooth.seconds
        while not holds():
            assert self.smooth.seconds < began + within_s, complaint + "\n" + self.server.stderr()[-2000:]
            time.sleep(0.005)
        return self.smooth.seconds - began

    def expect_all_there(self, acked):
        self.witness.read(self.server, len(self.partitions()))
        self.witness.check(acked)


def reads_go_on(client):
    """Everything but what must be on disk."""
    cart = "cart-0-1"
    known = client.query(user_id="user-0-1", limit=5)["events"]
    assert len(known) == 5 and client.query(event_id=known[0]["event_id"])["count"] == 1
    assert client.features(cart)["features"]["adds"] > 0
    assert client.predict(cart, explain=True)["reasons"]
    assert good(client.get(f"/api/predict/{cart}"))["cart_id"] == cart
    assert good(client.post("/api/predict/batch", json={"cart_ids": [cart, "cart-1-2"]}))["count"] == 2
    assert good(client.post("/api/predict/lead-score", json=LEAD))["prediction_id"]
    assert good(client.get("/health/detailed"))["status"] == "degraded"
    refused = client.post("/api/predict", json={"cart_id": cart, "durability": "sync"})
    assert refused.status_code == 507 and refused.headers["Retry-After"] == "1"
    assert_refusal(refused.json(), "cart")


def fill_and_return(scene, restarts):
    """One cycle; how long until writes were refused, and until they came back."""
    scene.load()
    scene.other.leave(RESERVE // 2)
    noticed = scene.until(lambda: not any(one["writable"] for one in scene.partitions()), "writes were not refused")
    time.sleep(0.3)
    before = [one["events"] for one in scene.partitions()]
    for _ in range(5):
        reads_go_on(scene.server.client)
    assert [one["events"] for one in scene.partitions()] == before, "events were taken in though the disk is full"
    if restarts:
        acked = scene.rest()
        scene.stop()
        scene.server.start()
        reads_go_on(scene.server.client)
        scene.expect_all_there(acked)
        for one in scene.producers:
            one.start(scene.server.client.port)
    gone = time.monotonic()
    scene.other.go()
    back = scene.until(lambda: all(one.accepted_at > gone for one in scene.producers), "writes did not come back")
    scene.expect_all_there(scene.rest())
    return noticed, back


def test_writes_are_refused_while_the_disk_is_full_and_come_back(scene):
    scene.serve(RESERVE)
    times = [fill_and_return(scene, restarts=cycle % 2 == 1) for cycle in range(CYCLES)]
    refused = sum(one.refused for one in scene.producers)
    assert refused > CYCLES
    scene.stop()
    scene.server.verify()
    print(f"{CYCLES} cycles on {KIND}: refused after {max(t[0] for t in times):.2f} s, back after {max(t[1] for t in times):.2f} s"
          f" at most; {len(scene.witness.places)} events in the log, {refused} requests refused, nothing lost")


def start_on_the_full_disk(scene):
    """Whether it came up; if not, it said why and ended by itself."""
    try:
        scene.server.start()
        return True
    except AssertionError:
        assert scene.server.process.poll() in (1, STATUS_STORAGE_FAILED), "it hung or crashed"
        assert "No space left on device" in scene.server.stderr()[-2000:]
        return False
    finally:
        scene.server.kill()


def fail_and_recover(scene):
    """One cycle: the last byte is taken before anybody noticed; whether the server started on that disk."""
    scene.load()
    scene.other.leave(0)
    scene.until(lambda: not scene.server.running(), "it went on without a place to write to", within_s=60)
    acked = scene.rest()
    assert scene.server.process.returncode == STATUS_STORAGE_FAILED, scene.server.stderr()[-2000:]
    assert "No space left on device" in scene.server.stderr()[-2000:]
    came_up = start_on_the_full_disk(scene)
    scene.other.go()
    scene.server.start()
    scene.expect_all_there(acked)
    return came_up


def test_a_write_that_finds_no_space_stops_the_server_and_nothing_is_lost(scene):
    """With a reserve of 0 nothing is refused before it fails: as if somebody had eaten the reserve at once."""
    scene.serve(0)
    came_up = [fail_and_recover(scene) for _ in range(CYCLES)]
    scene.stop()
    scene.server.verify()
    print(f"{CYCLES} cycles on {KIND}: stopped each time, {sum(came_up)} starts on the full disk served,"
          f" {len(came_up) - sum(came_up)} said why not; {len(scene.witness.places)} events in the log, nothing lost")
