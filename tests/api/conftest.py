"""Fixtures of the API tests: a server for all tests, servers of their own, and clients."""
import itertools
import os
import uuid

import pytest

import harness
import small_disk

DATASETS = os.environ.get("HEADRACE_DATASETS")
FAILING_CALLS = os.environ.get("HEADRACE_FAILING_CALLS")  # a library that no sanitizer's runtime bears
collect_ignore = [name for name, there in (("test_datasets.py", DATASETS), ("test_failing_calls.py", FAILING_CALLS)) if not there]


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # once, not in each worker of pytest-xdist
        harness.EXCHANGES.parent.mkdir(parents=True, exist_ok=True)
        harness.EXCHANGES.unlink(missing_ok=True)


def pytest_terminal_summary(terminalreporter):
    if not DATASETS:
        terminalreporter.write_line(
            "HEADRACE_DATASETS is not set: the real shopping streams (test_datasets.py) were not fed")
    if not FAILING_CALLS:
        terminalreporter.write_line("HEADRACE_FAILING_CALLS is not set: no call was made to fail (test_failing_calls.py)")
    if not os.environ.get("HEADRACE_REBINDING"):
        terminalreporter.write_line("HEADRACE_REBINDING is not set: no resolver changed its mind (test_outgoing.py)")
    if not small_disk.best_kind():
        terminalreporter.write_line("neither a loop device nor tmpfs may be mounted here: no disk was filled (test_full_disk.py)")


@pytest.fixture(scope="session")
def exchanges():
    return harness.Exchanges(harness.EXCHANGES)


@pytest.fixture(scope="session")
def server(tmp_path_factory, exchanges):
    """One server that tests share; they keep apart by the names of their users and carts."""
    running = harness.Headrace(tmp_path_factory.mktemp("shared"), exchanges, args=["--loops", "2"]).start()
    yield running
    assert running.running(), "the shared server died:\n" + running.stderr()[-3000:]
    assert running.stop() == 0


@pytest.fixture
def client(server):
    return server.client


@pytest.fixture
def fresh_server(tmp_path, exchanges):
    """Makes servers of the test's own: fresh_server(args=[...], env={...})."""
    made = []

    def make(name=None, start=True, **options):
        directory = tmp_path / (name or f"server{len(made)}")
        directory.mkdir(exist_ok=True)
        made.append(harness.Headrace(directory, exchanges, **options))
        return made[-1].start() if start else made[-1]

    yield make
    for one in made:
        if one.process is not None:
            one.kill()


@pytest.fixture
def name():
    """Names that no other test uses: name('cart') -> 'cart-3f2a9c1e-1'."""
    mark, numbers = uuid.uuid4().hex[:8], itertools.count(1)
    return lambda what: f"{what}-{mark}-{next(numbers)}"
