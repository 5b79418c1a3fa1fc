#!/usr/bin/env python3
"""What is answered when more is offered than can be served: single durable events at half of the peak, at the peak, at twice and at
ten times of it, in open loop, and whether it is over when the load is.

  HEADRACE_BINARY=build/release/headrace bench/overload.py [SECONDS]

Server and client each have a processor of their own, where there are two: a client that sends ten times as much would otherwise take it
from the server. The peak is what is answered at most at any rate, with the same connections: a batch of answers per write, as in closed
loop, is dearer to reach when requests come one by one.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/api"))
import harness  # noqa: E402

CONNECTIONS, PIPELINE = 256, 8
PROCESSORS = sorted(os.sched_getaffinity(0))  # that we may use
SERVER, CLIENT = 0, -1  # of these


def pin(pid, which):
    """All threads of a process; those it starts later inherit it."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), {PROCESSORS[which]})


def offer(server, rate, seconds, connections=CONNECTIONS, pipeline=PIPELINE):
    """What came back of `rate` requests a second (0: as fast as answers come)."""
    command = [harness.BINARY, "bench", "single", "--json", "--url", server.url, "--key", harness.ADMIN_KEY, "--duration", str(seconds),
               "--warmup", "0.5", "--rate", str(rate), "--connections", str(connections), "--pipeline", str(pipeline),
               "--server-pid", str(server.process.pid)]
    client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    pin(client.pid, CLIENT)
    result = json.loads(client.communicate()[0])
    return {"offered/s": rate, "answered/s": result["requests_per_s"], "failed": result["failures"],
            "p50 ms": result["latency_ms"]["p50"], "p99 ms": result["latency_ms"]["p99"]}


def measure(server, seconds):
    """(name, figures) of each step; `answered/s` of the peak is the largest of the rates tried."""
    pin(server.process.pid, SERVER)
    closed = offer(server, 0, seconds)["answered/s"]
    tried = [offer(server, int(closed * part), seconds) for part in (0.6, 0.8, 1.0)]
    peak = max(tried, key=lambda one: one["answered/s"])
    most = int(peak["answered/s"])
    yield "peak", peak
    for times in (2, 10):
        yield f"{times} x", offer(server, times * most, seconds)
    yield "half, right after", offer(server, most // 2, min(seconds, 5))


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        server = harness.Headrace(folder, args=["--loops", "1", "--partitions", "1"]).start()
        for name, figures in measure(server, seconds):
            print(f"{name:18}", "  ".join(f"{key} {value:,.2f}" if isinstance(value, float) else f"{key} {value:,}"
                                          for key, value in figures.items()), flush=True)
        server.stop()


if __name__ == "__main__":
    main()
