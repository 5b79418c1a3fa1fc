"""Runs the real binary and talks to it as any client would: over TCP, with a key, recording what was said."""
import json
import os
import re
import resource
import signal
import subprocess
import threading
import time
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("HEADRACE_BINARY", str(ROOT / "build/release/headrace"))
EXCHANGES = ROOT / "build/exchanges.jsonl"
ADMIN_KEY = "hr_test_" + "0123456789abcdef" * 4
START_S = float(os.environ.get("HEADRACE_START_S", "20"))  # sanitizers need more
REQUEST_S = float(os.environ.get("HEADRACE_REQUEST_S", "30"))  # and who shares the machine
RATES = ["api_key", "user", "address", "predictions", "learning", "events", "event_batches"]
UNRATED = [word for rate in RATES for word in ("--set", f"rates.{rate}=0")]  # tests ask more often than anybody may
LISTENING = re.compile(r"^listening on (\S+)(?: \((\S+)\))?$", re.MULTILINE)  # a lone producer has no name behind it


class Exchanges:
    """Appends every exchange to build/exchanges.jsonl; of a kind that repeats, only the first hundred."""

    KEPT_PER_KIND = 100

    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)  # workers write side by side, a line per call
        self.seen = {}
        self.lock = threading.Lock()

    def add(self, method, path, port, reply):
        kind = (method, re.sub(r"[^/]*\d[^/]*", "*", path.split("?")[0]), reply.status_code)
        with self.lock:
            self.seen[kind] = self.seen.get(kind, 0) + 1
            if self.seen[kind] > self.KEPT_PER_KIND:
                return
            line = {"method": method, "path": path.split("?")[0], "port": port, "status": reply.status_code,
                    "content_type": reply.headers.get("Content-Type"), "body": body_of(reply)}
            os.write(self.file, (json.dumps(line) + "\n").encode())


def body_of(reply):
    try:
        return reply.json()
    except ValueError:
        return reply.text


class Client:
    """A session of HTTP requests with the admin key, unless told otherwise."""

    def __init__(self, url, exchanges, key=ADMIN_KEY, verify=True):
        """`verify`: the file of the authority that has signed the server's certificate."""
        self.url, self.exchanges, self.key = url, exchanges, key
        self.port = int(url.rsplit(":", 1)[1])
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = verify

    def request(self, method, path, *, headers=None, key=..., timeout=REQUEST_S, **rest):
        headers = dict(headers or {})
        used = self.key if key is ... else key
        if used is not None:
            headers.setdefault("X-API-Key", used)
        reply = self.session.request(method, self.url + path, headers=headers, timeout=timeout, **rest)
        if self.exchanges:
            self.exchanges.add(method, path, self.port, reply)
        return reply

    def get(self, path, **rest):
        return self.request("GET", path, **rest)

    def post(self, path, **rest):
        return self.request("POST", path, **rest)

    def post_text(self, path, text, content_type="application/json", **rest):
        headers = {"Content-Type": content_type, **rest.pop("headers", {})}
        data = text if isinstance(text, bytes) else text.encode()
        return self.post(path, data=data, headers=headers, **rest)

    # The calls that tests make most, each asserting that it worked.

    def send(self, event):
        return good(self.post("/api/events", json=event))

    def send_all(self, events, size=1000):
        answers = []
        for start in range(0, len(events), size):
            answers.append(good(self.post("/api/events/batch", json=events[start:start + size])))
        return answers

    def query(self, **parameters):
        return good(self.get("/api/events", params=parameters))

    def predict(self, cart, **more):
        return good(self.post("/api/predict", json={"cart_id": cart, **more}))

    def features(self, cart):
        return good(self.get(f"/internal/features/{cart}"))


def good(reply):
    """The JSON body of a reply that must be a success."""
    assert 200 <= reply.status_code < 300, f"{reply.request.method} {reply.url}: {reply.status_code} {reply.text[:800]}"
    return reply.json()


class Headrace:
    """One server process on one data directory; it can be stopped, killed and started again."""

    def __init__(self, directory, exchanges=None, args=(), env=None, listen=("--listen", "127.0.0.1:0"), authority=True, rated=False,
                 open_files=None):
        self.directory = Path(directory)
        self.data = self.directory / "data"
        self.log = self.directory / "stderr.log"
        self.exchanges, self.args, self.env = exchanges, list(args), dict(env or {})
        self.listen, self.authority = list(listen), authority  # the authority signs its certificates
        self.rates = [] if rated else UNRATED  # rated: with the documented limits
        self.open_files = open_files  # RLIMIT_NOFILE, soft and hard
        self.process = self.url = self.client = None
        self.listeners = []  # (url, service), in the order of the configuration

    def start(self, env=None, may_be_killed=False):
        """Starts it and waits until it listens, or, at a kill point that the start itself passes, until it is dead."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        self.launch(env)
        self.url = self._wait_for_url(begin, may_be_killed)
        self.client = self.client_of(self.url) if self.url else None
        return self

    def launch(self, env=None):
        """Starts it and does not wait."""
        full_env = {**os.environ, "HEADRACE_ADMIN_KEY": ADMIN_KEY, **self.env, **(env or {})}
        command = [BINARY, "serve", "--data", str(self.data), *self.listen, *self._partitions(), *self.rates, *self.args]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL, env=full_env,
                                            preexec_fn=self._limit_files if self.open_files else None)

    def _limit_files(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, self.open_files)

    def client_of(self, url):
        return Client(url, self.exchanges, verify=self.authority) if url.startswith("http") else None

    def _partitions(self):
        """Two, unless the test says otherwise: entities with a home elsewhere are the harder arrangement."""
        return [] if "--partitions" in self.args else ["--partitions", "2"]

    def _wait_for_url(self, begin, may_be_killed):
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            said = self.stderr()[begin:]
            if "\ntry:" in said:  # behind the last listener
                self.listeners = [(url, service or "producer") for url, service in LISTENING.findall(said)]
                return self.listeners[0][0]
            if may_be_killed and self.process.poll() == -signal.SIGKILL:
                return None
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise AssertionError(f"the server did not come up (exit {self.process.poll()}):\n{self.stderr()[begin:][-3000:]}")

    def stderr(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait_for_line(self, event, timeout=10):
        """The first JSON line of this event on stderr; lines are written by a thread of their own, some time later."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            for text in self.stderr().splitlines():
                if text.startswith("{") and text.endswith("}") and (line := json.loads(text))["event"] == event:
                    return line
            time.sleep(0.05)
        raise AssertionError(f"no line {event}:\n{self.stderr()[-3000:]}")

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, timeout=15):
        """SIGTERM; the exit status."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"SIGTERM did not end the server in {timeout} s:\n{self.stderr()[-3000:]}")

    def kill(self):
        if self.running():
            self.process.kill()
        self.process.wait()

    def restart(self):
        self.stop()
        return self.start()

    # The offline commands on this server's data.

    def command(self, *words, timeout=600):
        return run(*words, "--data", str(self.data), timeout=timeout)

    def records(self, *more):
        """`log cat`, as objects."""
        done = self.command("log", "cat", *more)
        assert done.returncode == 0, done.stderr[-2000:]
        return [json.loads(line) for line in done.stdout.splitlines()]

    def events(self, *more):
        return [record for record in self.records(*more) if record["kind"] == "event"]

    def verify(self):
        """`log verify` and `replay --verify` must both agree."""
        log = self.command("log", "verify")
        assert log.returncode == 0, log.stdout[-2000:] + log.stderr[-2000:]
        replay = self.command("replay", "--verify")
        assert replay.returncode == 0, replay.stdout[-2000:] + replay.stderr[-2000:]
        return replay.stdout


def run(*words, timeout=600, **rest):
    """The binary with these words; returns what it printed."""
    return subprocess.run([BINARY, *words], capture_output=True, text=True, timeout=timeout, **rest)
