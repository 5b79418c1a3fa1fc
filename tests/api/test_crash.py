"""kill -9 under load: every acknowledged event is there afterwards, once, in order, and replay agrees.

    HEADRACE_KILL_CYCLES=10000 pytest -s tests/api/test_crash.py

Histories of at most 50 kills each (kill_history.py), several side by side, every second one with retention and erasures.
HEADRACE_KILL_CYCLES says how many kills (default 5, CI 100, the long form 10,000), HEADRACE_KILL_LANES how many histories go on
at a time, HEADRACE_KILL_SEED repeats a run's choices, HEADRACE_KILL_HISTORY with it those of one history.
"""
import multiprocessing
import os
import random
import shutil
import time
import traceback
from pathlib import Path

import pytest

from kill_history import ALWAYS, FORGETTING, IN_TIME, Figures, History, Plan

CYCLES = int(os.environ.get("HEADRACE_KILL_CYCLES", "5"))
LANES = int(os.environ.get("HEADRACE_KILL_LANES", "4"))
SEED = int(os.environ.setdefault("HEADRACE_KILL_SEED", str(random.randrange(1, 1 << 30))))  # lanes read it again
ONLY = os.environ.get("HEADRACE_KILL_HISTORY")
CYCLES_OF_ONE = 50  # a longer log makes every check dearer
ALL_POINTS_FROM = 1000  # cycles: so many pass every kill point

stop = None  # of a lane's process: a history somewhere went wrong


def lengths():
    """Cycles of each history."""
    count = max(min(LANES, CYCLES // 2), -(-CYCLES // CYCLES_OF_ONE), 1)
    return [CYCLES // count + (number < CYCLES % count) for number in range(count)]


def enter(event):
    global stop
    stop = event


def one_history(work):
    """In a process of its own: (number, figures, what went wrong or None)."""
    number, cycles, root = work
    if stop.is_set():
        return number, Figures(), None
    directory = Path(root) / f"history-{number}"
    history = History(directory, SEED * 1000003 + number, forgets=number % 2 == 1)
    try:
        history.run(cycles, stop.is_set)
        shutil.rmtree(directory)
        return number, history.figures, None
    except Exception:  # a finding; its files are kept
        stop.set()
        return number, history.figures, f"HEADRACE_KILL_SEED={SEED} HEADRACE_KILL_HISTORY={number}, files in {directory}\n{traceback.format_exc()}"


def told(figures, seconds):
    left = (CYCLES - figures.kills) * seconds / max(1, figures.kills)
    return (f"{figures.kills} of {CYCLES} kills, {figures.events} events and {figures.predictions} durable predictions acknowledged, "
            f"{figures.erased} erasures, {figures.verified} times verified, {figures.kills / seconds:.2f} kills/s, ETA {left:.0f} s")


def test_killed_at_any_moment_nothing_acknowledged_is_lost(tmp_path):
    print(f"\nHEADRACE_KILL_SEED={SEED}, {CYCLES} cycles")
    works = [(number, cycles, tmp_path) for number, cycles in enumerate(lengths()) if ONLY in (None, str(number))]
    total, wrong, began = Figures(), [], time.monotonic()
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(LANES, len(works)), enter, (context.Event(),)) as pool:
        for _, figures, problem in pool.imap_unordered(one_history, works):
            total.add(figures)
            wrong += [problem] if problem else []
            if figures.kills:
                print(told(total, time.monotonic() - began), flush=True)
    print(f"died at points: {dict(total.at_points)}; not passed in time: {dict(total.missed)}")
    assert not wrong, "\n".join(wrong)
    assert total.events > 5 * CYCLES and total.predictions > 0
    if CYCLES >= ALL_POINTS_FROM and ONLY is None:
        assert not (ALWAYS | IN_TIME | FORGETTING).keys() - total.at_points.keys(), "a kill point was never reached"


@pytest.mark.parametrize("point", ALWAYS)
def test_every_kill_point_is_reached(tmp_path, point):
    """A kill point that nothing passes would make the test above weaker than it says; the others have tests of their own."""
    history = History(tmp_path / "history", seed=1)
    history.server.start()
    assert history.server.stop() == 0
    assert history.cycle(Plan(point)), f"{point} was not passed"
    history.end()
