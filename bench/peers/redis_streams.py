"""Redis Streams with appendfsync always: XADD of an event of 200 bytes, one and sixteen in flight."""
import subprocess

from measure import PAYLOAD_BYTES, Folder, Row, Server, cpu_s, free_port, installed, wait_for_port

NAME, PROGRAMS, PACKAGES = "Redis", ["redis-server", "redis-benchmark"], ["redis-server", "redis-tools"]


def xadd(port, pid, pipeline, requests):
    words = ["redis-benchmark", "-p", str(port), "-c", "64", "-P", str(pipeline), "-n", str(requests), "--csv",
             "XADD", "events", "*", "event", "x" * PAYLOAD_BYTES]
    before = cpu_s(pid)
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    used = cpu_s(pid) - before
    # "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
    cells = [cell.strip('"') for cell in done.stdout.strip().splitlines()[-1].rsplit(",", 7)]
    return float(cells[1]), requests / used, float(cells[4]), float(cells[6])


def measure(seconds):
    if not installed(*PROGRAMS):
        return [Row("Redis Streams", note="not installed (--install-peers)")]
    rows = []
    with Folder() as folder:
        port = free_port()
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "",
                   "--appendonly", "yes", "--appendfsync", "always"]
        with Server(command, folder / "log") as server:
            wait_for_port(port)
            for pipeline, guess in ((1, 60_000), (16, 200_000)):
                rate, per_cpu, p50, p99 = xadd(port, server.pid, pipeline, int(guess * seconds))
                rows.append(Row(f"Redis XADD, appendfsync always, pipeline {pipeline}", rate, per_cpu, per_cpu, p50, p99, None,
                                "64 connections"))
    return rows
