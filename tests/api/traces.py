"""Looks for a text in every byte of a data directory: files as they are, and everything in them that zstd has packed."""
import ctypes
import ctypes.util

MAGIC = bytes.fromhex("28b52ffd")
FRAME_BYTES_MAX = 16 * 1024 * 1024

ZSTD = ctypes.CDLL(ctypes.util.find_library("zstd"))
ZSTD.ZSTD_findFrameCompressedSize.restype = ctypes.c_size_t
ZSTD.ZSTD_findFrameCompressedSize.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
ZSTD.ZSTD_decompress.restype = ctypes.c_size_t
ZSTD.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
ZSTD.ZSTD_isError.argtypes = [ctypes.c_size_t]


def frames_of(content):
    """Every zstd frame, wherever it begins."""
    at = content.find(MAGIC)
    while at >= 0:
        rest = content[at:at + FRAME_BYTES_MAX]
        size = ZSTD.ZSTD_findFrameCompressedSize(rest, len(rest))
        if not ZSTD.ZSTD_isError(size):
            out = ctypes.create_string_buffer(FRAME_BYTES_MAX)
            got = ZSTD.ZSTD_decompress(out, FRAME_BYTES_MAX, rest[:size], size)
            if not ZSTD.ZSTD_isError(got):
                yield out.raw[:got]
        at = content.find(MAGIC, at + 1)


def traces(directory, text):
    """Files that hold `text`, with how often; packed or not."""
    found, looked_at = {}, 0
    for path in sorted(directory.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        parts = [content, *frames_of(content)]
        looked_at += len(parts) - 1
        if count := sum(part.count(text.encode()) for part in parts):
            found[str(path.relative_to(directory))] = count
    return found, looked_at
