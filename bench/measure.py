"""Starting, loading and weighing servers: what bench/run and the peers share."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
KEY = "hr_bench_" + "b" * 56
PAYLOAD_BYTES = 200  # of what is written to Redis and PostgreSQL, as of the events


@dataclass
class Row:
    """One line of the table. Figures that do not apply, or could not be measured, are None."""
    what: str
    requests_per_s: float = None
    requests_per_cpu_s: float = None
    events_per_cpu_s: float = None
    p50_ms: float = None
    p99_ms: float = None
    p99_9_ms: float = None
    note: str = ""

    def as_dict(self):
        return asdict(self)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, seconds=20):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port} after {seconds} s")


def stat_of(pid):
    """The fields of /proc/PID/stat behind the name, or None."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text[text.rindex(")") + 2:].split()


def cpu_s(pid):
    """User and system seconds of a process and of all its children, living and gone."""
    own = stat_of(pid)
    total = sum(int(own[at]) for at in (11, 12, 13, 14))
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            other = stat_of(entry.name)
            if other and int(other[1]) == pid:
                total += int(other[11]) + int(other[12])
    return total * TICK_S


class Server:
    """A child process that is ended with the block."""

    def __init__(self, command, log, **rest):
        self.log = open(log, "w+")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, **rest)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    @property
    def pid(self):
        return self.process.pid


class Headrace(Server):
    """The server on a data directory of its own, with a known key."""

    def __init__(self, program, folder, start_s=20):
        self.path = folder / "serve.log"
        super().__init__([*program, "serve", "--data", str(folder / "data"), "--listen", "127.0.0.1:0"], self.path,
                         env={**os.environ, "HEADRACE_ADMIN_KEY": KEY})
        until = time.monotonic() + start_s
        while not (found := re.search(r"listening on (http://\S+)", self.path.read_text())):
            if time.monotonic() > until or self.process.poll() is not None:
                raise RuntimeError(f"headrace did not start (exit {self.process.poll()}):\n" + self.path.read_text()[-2000:])
            time.sleep(0.02)
        self.url = found.group(1)


class Folder:
    """A directory of our own on the disk of the build, removed with the block. tmpfs would make every sync free."""

    def __enter__(self):
        parent = ROOT / "build/bench"
        parent.mkdir(parents=True, exist_ok=True)
        self.path = Path(tempfile.mkdtemp(dir=parent))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def installed(*programs):
    return all(shutil.which(program) for program in programs)


def load(headrace, what, words, pid, note="", seconds=8.0):
    """One run of `headrace bench`, as a Row."""
    command = [headrace, "bench", *words, "--json", "--duration", str(seconds), "--server-pid", str(pid)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if not done.stdout.strip():
        return Row(what, note="not measured: " + (done.stderr.strip().splitlines() or ["no reason given"])[-1])
    result = json.loads(done.stdout)
    latency = result["latency_ms"]
    if result["failures"]:
        note = f"{result['failures']} failed; {note}".rstrip("; ")
    if result["unsent"]:
        note = f"{result['unsent']} could not be sent in time; {note}".rstrip("; ")
    if result["client_cpu_s"] > 0.9 * result["seconds"]:
        note = f"the client was the limit; {note}".rstrip("; ")
    return Row(what, result["requests_per_s"], result["requests_per_server_cpu_s"],
               result["events_per_server_cpu_s"] if result["events"] else None,
               latency["p50"], latency["p99"], latency["p99_9"], note)


def share(sorted_values, part):
    return sorted_values[min(len(sorted_values) - 1, int(part * len(sorted_values)))]


def disk_sync(folder, rounds=2000):
    """fdatasync of 4 KiB written into a zero-filled file: what a durable answer cannot be faster than."""
    path = folder / "sync.probe"
    with open(path, "wb") as file:
        file.write(bytes(64 << 20))
        file.flush()
        os.fsync(file.fileno())
    fd = os.open(path, os.O_WRONLY)
    times = []
    for at in range(rounds):
        os.pwrite(fd, os.urandom(4096), at * 4096)
        began = time.perf_counter()
        os.fdatasync(fd)
        times.append((time.perf_counter() - began) * 1000)
    os.close(fd)
    path.unlink()
    times.sort()
    return Row("disk: fdatasync of 4 KiB", 1000 / (sum(times) / len(times)), None, None, share(times, 0.5), share(times, 0.99),
               share(times, 0.999), "one after the other")
