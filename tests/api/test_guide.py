"""docs/api_guide.md and README.md, run as they stand: every command works, and answers what is printed under it."""
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from harness import ADMIN_KEY

ROOT = Path(__file__).resolve().parents[2]
ANY = "<anything>"  # what "..." stands for


def blocks(text):
    """Indented blocks, without their indentation."""
    for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.MULTILINE):
        for part in re.split(r"\n\s*\n(?=    \S)", block.strip("\n")):
            yield "\n".join(line[4:] for line in part.split("\n") if line.strip())


def commands(path):
    """(command, printed answer or None), in order; only those that call the server."""
    found = []
    for block in blocks((ROOT / path).read_text()):
        if re.search(r"\bcurl -sS ", block):
            found.append([block, None])
        elif block.startswith("{") and found and found[-1][1] is None:
            found[-1][1] = block
    return found


def expected_of(answer):
    """The printed answer; "..." as a value is anything, ", ..." at the end of an object more members."""
    text = re.sub(r": ?\.\.\.", f': "{ANY}"', answer)
    text = re.sub(r",? ?\.\.\.(?=\s*\})", f', "{ANY}": 0', text)
    return json.loads(text)


def differs(expected, actual, where="$"):
    if expected == ANY:
        return None
    if isinstance(expected, dict) and isinstance(actual, dict):
        more = expected.pop(ANY, None) is not None
        if not more and expected.keys() != actual.keys():
            return f"{where}: {sorted(expected)} is printed, {sorted(actual)} came"
        wrong = [differs(value, actual.get(key), f"{where}.{key}") for key, value in expected.items()]
        return next((one for one in wrong if one), None)
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        return next((one for at in range(len(expected)) if (one := differs(expected[at], actual[at], f"{where}[{at}]"))), None)
    return None if expected == actual else f"{where}: {expected!r} is printed, {actual!r} came"


@pytest.mark.parametrize("path, least", [("docs/api_guide.md", 13), ("README.md", 3)])
def test_what_is_printed_works(fresh_server, path, least):
    server = fresh_server()
    found = commands(path)
    assert len(found) >= least, found
    compared = 0
    for command, answer in found:
        command = re.sub("^export HEADRACE_ADMIN_KEY=.*$", "", command, flags=re.MULTILINE).replace("http://127.0.0.1:8080", server.url)
        done = subprocess.run(["bash", "-c", f"set -euo pipefail; {command}"], capture_output=True, text=True, timeout=30,
                              env={**os.environ, "HEADRACE_ADMIN_KEY": ADMIN_KEY, "U": server.url})
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        actual = json.loads(done.stdout)
        if answer is None:
            assert "error" not in actual and actual.get("success", True), f"{command}\n{done.stdout}"
            continue
        wrong = differs(expected_of(answer), actual)
        assert wrong is None, f"{command}\n{wrong}"
        compared += 1
    assert compared >= least - 2
