"""Backup beside a serving process, restore to a record or a moment, and looks back: the real binary throughout."""
import json
import re
import threading
import time
from datetime import datetime, timezone

from harness import Headrace, run
from shopping import event, iso, now
from test_bases import counts, wait_for_base
from test_repack import feed, metric, small_segments, wait_until_rewritten

TWO = ["--partitions", "2"]


def back_up(server, into):
    done = server.command("backup", "--into", str(into))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert done.stdout.rstrip().endswith("the backup is whole"), done.stdout
    copied = re.search(r"copied (\d+) files, (\d+) bytes", done.stdout)
    return int(copied.group(1)), int(copied.group(2))


def restored(backup, directory, exchanges, *how, args=()):
    """A server on what a restore made; not started."""
    directory.mkdir()
    server = Headrace(directory, exchanges, args=args)
    done = run("restore", "--from", str(backup), "--into", str(server.data), *how)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    return server


def wave(server, name, people, carts, size=300):
    """Every event names a user, a session and a cart, which have homes of their own."""
    events = [event(("product_view", "add_to_cart")[n % 2], people[n % len(people)], cart=carts[n * 7 % len(carts)],
                    session=f"session-{n // 5}", event_id=name("evt"), time=now(-600 + n / 100), product_id=f"p{n % 11}", price=1.5 + n % 3, quantity=1)
              for n in range(size)]
    server.client.send_all(events, 50)
    return events


def cart_features(server, carts):
    return {cart: server.client.features(cart) for cart in carts}


def look(server, *how):
    done = server.command("state", "at", *how)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def moment():
    """A time that no record has, with room around it."""
    time.sleep(0.2)
    between = iso(datetime.now(timezone.utc))
    time.sleep(0.2)
    return between


def test_backup_of_a_serving_process_is_whole_and_grows(fresh_server, tmp_path, name):
    server = fresh_server(args=[*small_segments(tmp_path, "base_every = 2\n"), *TWO])
    people, events = feed(server, name)
    stopping = threading.Event()

    def go_on():
        while not stopping.is_set():
            server.client.send_all([event("ping", person) for person in people[:20]])

    busy = threading.Thread(target=go_on)
    busy.start()
    try:
        back_up(server, tmp_path / "backup")
        wait_for_base(server, 1)
        back_up(server, tmp_path / "backup")
    finally:
        stopping.set()
        busy.join()
    wait_until_rewritten(server)
    assert server.stop() == 0
    assert back_up(server, tmp_path / "backup")[0] > 0
    assert back_up(server, tmp_path / "backup") == (0, 0)
    assert run("backup", "--into", str(tmp_path / "backup"), "--verify").returncode == 0

    other = restored(tmp_path / "backup", tmp_path / "other", None, args=server.args).start()
    server.start()
    assert counts(other, people) == counts(server, people)
    for person in people[:3]:
        assert other.client.query(user_id=person, limit=1000)["events"] == server.client.query(user_id=person, limit=1000)["events"]
    answer = other.client.send(events[5])
    assert answer["duplicate"] is True, "ids are known again"
    assert other.stop() == 0
    other.verify()


def test_damage_in_a_backup_is_named(fresh_server, tmp_path, name):
    server = fresh_server(args=[*small_segments(tmp_path), *TWO])
    feed(server, name, 2000)
    assert server.stop() == 0
    assert server.command("base").returncode == 0
    back_up(server, tmp_path / "backup")
    for victim in (*(tmp_path / "backup").rglob("*.seg"), sorted((tmp_path / "backup").rglob("data.mdb"))[0]):
        content = victim.read_bytes()
        victim.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
        checked = run("backup", "--into", str(tmp_path / "backup"), "--verify")
        assert checked.returncode == 1 and victim.name in checked.stdout and "NOT whole" in checked.stdout, checked.stdout
        refused = run("restore", "--from", str(tmp_path / "backup"), "--into", str(tmp_path / "never"))
        assert refused.returncode == 1 and not (tmp_path / "never" / "MANIFEST").exists(), refused.stdout
        victim.write_bytes(content)
        for left in sorted((tmp_path / "never").rglob("*"), reverse=True):
            left.rmdir() if left.is_dir() else left.unlink()
    (sorted((tmp_path / "backup").rglob("*.seg"))[0]).unlink()
    assert run("backup", "--into", str(tmp_path / "backup"), "--verify").returncode == 1


def test_restore_to_a_moment_goes_on_as_it_did(fresh_server, tmp_path, name, exchanges):
    """The folds between partitions: what was cut off comes again and counts once, what stays counts once."""
    server = fresh_server(args=[*small_segments(tmp_path, "base_every = 0\n"), *TWO])
    people, carts = [name("user") for _ in range(12)], [name("cart") for _ in range(12)]
    wave(server, name, people, carts)
    after_one = counts(server, people), cart_features(server, carts)
    then = moment()
    second = wave(server, name, people, carts)
    after_two = counts(server, people), cart_features(server, carts)
    back_up(server, tmp_path / "backup")

    other = restored(tmp_path / "backup", tmp_path / "other", exchanges, "--time", then).start()
    assert (counts(other, people), cart_features(other, carts)) == after_one
    assert other.client.query(event_id=second[0]["event_id"])["events"] == []
    other.client.send_all(second, 50)
    assert (counts(other, people), cart_features(other, carts)) == after_two
    assert other.stop() == 0
    other.verify()

    refused = other.command("backup", "--into", str(tmp_path / "backup"))
    assert refused.returncode == 1 and "holds no backup of this directory" in refused.stderr, refused.stderr


def test_restore_to_a_record(fresh_server, tmp_path, name, exchanges):
    server = fresh_server(args=[*small_segments(tmp_path, "base_every = 2\n"), *TWO])
    people, carts = [name("user") for _ in range(12)], [name("cart") for _ in range(12)]
    wave(server, name, people, carts, 1500)
    wave(server, name, people, carts, 1500)
    assert server.stop() == 0
    back_up(server, tmp_path / "backup")
    ends = {p: int(end) for p, end in re.findall(r"^partition (\d): LSN \d+\.\.(\d+)", server.command("log", "info").stdout, re.M)}
    for number, share in enumerate((0.9, 0.5, 0.05)):
        last = max(3, int(ends["1"] * share))
        other = restored(tmp_path / "backup", tmp_path / f"other{number}", exchanges, "--lsn", f"1:{last}")
        assert other.records("--partition", "1")[-1]["lsn"] == last
        digest = re.search(r"partition 1: ([0-9a-f]{32}) at LSN (\d+)", other.command("state", "digest").stdout)
        assert int(digest.group(2)) == last
        assert look(server, "--lsn", str(last), "--partition", "1")[0]["digest"] == digest.group(1)
        other.start()
        mine = {record["event"]["event_id"]: record["event"] for record in other.events() if "user_id" in record["event"]}
        told = counts(other, people)
        for person in people:
            expected = sum(one["user_id"] == person for one in mine.values())
            assert told.get(person, (0, {}))[0] == expected, (person, last)
        for cart in carts:
            expected = sum(one.get("cart_id") == cart for one in mine.values())
            reply = other.client.get(f"/internal/features/{cart}")
            assert (reply.json()["events"] if expected else reply.status_code) == (expected or 404), (cart, last)
        assert other.stop() == 0
        other.verify()
    beyond = run("restore", "--from", str(tmp_path / "backup"), "--into", str(tmp_path / "never"), "--lsn", f"1:{ends['1'] + 1}")
    assert beyond.returncode == 1 and f"ends at LSN {ends['1']}" in beyond.stderr, beyond.stderr


def test_the_state_as_it_was(fresh_server, tmp_path, name):
    server = fresh_server(args=[*small_segments(tmp_path, "base_every = 1\n"), *TWO])
    people, carts = [name("user") for _ in range(6)], [name("cart") for _ in range(6)]
    wave(server, name, people, carts, 1000)
    known = counts(server, people)
    then = moment()
    wave(server, name, people, carts, 1000)
    wait_for_base(server, 1)
    asked = [word for person in people for word in ("--entity", f"user:{person}")]
    lines = look(server, "--time", then, *asked)  # beside the server
    told = {line["cart_id"]: (line["events"], line["features"]) for line in lines if "cart_id" in line}
    assert told == known
    assert sum("digest" in line for line in lines) == 2
    assert server.stop() == 0
    live = dict(re.findall(r"partition (\d): ([0-9a-f]{32}) at", server.command("state", "digest").stdout))
    ends = {record["partition"]: record["lsn"] for record in server.records()}
    at_end = [look(server, "--lsn", str(last), "--partition", str(partition))[0] for partition, last in ends.items()]
    assert {str(line["partition"]): line["digest"] for line in at_end} == live
    assert any(line["base_lsn"] > 0 for line in at_end), at_end
    beyond = server.command("state", "at", "--lsn", str(ends[0] + 1), "--partition", "0")
    assert beyond.returncode == 1 and f"ends at LSN {ends[0]}" in beyond.stderr
    nobody = look(server, "--lsn", "2", "--entity", "user:nobody-at-all")
    assert None in nobody
