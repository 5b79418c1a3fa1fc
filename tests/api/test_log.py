"""The offline commands: log cat, log verify, log info, replay --verify, state digest, config check."""
import re

from harness import run
from shopping import visit


def fed(server, name, visits=40):
    sent = []
    for n in range(visits):
        cart, events = visit(name, views=n % 7, adds=n % 3, checkout=n % 2 == 1, purchase=n % 6 == 5)
        sent += events
        server.client.send_all(events)
        if n % 4 == 0:
            server.client.predict(cart)
    return sent


def test_the_log_holds_what_was_acknowledged(fresh_server, name):
    server = fresh_server()
    sent = fed(server, name)
    assert server.stop() == 0
    logged = {record["event"]["event_id"]: record for record in server.events()}
    for one in sent:
        record = logged[one["event_id"]]
        assert record["event"]["event_type"] == one["event_type"]
        assert record["event"]["data"] == one["data"]
        assert isinstance(record["lsn"], int) and isinstance(record["partition"], int) and record["time"]
    assert "prediction.completed" in {record["event"]["event_type"] for record in server.events()} or any(
        "prediction" in record["event"]["event_type"] for record in server.events()), "predictions are logged"


def test_the_log_can_be_read_from_a_place(fresh_server, name):
    server = fresh_server()
    fed(server, name, 10)
    server.stop()
    whole = [record for record in server.records() if record["partition"] == 0]
    middle = whole[len(whole) // 2]["lsn"]
    tail = server.records("--partition", "0", "--from", str(middle))
    assert [one["lsn"] for one in tail] == [one["lsn"] for one in whole if one["lsn"] >= middle]


def test_lsns_of_a_partition_have_no_gap(fresh_server, name):
    server = fresh_server(args=["--partitions", "3"])
    fed(server, name, 10)
    server.stop()
    by_partition = {}
    for record in server.records():
        by_partition.setdefault(record["partition"], []).append(record["lsn"])
    assert len(by_partition) > 1
    for lsns in by_partition.values():
        assert lsns == list(range(lsns[0], lsns[0] + len(lsns)))


def test_log_and_replay_agree_after_load_and_after_restarts(fresh_server, name):
    server = fresh_server()
    for _ in range(3):
        fed(server, name, 15)
        server.restart()
    server.stop()
    server.verify()
    info = server.command("log", "info")
    assert info.returncode == 0 and info.stdout.strip()


def test_the_digest_changes_with_the_state_alone(fresh_server, name):
    server = fresh_server()
    fed(server, name, 10)
    server.stop()

    def digest():
        done = server.command("state", "digest")
        assert done.returncode == 0, done.stderr
        return re.findall(r"\b[0-9a-f]{16,}\b", done.stdout)

    first = digest()
    assert first and digest() == first
    server.start().stop()
    assert digest() == first, "a start without a write is no change"
    server.start()
    fed(server, name, 2)
    server.stop()
    assert digest() != first


def test_damage_in_the_middle_is_named(fresh_server, name):
    server = fresh_server(args=["--partitions", "1"])
    fed(server, name)
    server.stop()
    segments = sorted(path for path in server.data.rglob("*.seg") if path.is_file())
    segment = max(segments, key=lambda path: len(path.read_bytes().rstrip(b"\0")))
    content = bytearray(segment.read_bytes())
    used = len(content.rstrip(b"\0"))
    content[used // 2] ^= 0x10
    segment.write_bytes(content)
    done = server.command("log", "verify")
    assert done.returncode != 0
    assert segment.name in done.stdout + done.stderr, "the damaged file is named"


def test_commands_say_what_is_wrong(tmp_path):
    for words in (["log", "cat"], ["log", "verify"], ["replay", "--verify"], ["state", "digest"]):
        done = run(*words, "--data", str(tmp_path / "nothing"))
        assert done.returncode != 0 and done.stderr.strip(), words
    config = tmp_path / "headrace.toml"
    config.write_text('listen = "127.0.0.1:8080"\nnonsense = 1\n')
    done = run("config", "check", "--config", str(config))
    assert done.returncode != 0 and "nonsense" in done.stdout + done.stderr
