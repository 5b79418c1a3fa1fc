#!/usr/bin/env python3
"""What a flood of logins does to predictions: their latency before it and during it, from one connection, one by one.

  HEADRACE_BINARY=build/release/headrace bench/login_flood.py [SECONDS]

The limits on attempts are off, so that every login costs its argon2id hash; those above the queue get 503.
"""
import http.client
import json
import multiprocessing
import pathlib
import sys
import tempfile
import threading
import time
from urllib.parse import urlsplit

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/api"))
import harness  # noqa: E402

CLIENTS = 80    # more than the queue of passwords takes
PAUSE_S = 0.2   # after a 503


class Connection:
    def __init__(self, url, key):
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self.headers = {"Content-Type": "application/json", **({"X-API-Key": key} if key else {})}

    def post(self, path, body):
        self.connection.request("POST", path, json.dumps(body), self.headers)
        reply = self.connection.getresponse()
        reply.read()
        return reply.status


def latencies(url, seconds):
    connection, took, until = Connection(url, harness.ADMIN_KEY), [], time.perf_counter() + seconds
    while (begun := time.perf_counter()) < until:
        assert connection.post("/api/predict", {"cart_id": "c1"}) == 200
        took.append((time.perf_counter() - begun) * 1e3)
    took.sort()
    return {"requests": len(took), "p50 ms": took[len(took) // 2], "p99 ms": took[len(took) * 99 // 100], "max ms": took[-1]}


def log_in(url, number, stop, counts):
    connection = Connection(url, None)
    while not stop.is_set():
        status = connection.post("/api/auth/login", {"username": f"nobody{number}", "password": "wrong one"})
        counts[status] = counts.get(status, 0) + 1
        if status == 503:
            time.sleep(PAUSE_S)


def flood(url, stop, queue):
    """In a process of its own: what measures must not wait for the interpreter's lock."""
    counts = {}
    threads = [threading.Thread(target=log_in, args=(url, i, stop, counts)) for i in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    queue.put(counts)


def show(what, figures):
    print(f"{what:18}", "  ".join(f"{name} {value:.2f}" if isinstance(value, float) else f"{name} {value}"
                                  for name, value in figures.items()))


def measure(server, seconds):
    """Latencies before the flood and during it, and how often logins were answered with each status."""
    server.client.send({"event_type": "page_view", "data": {"user_id": "u1", "cart_id": "c1"}})
    before = latencies(server.url, seconds)
    stop, queue = multiprocessing.Event(), multiprocessing.Queue()
    flooding = multiprocessing.Process(target=flood, args=(server.url, stop, queue))
    flooding.start()
    time.sleep(1)
    during = latencies(server.url, seconds)
    stop.set()
    counts = queue.get()
    flooding.join()
    return before, during, counts


# Every login costs its argon2id hash; those above the queue get 503.
UNLIMITED = ["--logins-of-address", "1000000", "--logins-of-account", "1000000"]


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as folder:
        server = harness.Headrace(folder, args=UNLIMITED).start()
        before, during, counts = measure(server, seconds)
        show("without a flood", before)
        show("during it", during)
        show("logins", {str(status): count for status, count in sorted(counts.items())})
        server.stop()


if __name__ == "__main__":
    main()
