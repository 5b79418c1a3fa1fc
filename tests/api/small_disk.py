"""A small file system of its own, for what happens when it is full: ext4 on a loop device, else tmpfs, else none."""
import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path


def _run(*words):
    return subprocess.run(words, capture_output=True, text=True).returncode == 0


def _mount(kind, where, image, size):
    if kind == "tmpfs":
        return _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(where))
    with open(image, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
    return _run("mkfs.ext4", "-q", "-m", "0", str(image)) and _run("mount", "-o", "loop", str(image), str(where))


@contextmanager
def mounted(folder, size, kind):
    """Where it is mounted."""
    where, image = Path(folder) / "disk", Path(folder) / "disk.ext4"
    where.mkdir()
    assert _mount(kind, where, image, size), f"{kind} could not be mounted"
    try:
        yield where
    finally:
        _run("umount", "-l", str(where))
        image.unlink(missing_ok=True)


def best_kind():
    """What this machine allows: "ext4", "tmpfs" or None."""
    for kind in ("ext4", "tmpfs"):
        with tempfile.TemporaryDirectory() as folder:
            try:
                with mounted(folder, 8 << 20, kind):
                    return kind
            except (AssertionError, OSError):
                continue
    return None


def free_bytes(where):
    space = os.statvfs(where)
    return space.f_bavail * space.f_frsize


class Foreigner:
    """Files of somebody else on the same disk."""

    def __init__(self, where):
        self.path = Path(where) / "foreign"

    def leave(self, left):
        """Takes what is free but for `left` bytes. A file system keeps a little for its own tables."""
        with open(self.path, "ab") as file:
            while (want := free_bytes(file.name) - left) > 0:
                begin = file.seek(0, os.SEEK_END)
                try:
                    os.posix_fallocate(file.fileno(), begin, max(4096, want - want // 50 if want > 1 << 20 else want))
                except OSError:
                    if left == 0:
                        return self._to_the_last_block(file)
                    raise

    def _to_the_last_block(self, file):
        try:
            while True:
                file.write(bytes(4096))
                file.flush()
        except OSError:
            pass

    def go(self):
        self.path.unlink(missing_ok=True)
