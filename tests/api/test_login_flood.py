"""Eighty clients that guess passwords as fast as they are answered, each guess a hash of argon2id: predictions go on as before. The long
form is bench/login_flood.py."""
import os
import sys

import pytest

from harness import ROOT

sys.path.insert(0, str(ROOT / "bench"))
import login_flood  # noqa: E402

# A loop that hashed itself would stand still for longer than this per guess, and for a whole queue of them at a time.
NOTICED_MS = 10


@pytest.mark.skipif("san/" in os.environ.get("HEADRACE_BINARY", ""), reason="a sanitizer's times are no times")
def test_predictions_do_not_notice(fresh_server, capsys):
    before, during, counts = login_flood.measure(fresh_server(args=login_flood.UNLIMITED), 2)
    with capsys.disabled():
        print(f"\np99 of predictions {before['p99 ms']:.2f} ms before and {during['p99 ms']:.2f} ms during {counts}")
    assert counts.get(401, 0) > 10, "nobody was hashed for"
    assert counts.get(503, 0) > 10, "the queue has no end"
    assert set(counts) == {401, 503}
    assert during["p99 ms"] < max(2 * before["p99 ms"], NOTICED_MS)
