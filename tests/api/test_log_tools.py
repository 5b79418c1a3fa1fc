"""log tail, export and import, on the real binary."""
import csv
import io
import json
import subprocess
import time

from harness import ADMIN_KEY, BINARY, run
from shopping import event


def exported(server, *more):
    done = server.command("log", "export", *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def some_events(name, count=200):
    return [event(("page_view", "purchase")[n % 2], f"{name('user')}" if n % 3 else "anna", f"cart{n % 7}", f"session{n % 9}",
                  f"2025-04-01T10:{n % 60:02d}:00.000000Z", name("evt"), n=n, words='a "quoted", text') for n in range(count)]


def test_export_holds_what_was_sent_and_filters(fresh_server, name):
    server = fresh_server()
    events = some_events(name)
    server.client.send_all(events)
    server.client.predict("cart1")
    lines = [json.loads(line) for line in exported(server).splitlines()]
    assert {one["event_id"]: one["data"] for one in lines} == {one["event_id"]: one["data"] for one in events}
    assert all(one["source"] == "producer-service" for one in lines), "the server's own events are no export"

    def ids(*more):
        return sorted(json.loads(line)["event_id"] for line in exported(server, *more).splitlines())

    def sent(test):
        return sorted(one["event_id"] for one in events if test(one))

    assert ids("--user", "anna") == sent(lambda one: one["data"]["user_id"] == "anna")
    assert ids("--type", "purchase") == sent(lambda one: one["event_type"] == "purchase")
    assert ids("--from", "2025-04-01T10:10:00Z", "--to", "2025-04-01T10:20:00Z") == sent(
        lambda one: "2025-04-01T10:10" <= one["timestamp"] < "2025-04-01T10:20")
    bad = server.command("log", "export", "--from", "yesterday")
    assert bad.returncode == 1 and "from" in bad.stderr
    assert server.command("log", "export", "--format", "parquet").returncode == 1


def test_csv_is_read_back_and_holds_no_formula(fresh_server, name):
    server = fresh_server()
    nasty = ["=1+1", "+49", "-2", "@SUM(A1)", 'say "hi", you', "line\nbreak", "plain"]
    server.client.send_all([event("page_view", user, event_id=name("evt"), text=user) for user in nasty])
    rows = list(csv.DictReader(io.StringIO(exported(server, "--format", "csv"), newline="")))
    assert sorted(row["user_id"] for row in rows) == sorted(
        "'" + user if user[0] in "=+-@" else user for user in nasty)
    for row in rows:
        assert json.loads(row["data"])["text"] == row["user_id"].removeprefix("'")
        assert row["timestamp"].endswith("Z") and row["ingested"].endswith("Z")


def test_import_is_idempotent(fresh_server, name):
    first, second = fresh_server(), fresh_server()
    events = some_events(name, 2500)
    first.client.send_all(events)
    text = exported(first)

    def imported(lines):
        return subprocess.run([BINARY, "log", "import", "--url", second.url, "--key", ADMIN_KEY], input=lines,
                              capture_output=True, text=True, timeout=60)

    half = "".join(text.splitlines(keepends=True)[:1200])
    done = imported(half)
    assert done.returncode == 0 and "1200 new, 0 already there, 0 rejected" in done.stdout, done.stdout + done.stderr
    done = imported(text)
    assert done.returncode == 0 and "1300 new, 1200 already there, 0 rejected" in done.stdout, done.stdout + done.stderr
    assert sorted(exported(second).splitlines()) == sorted(text.splitlines())
    assert first.client.features("cart3")["features"] == second.client.features("cart3")["features"]
    done = imported('{"event_type":"x","data":{}}\n\n{"event_type":5}\n')
    assert done.returncode == 1 and "line 3" in done.stderr, done.stdout + done.stderr
    assert run("log", "import", "--url", second.url, "--key", "wrong", "/dev/null").returncode == 0
    assert run("log", "import", "--url", second.url, "--key", "wrong", "/nowhere").returncode == 1


def test_tail_follows_the_running_server(fresh_server, name):
    server = fresh_server()
    server.client.send_all(some_events(name, 50))
    time.sleep(0.3)  # folds between partitions are written a little later
    last = server.command("log", "tail", "--records", "3", "--partition", "0")
    assert [json.loads(line)["lsn"] for line in last.stdout.splitlines()] == [one["lsn"] for one in server.records("--partition", "0")][-3:]
    tail = subprocess.Popen([BINARY, "log", "tail", "--data", str(server.data), "--records", "0", "--follow"],
                            stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(0.5)
        wanted = name("evt")
        server.client.send(event("page_view", name("user"), event_id=wanted))
        until = time.monotonic() + 10
        while time.monotonic() < until:
            record = json.loads(tail.stdout.readline())
            if record["kind"] == "event" and record["event"]["event_id"] == wanted:
                break
        else:
            raise AssertionError("the event did not come")
    finally:
        tail.kill()
        tail.wait()


def test_every_command_has_help_with_an_example():
    for command in ("cat", "tail", "export", "import", "verify", "info"):
        done = run("log", command, "--help")
        assert done.returncode == 0 and "Example: headrace log" in done.stdout, command
