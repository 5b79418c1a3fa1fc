"""One call of the system fails under load, in the real server: it goes on where it may, else it stops at once, with no
acknowledgement afterwards; what was acknowledged is there after the next start.

failing_calls.cc is loaded in front of libc; HEADRACE_FAILING_CALLS says where it is.
"""
import errno
import os
import resource
import socket
import threading
import time

import pytest

from harness import Client
from producer import Producer
from witness import Witness

LIBRARY = os.environ.get("HEADRACE_FAILING_CALLS", "")
STOP_S = 0.1
STATUS_STORAGE_FAILED = 70

# call, end of the path, how many to let pass, the server...
STOPS = [
    ("pwrite", ".seg", 20, errno.EIO), ("pwrite", ".seg", 20, errno.ENOSPC),
    ("fdatasync", ".seg", 20, errno.EIO), ("fdatasync", ".seg", 20, errno.ENOSPC),
    ("pwrite", "/data.mdb", 8, errno.EIO), ("writev", "/data.mdb", 2, errno.EIO), ("writev", "/data.mdb", 2, errno.ENOSPC),
    ("fdatasync", "/data.mdb", 3, errno.EIO),
    ("pwrite", "/CKPT", 3, errno.EIO), ("pwrite", "/CKPT", 3, errno.ENOSPC), ("fdatasync", "/CKPT", 3, errno.EIO),
    ("rename", "/spare.tmp", 1, errno.EIO), ("fsync", "/log", 3, errno.EIO),
]
GOES_ON = [
    ("pwrite", ".seg", 20, 0), ("pwrite", ".seg", 20, errno.EINTR), ("fdatasync", ".seg", 20, errno.EINTR),
    ("pwrite", "/CKPT", 3, 0), ("fdatasync", "/CKPT", 3, errno.EINTR), ("fdatasync", "/data.mdb", 3, errno.EINTR),
    ("open", "/spare.tmp", 1, errno.EMFILE), ("pwrite", "/spare.tmp", 2, errno.ENOSPC),
]


def name_of(case):
    call, end, count, error = case
    return f"{call}-{end.strip('/.')}-{errno.errorcode.get(error, 'short')}"


def padding(producer):
    """Events large enough that the log rolls."""
    make = producer._event

    def large(number):
        event = make(number)
        event["data"]["padding"] = producer.dice.randbytes(6000).hex()
        return event

    producer._event = large
    return producer


class Scene:
    """A server whose n-th call fails, clients at work, and what they were told."""

    def __init__(self, fresh_server, tmp_path, case):
        self.mark = tmp_path / "mark"
        self.server = fresh_server()
        self.server.stop()
        self.start(*case)
        self.producers = [padding(Producer(number, number)) for number in range(4)]
        for one in self.producers:
            one.start(self.server.client.port)

    def start(self, call, end, count, error):
        """With the first count at which it comes up: memory for large buffers is also wanted at the start."""
        while True:
            try:
                return self.server.start({"LD_PRELOAD": LIBRARY, "HEADRACE_FAIL": f"{call}|{end}|{count}|{error}",
                                          "HEADRACE_FAIL_MARK": str(self.mark)})
            except AssertionError:
                if call != "malloc" or count == 50 or not self.mark.exists():
                    raise
            self.mark.unlink()
            count += 1

    def failed_at(self, within_s=30):
        """When the call failed, in seconds of the monotonic clock."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            text = self.mark.read_text() if self.mark.exists() else ""
            if text:
                return int(text) / 1e9
            time.sleep(0.0005)
        raise AssertionError("the call was never made:\n" + self.server.stderr()[-2000:])

    def ended_at(self, within_s=5):
        until = time.monotonic() + within_s
        while self.server.running() and time.monotonic() < until:
            time.sleep(0.0005)
        return time.monotonic()

    def join(self):
        for one in self.producers:
            one.join()
            assert one.problem is None, one.problem
        return {event_id: place for one in self.producers for event_id, place in one.take().items()}

    def expect_nothing_lost(self, acked):
        assert acked
        self.server.start()
        witness = Witness()
        witness.read(self.server, len(list(self.server.data.glob("p*"))))
        witness.check(acked)
        assert self.server.stop() == 0
        self.server.verify()


@pytest.mark.parametrize("case", STOPS, ids=name_of)
def test_an_error_of_the_disk_stops_the_server_at_once(fresh_server, tmp_path, case):
    scene = Scene(fresh_server, tmp_path, case)
    failed, ended = scene.failed_at(), scene.ended_at()
    acked = scene.join()
    assert scene.server.process.returncode == STATUS_STORAGE_FAILED, scene.server.stderr()[-2000:]
    assert "storage failed, stopping" in scene.server.stderr()
    assert ended - failed < STOP_S, f"{(ended - failed) * 1000:.0f} ms"
    scene.expect_nothing_lost(acked)


@pytest.mark.parametrize("case", GOES_ON, ids=name_of)
def test_what_passes_is_not_noticed(fresh_server, tmp_path, case):
    scene = Scene(fresh_server, tmp_path, case)
    scene.failed_at()
    answered = sum(one.answered for one in scene.producers)
    time.sleep(0.5)
    assert scene.server.running(), scene.server.stderr()[-2000:]
    acked = scene.join()
    assert sum(one.answered for one in scene.producers) > answered
    assert scene.server.stop() == 0
    scene.expect_nothing_lost(acked)


def test_without_memory_for_a_large_buffer_nothing_acknowledged_is_lost(fresh_server, tmp_path):
    """The process may end (there is nothing it could answer with), but at once, and the log is whole."""
    scene = Scene(fresh_server, tmp_path, ("malloc", "4200000", 1, errno.ENOMEM))
    while not any(one.answered for one in scene.producers):
        time.sleep(0.001)
    another = padding(Producer(9, 9))
    events = [another._event(at) for at in range(700)]
    try:
        scene.server.client.post("/api/events/batch", json=events)
    except OSError:
        pass  # the process ended
    failed = scene.failed_at()
    time.sleep(0.3)
    if not scene.server.running():
        assert scene.server.process.returncode < 0, "ended by a signal, not by itself"
    acked = scene.join()
    scene.server.kill()
    assert failed
    scene.expect_nothing_lost(acked)


def test_without_descriptors_the_server_serves_on(fresh_server):
    """Connections beyond the limit wait or are refused; those it has are answered, and all is well when there is room again."""
    server = fresh_server()
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (64, 64))
    producer = Producer(0, 1)
    producer.start(server.client.port)
    while not producer.answered:  # it is there before the crowd
        time.sleep(0.001)
    crowd = []
    for _ in range(120):
        one = socket.socket()
        one.settimeout(0.2)
        try:
            one.connect(("127.0.0.1", server.client.port))
        except OSError:
            pass
        crowd.append(one)
    before = producer.answered
    time.sleep(1)
    assert server.running(), server.stderr()[-2000:]
    assert producer.answered > before, "a connection that was there is no longer served"
    for one in crowd:
        one.close()
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            server.client.session.close()
            assert server.client.get("/health").status_code == 200
            break
        except OSError:
            time.sleep(0.05)
    else:
        raise AssertionError("no new connection was served after the crowd had gone")
    producer.join()
    assert producer.problem is None, producer.problem
    acked = producer.take()
    assert server.stop() == 0
    server.start()
    witness = Witness()
    witness.read(server, len(list(server.data.glob("p*"))))
    witness.check(acked)


def test_a_disk_that_hangs_refuses_new_events_early_and_keeps_what_it_took(fresh_server, tmp_path):
    """Admission by the delay of the commit queue: beyond three seconds a write is told 503 at once; reads go on."""
    scene = Scene(fresh_server, tmp_path, ("fdatasync", ".seg", 20, "sleep8"))
    client, hung = scene.server.client, scene.failed_at()
    taken = []
    waiting = threading.Thread(target=lambda: taken.append(client_of(scene).post("/api/events", json=view("early"), timeout=30)))
    time.sleep(max(0.0, hung + 1 - time.monotonic()))
    waiting.start()  # it is taken, and waits
    # The loop looks at the clock when it has something to do: whoever wakes it up may still be taken.
    time.sleep(max(0.0, hung + 3.5 - time.monotonic()))
    nudge = threading.Thread(target=lambda: client_of(scene).post("/api/events", json=view("nudge"), timeout=30))
    nudge.start()
    time.sleep(max(0.0, hung + 4 - time.monotonic()))
    refused, until = [], hung + 7
    while time.monotonic() < until:
        began = time.monotonic()
        answer = client.post("/api/events", json=view(f"late-{len(refused)}"), timeout=30)
        if answer.status_code == 200:
            break
        refused.append(answer)
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1
        assert time.monotonic() - began < 0.5 and client.get("/health").status_code == 200
        assert client.get("/api/events?limit=1").status_code == 200
        time.sleep(0.1)
    assert len(refused) >= 5, "the disk hung, and nobody was told"
    for one in (waiting, nudge):
        one.join(30)
    assert taken[0].status_code == 200
    again = client.post("/api/events", json=view("late-0"), timeout=30)
    assert again.status_code == 200 and "duplicate" not in again.json(), "what was refused was not taken"
    acked = scene.join()
    assert scene.server.stop() == 0
    scene.expect_nothing_lost(acked)


def view(event_id):
    return {"event_type": "page_view", "event_id": event_id, "data": {"user_id": "slow"}}


def client_of(scene):
    return Client(scene.server.url, None)
