"""backup, restore and log repair die at any change of a file: what they leave says what it is, and doing it again ends well.

HEADRACE_TOOL_KILLS says at how many of the places each dies (default 6, evenly spread; 0: at all of them).
"""
import os
import shutil
import signal
import subprocess

import pytest

from harness import BINARY, Headrace, run
from test_backup import TWO, back_up
from test_bases import counts
from test_repack import feed, small_segments
from test_repair import accept, damaged, lost_lsns  # noqa: F401 (a fixture)

KILLS = int(os.environ.get("HEADRACE_TOOL_KILLS", "6"))


def dying(count, *words):
    env = {**os.environ, "HEADRACE_KILL_POINT": f"at_file_change:{count}"}
    return subprocess.run([BINARY, *map(str, words)], capture_output=True, text=True, timeout=60, env=env)


def places(*words, prepare):
    """Numbers of places at which the command dies, out of all it passes; `prepare` makes a fresh scene."""
    low, high = 1, 1
    while True:  # how many there are
        prepare()
        if dying(high, *words).returncode == 0:
            break
        low, high = high, 2 * high
    while low + 1 < high:
        middle = (low + high) // 2
        prepare()
        low, high = (low, middle) if dying(middle, *words).returncode == 0 else (middle, high)
    step = max(1, low // KILLS) if KILLS else 1
    print(f"{words[0]}: {low} places")
    assert low >= 5, "it changes hardly a file: this shows nothing"
    return [*range(1, low, step), low]


@pytest.fixture(scope="module")
def source(tmp_path_factory, exchanges):
    """A stopped server of two partitions with several segments and a base, and what it answers."""
    folder = tmp_path_factory.mktemp("source")
    numbers = iter(range(1_000_000))
    server = Headrace(folder, exchanges, args=[*small_segments(folder, "base_every = 0\n"), *TWO]).start()
    people, _ = feed(server, lambda what: f"{what}-{next(numbers)}", 3000)
    answers = counts(server, people)
    assert server.stop() == 0
    assert server.command("base").returncode == 0
    server.people, server.answers = people, answers
    return server


def serves_the_same(source, data, folder):
    """A server on `data`."""
    folder.mkdir()
    other = Headrace(folder, None, args=source.args)
    other.data = data
    other.start()
    assert counts(other, source.people) == source.answers
    assert other.stop() == 0
    other.verify()


def test_a_backup_dies_anywhere(source, tmp_path):
    into = tmp_path / "backup"
    words = ["backup", "--data", source.data, "--into", into]

    def fresh():
        shutil.rmtree(into, ignore_errors=True)

    for place in places(*words, prepare=fresh):
        fresh()
        assert dying(place, *words).returncode == -signal.SIGKILL
        whole = run("backup", "--into", str(into), "--verify").returncode == 0
        restoring = run("restore", "--from", str(into), "--into", str(tmp_path / f"r{place}"))
        assert (restoring.returncode == 0) == whole, "what is not whole is not restored: " + restoring.stderr
        back_up(source, into)
    assert run("restore", "--from", str(into), "--into", str(tmp_path / "last")).returncode == 0
    serves_the_same(source, tmp_path / "last", tmp_path / "serving")


def test_a_backup_on_top_of_another_dies_anywhere(source, tmp_path):
    """What was there before stays good, or says that it is not, and the next one mends it."""
    older, into = tmp_path / "older", tmp_path / "backup"
    back_up(source, older)
    victim = sorted(older.rglob("*.seg"))[0]

    def fresh():
        shutil.rmtree(into, ignore_errors=True)
        shutil.copytree(older, into)
        (into / victim.relative_to(older)).unlink()  # something to do
        (into / victim.parent.relative_to(older) / "00000099.seg").write_bytes(b"stray")

    words = ["backup", "--data", source.data, "--into", into]
    for place in places(*words, prepare=fresh):
        fresh()
        assert dying(place, *words).returncode == -signal.SIGKILL
        back_up(source, into)
        assert not list(into.rglob("00000099.seg")) and not list(into.rglob("*.tmp"))


def test_a_restore_dies_anywhere(source, tmp_path):
    backup, into = tmp_path / "backup", tmp_path / "into"
    back_up(source, backup)
    words = ["restore", "--from", backup, "--into", into]

    def fresh():
        shutil.rmtree(into, ignore_errors=True)

    for place in places(*words, prepare=fresh):
        fresh()
        assert dying(place, *words).returncode == -signal.SIGKILL
        left = list(into.rglob("*.seg"))
        if not (into / "MANIFEST").exists() and left:
            served = subprocess.run([BINARY, "serve", "--data", str(into), "--listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=20)
            assert served.returncode != 0 and "MANIFEST" in served.stderr, "half of a restore is no data directory"
        again = run("restore", "--from", str(backup), "--into", str(into))
        assert again.returncode == 0 or "is not empty" in again.stderr, again.stderr
        if again.returncode != 0 and not (into / "MANIFEST").exists():
            fresh()
            assert run("restore", "--from", str(backup), "--into", str(into)).returncode == 0
    serves_the_same(source, into, tmp_path / "serving")


def test_a_repair_dies_anywhere(damaged, tmp_path):  # noqa: F811
    lost = lost_lsns(damaged)
    before = tmp_path / "before"
    shutil.copytree(damaged.data, before)
    words = ["log", "repair", "--data", damaged.data, "--partition", "0", "--by", "ann", *accept(lost)]

    def fresh():
        shutil.rmtree(damaged.data)
        shutil.copytree(before, damaged.data)

    for place in places(*words, prepare=fresh):
        fresh()
        assert dying(place, *words).returncode == -signal.SIGKILL
        verified = damaged.command("log", "verify")
        if verified.returncode != 0:
            done = damaged.command("log", "repair", "--partition", "0", "--by", "ann", *accept(lost_lsns(damaged)))
            assert done.returncode == 0, done.stdout + done.stderr
        holes = [(one["lsn"], one["last_lsn"]) for one in damaged.records() if one["kind"] == "hole"]
        assert holes == lost, "the loss is said once, and is what it was"
        assert damaged.command("replay", "--verify").returncode in (0, 3)
