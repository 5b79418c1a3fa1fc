#!/usr/bin/env python3
"""What is answered when more is offered than can be served: single durable events at the peak, at twice and at ten times of it, in open
loop, and whether it is over when the load is.

  HEADRACE_BINARY=build/release/headrace bench/overload.py [SECONDS] [ROUNDS]

Server and client each have a processor of their own, where there are two: a client that sends ten times as much would otherwise take it
from the server. All steps are taken in each round, since a machine with neighbours is not the same a minute later; what counts is the
median of the rounds. The peak is what is answered most of any rate, with the same connections: a batch of answers per write, as in closed
loop, is dearer to reach when requests come one by one.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/api"))
import harness  # noqa: E402

CONNECTIONS, PIPELINE = 256, 8
PROCESSORS = sorted(os.sched_getaffinity(0))  # that we may use
SERVER, CLIENT = 0, -1  # of these
PEAKS, OVERLOADS = (0.6, 0.8, 1.0), (2, 10)  # rates, as parts of what is answered in closed loop


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


def median_of(tries):
    """One step: the median of each figure of its rounds, and how far the answers lay apart."""
    step = {name: statistics.median(one[name] for one in tries) for name in tries[0]}
    answered = sorted(one["answered/s"] for one in tries)
    return {**step, "failed": sum(one["failed"] for one in tries), "least": answered[0], "most": answered[-1]}


def measure(server, seconds, rounds=1):
    """(name, figures) of each step. "2 x" is twice what is answered in closed loop, and that is more than the peak in open loop."""
    pin(server.process.pid, SERVER)
    closed = offer(server, 0, seconds)["answered/s"]
    tries = {part: [] for part in (*PEAKS, *OVERLOADS)}
    for _ in range(rounds):
        for part, done in tries.items():
            done.append(offer(server, int(closed * part), seconds))
    steps = {part: median_of(done) for part, done in tries.items()}
    peak = max((steps[part] for part in PEAKS), key=lambda one: one["answered/s"])
    yield "peak", peak
    for times in OVERLOADS:
        yield f"{times} x", steps[times]
    yield "half, right after", offer(server, int(peak["answered/s"] / 2), min(seconds, 5))


def main():
    seconds, rounds = (float(text) for text in (sys.argv[1:] + ["2", "10"][len(sys.argv) - 1:]))
    with tempfile.TemporaryDirectory() as folder:
        server = harness.Headrace(folder, args=["--loops", "1", "--partitions", "1"]).start()
        peak = None
        for name, figures in measure(server, seconds, int(rounds)):
            peak = peak or figures["answered/s"]
            print(f"{name:18}", "  ".join(f"{key} {value:,.2f}" if "ms" in key else f"{key} {value:,.0f}" for key, value in figures.items()),
                  f" of the peak {figures['answered/s'] / peak:.2f}", flush=True)
        server.stop()


if __name__ == "__main__":
    main()
