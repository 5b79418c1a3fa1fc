"""The house keeps its shape: a file includes its own folder or a lower floor, and each C library has one room."""
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Floors, lowest first; docs/architecture.md draws the arrows between the crafts (those with equal numbers).
ALLOWED = {
    "src/base": [],
    "codec": ["src/base"],
    "src/runtime": ["src/base"],
    "storage": ["src/base", "codec", "src/runtime"],
    "src/net": ["src/base", "codec", "src/runtime"],
    "src/features": ["src/base", "codec", "storage"],
    "src/scoring": ["src/base", "codec"],
    "src/events": ["src/base", "codec", "src/runtime", "storage", "src/features"],
    "src/identity": ["src/base", "codec", "src/runtime", "storage", "src/net", "src/events"],
    "src/settings": ["src/base", "codec", "src/runtime", "storage", "src/net", "src/events", "src/identity"],
    "src/predictions": ["src/base", "codec", "src/runtime", "storage", "src/features", "src/events", "src/scoring"],
    "src/simulation": ["src/base", "codec"],
    "src/training": ["src/base", "codec", "storage", "src/features", "src/events", "src/scoring", "src/predictions"],
    "routes": ["src/base", "codec", "src/runtime", "storage", "src/net", "src/identity", "src/settings", "src/features",
               "src/events", "src/scoring", "src/predictions", "src/simulation"],
    "src/server": ["src/base", "codec", "src/runtime", "storage", "src/net", "src/identity", "src/settings",
                   "src/features", "src/events", "src/scoring", "src/predictions", "routes"],
}
# Which folders may include a library's header.
ROOMS = {
    "uv.h": ["src/runtime", "src/net", "bench"],
    "llhttp.h": ["src/net", "bench"],
    "openssl/ssl.h": ["src/net", "tools", "tests/net"],
    "lmdb.h": ["storage"],
    "curl/curl.h": ["src/net"],
    "argon2.h": ["src/identity"],
    "zstd.h": ["codec", "tests/codec"],
    "simdjson.h": ["codec", "src/scoring", "src/features", "tools", "bench", "tests"],
}


def sources():
    names = subprocess.run(["git", "ls-files", "*.h", "*.cc"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.split() if (ROOT / name).exists()]


def folder_of(path):
    """The folder of the house that `path` (relative to the root) lives in, or None."""
    known = [folder for folder in ALLOWED if str(path).startswith(folder + "/")]
    return max(known, key=len) if known else None


def includes(path, quoted):
    mark = r'"([^"]+)"' if quoted else r"<([^>]+)>"
    return re.findall(r"^#include " + mark, path.read_text(), re.MULTILINE)


def test_a_file_includes_its_own_folder_or_a_lower_floor():
    wrong = []
    for path in sources():
        mine = folder_of(path.relative_to(ROOT))
        for include in includes(path, quoted=True) if mine else []:
            theirs = folder_of(include)
            if theirs not in (mine, None) and theirs not in ALLOWED[mine]:
                wrong.append(f"{path.relative_to(ROOT)} includes {include}")
    assert not wrong, "\n".join(wrong)


def test_each_library_has_its_room():
    wrong = []
    for path in sources():
        here = str(path.relative_to(ROOT))
        for include in includes(path, quoted=False):
            if include in ROOMS and not any(here.startswith(room + "/") for room in ROOMS[include]):
                wrong.append(f"{here} includes {include}")
    assert not wrong, "\n".join(wrong)


def test_every_source_says_in_its_first_line_what_it_is():
    wrong = [str(path.relative_to(ROOT)) for path in sources() if not re.match(r"// \S", path.read_text())]
    assert not wrong, "\n".join(wrong)


def test_files_stay_small():
    long = [f"{path.relative_to(ROOT)}: {lines} lines" for path in sources()
            if (lines := path.read_text().count("\n")) > 500]
    assert not long, "\n".join(long)


def test_a_type_has_a_name_of_its_own():
    """Two types of one name in one namespace are one to the linker, which takes the functions of either."""
    places = {}
    for path in sources():
        if path.suffix != ".h":
            continue
        namespace = ""
        for line in path.read_text().splitlines():
            if opened := re.match(r"namespace ([\w:]+) \{", line):
                namespace = opened.group(1)
            elif made := re.match(r"(?:class|struct)(?: alignas\(\w+\))? (\w+)(?: final)?(?: :.*)? \{", line):
                places.setdefault((namespace, made.group(1)), []).append(str(path.relative_to(ROOT)))
    assert len(places) > 200
    wrong = [f"{name} of {space}: {', '.join(files)}" for (space, name), files in places.items() if len(files) > 1]
    assert not wrong, "\n".join(wrong)
