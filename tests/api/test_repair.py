"""Damage in the log of a real server: refused and named, repaired only as far as somebody says, never silent."""
import json
import re
import shutil
import time

import pytest

from harness import run
from test_repack import answers, feed, metric, questions, small_segments, wait_until_rewritten

RANGE = re.compile(r"--accept-loss (\d+)\.\.(\d+)")


def segments(server):
    return sorted(server.data.glob("p000/log/*.seg"))


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 0x10
    path.write_bytes(content)


def lost_lsns(server, *more):
    """What the repair says that is lost, when nothing was accepted."""
    done = server.command("log", "repair", "--partition", "0", *more)
    assert done.returncode == 1, done.stdout
    return [(int(first), int(last)) for first, last in RANGE.findall(done.stderr)]


def accept(lost):
    return [word for first, last in lost for word in ("--accept-loss", f"{first}..{last}")]


@pytest.fixture
def damaged(fresh_server, tmp_path, name):
    """A stopped server of one partition with a batch damaged in its last segment but two."""
    server = fresh_server(args=[*small_segments(tmp_path, "repack = false\n"), "--partitions", "1"])
    server.people, server.sent = feed(server, name, 3000)
    assert server.stop() == 0
    server.before = server.records()
    victim = segments(server)[-3]
    flip(victim, 4096 + 64 + 100)
    server.victim = victim
    return server


def test_only_exactly_what_is_lost_can_be_accepted(damaged):
    log = damaged.command("log", "verify")
    assert log.returncode == 1 and damaged.victim.name in log.stdout and "byte 4096" in log.stdout, log.stdout
    (first, last), = lost_lsns(damaged)
    assert f"LSN {first} to {last}" in log.stdout or f"LSN {first}" in log.stdout
    for wrong in ([(first, last + 1)], [(first + 1, last)], [(first, last), (last + 5, last + 6)]):
        assert lost_lsns(damaged, *accept(wrong)) == [(first, last)]
    assert damaged.command("log", "verify").returncode == 1, "a refused repair changes nothing"
    done = damaged.command("log", "repair", "--partition", "0", "--by", "ann", *accept([(first, last)]))
    assert done.returncode == 0, done.stderr
    assert "accepted by ann" in done.stdout and "is whole, but for its holes" in done.stdout

    after = damaged.records()
    hole, = [one for one in after if one["kind"] == "hole"]
    assert (hole["partition"], hole["lsn"], hole["last_lsn"], hole["by"]) == (0, first, last, "ann")
    assert [one["lsn"] for one in after] == sorted(one["lsn"] for one in after), "it stands in its place"
    after.remove(hole)
    assert after == [one for one in damaged.before if not first <= one["lsn"] <= last]
    assert not [one for one in damaged.records("--from", str(last + 1)) if one["kind"] == "hole"], "it is not asked for"
    for command in ("verify", "info"):
        said = damaged.command("log", command)
        assert said.returncode == 0, said.stdout
        assert re.search(rf"HOLE: LSN {first}\.\.{last} were accepted to be lost by ann at \S+: bytes 4096\.\.", said.stdout)
    key = re.search(r"signing key ([0-9a-f]{64})", said.stdout).group(1)
    assert f"signed with {key}" in said.stdout
    assert "kept as a base" in done.stdout, "the server had been stopped in order: its state is beyond the loss"
    replay = damaged.command("replay", "--verify")
    assert replay.returncode == 0 and "the state is what the log says" in replay.stdout, replay.stdout + replay.stderr
    nothing = damaged.command("log", "repair", "--partition", "0")
    assert nothing.returncode == 1 and "Nothing is damaged" in nothing.stderr


def holes_by_page(client, person, first, last):
    """Page by page the hole is named where it lies, and nowhere else."""
    cursor, seen = None, []
    while True:
        page = client.query(limit=50, **({"cursor": cursor} if cursor else {}))
        offsets = [one["metadata"]["offset"] for one in page["events"]]
        if "holes" in page:
            seen.append(page["holes"])
        elif offsets:
            assert offsets[-1] < first or offsets[0] > last, "passed without a word"
        cursor = page.get("next_cursor")
        if not cursor:
            break
    assert seen == [[{"partition": 0, "first_lsn": first, "last_lsn": last}]]
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3 * 86400))
    assert "holes" not in client.query(start_time=later), "nothing that was lost can be of then"
    assert "holes" in client.query(user_id=person, event_type="none-of-these")


def test_served_across_a_hole(damaged):
    (first, last), = lost_lsns(damaged)
    assert damaged.command("log", "repair", "--partition", "0", *accept([(first, last)])).returncode == 0
    kept = {one["event"]["event_id"] for one in damaged.records() if one["kind"] == "event" and "event" in one}
    damaged.args += ["--scrub-period", "2s"]
    damaged.start()
    client = damaged.client
    for person in damaged.people:
        found, page = [], client.query(user_id=person, limit=1000)
        found += [one["event_id"] for one in page["events"]]
        wanted = [one["event_id"] for one in damaged.sent if one["data"]["user_id"] == person and one["event_id"] in kept]
        assert sorted(found) == sorted(wanted)
        assert page["holes"] == [{"partition": 0, "first_lsn": first, "last_lsn": last}]
    holes_by_page(client, damaged.people[0], first, last)
    until = time.monotonic() + 60
    while metric(damaged, "headrace_log_holes") != 1:
        assert time.monotonic() < until, damaged.stderr()[-2000:]
        time.sleep(0.2)
    assert client.get("/health").json()["status"] == "healthy", "a loss that was accepted is no damage"
    assert client.get("/health/detailed").json()["partitions"][0]["holes"] == 1
    more = feed(damaged, lambda what: f"more-{what}-{time.monotonic_ns()}", 1500)[1]
    asked = questions(damaged.people, damaged.sent)
    before = answers(client, asked)
    damaged.stop()
    damaged.args = [word for word in damaged.args]
    (damaged.directory.parent / "small.toml").write_text("segment_bytes = 65536\n")
    damaged.start()
    wait_until_rewritten(damaged, 3)
    assert answers(damaged.client, asked) == before, "a hole outlives rewriting"
    assert damaged.client.query(event_id=more[-1]["event_id"])["events"]
    damaged.stop()
    assert f"HOLE: LSN {first}..{last}" in damaged.command("log", "verify").stdout
    assert damaged.command("log", "verify").returncode == 0


def test_a_forged_hole_is_damage(damaged):
    (first, last), = lost_lsns(damaged)
    assert damaged.command("log", "repair", "--partition", "0", *accept([(first, last)])).returncode == 0
    at = damaged.victim.read_bytes().index(b"hole 1\n") + 40
    flip(damaged.victim, at)
    said = damaged.command("log", "verify")
    assert said.returncode == 1 and "holes" in said.stdout, said.stdout


def test_the_scrub_finds_damage_while_the_server_serves(fresh_server, tmp_path, name):
    server = fresh_server(args=[*small_segments(tmp_path, 'scrub_period = "2s"\nrepack = false\n'), "--partitions", "1"])
    feed(server, name, 3000)
    until = time.monotonic() + 60
    while metric(server, "headrace_scrub_passes") < 1:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert server.client.get("/health").json()["status"] == "healthy"
    assert metric(server, "headrace_scrub_bytes") > 0 and metric(server, "headrace_scrub_damaged_segments") == 0
    while metric(server, "headrace_scrub_state_passes") < 1:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert metric(server, "headrace_scrub_state_values") > 0 and metric(server, "headrace_scrub_damaged_states") == 0
    victim = segments(server)[1]
    whole = victim.read_bytes()
    flip(victim, 4096 + 64 + 10)
    while server.client.get("/health").json()["status"] != "degraded":
        assert time.monotonic() < until, "the scrub did not find it"
        time.sleep(0.1)
    assert metric(server, "headrace_scrub_damaged_segments") == 1
    detailed = server.client.get("/health/detailed").json()
    assert detailed["status"] == "degraded" and detailed["partitions"][0]["damaged"] == 1
    reason = server.wait_for_line("damage_found")["reason"]
    assert victim.name in reason and "byte 4096" in reason and "LSN" in reason
    feed(server, name, 50)  # what is well goes on
    victim.write_bytes(whole)
    while server.client.get("/health").json()["status"] != "healthy":
        assert time.monotonic() < until, "what is whole again is not forgotten"
        time.sleep(0.1)
    assert server.stop() == 0


def test_without_a_checkpoint_a_hole_is_lost_alike_in_the_state_and_in_a_replay(damaged):
    """And with one that only a base kept, removed by hand, the comparison says that a hole may be why."""
    (first, last), = lost_lsns(damaged)
    assert damaged.command("log", "repair", "--partition", "0", *accept([(first, last)])).returncode == 0
    bases = list(damaged.data.glob("p000/base-*"))
    assert bases
    for base in bases:
        shutil.rmtree(base)
    replay = damaged.command("replay", "--verify")
    assert replay.returncode == 3, replay.stdout + replay.stderr
    assert f"LSN {first}..{last} were accepted to be lost" in replay.stdout
    for name in ("CKPT", "state/data.mdb"):
        (damaged.data / "p000" / name).unlink()
    damaged.start()
    assert damaged.stop() == 0
    replay = damaged.command("replay", "--verify")
    assert replay.returncode == 0, replay.stdout + replay.stderr


def test_the_command_explains_itself(tmp_path):
    helped = run("log", "repair", "--help")
    assert helped.returncode == 0 and "--accept-loss" in helped.stdout and "Example:" in helped.stdout
    wrong = run("log", "repair", "--data", str(tmp_path), "--partition", "0", "--accept-loss", "9..3")
    assert wrong.returncode == 1 and "FIRST..LAST" in wrong.stderr
