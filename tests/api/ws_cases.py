"""The cases of the WebSocket runner, after the clauses of RFC 6455: what a client sends, and what it must get.

A message is a question with an id that the server can answer at once: {"id": ..., "unsubscribe": true} is refused with the
same id. So an answer shows that the message arrived whole, and which it was."""
import json
import random
from dataclasses import dataclass, field

from ws_wire import BINARY, CLOSE, CONT, PING, PONG, TEXT, close_frame, close_payload, frame

MESSAGE_MAX = 4 * 1024 * 1024
FRAMES_MAX = 16 * 1024
NORMAL, PROTOCOL, TEXT_BROKEN, POLICY, TOO_BIG = 1000, 1002, 1007, 1008, 1009


@dataclass
class Case:
    name: str
    sent: bytes                                # behind the handshake
    ids: list = field(default_factory=list)    # of the answers, in order; None: an answer without an id
    pongs: list = field(default_factory=list)  # their payloads, in order
    close: int = None                          # the code that the server fails or answers with; None: it lives on
    slow: bool = False                         # too long to be sent byte by byte
    peer: object = ...                         # what wsproto closes with where that differs; None: a limit of ours


def ask(id, bytes_in_all=0):
    """A question of at least so many bytes."""
    text = json.dumps({"id": id, "unsubscribe": True}, ensure_ascii=False)
    room = bytes_in_all - len(text.encode())
    return (text if room <= 0 else text + " " * room).encode()


def cut(payload, *places):
    """The payload in parts."""
    edges = [0, *places, len(payload)]
    return [payload[a:b] for a, b in zip(edges, edges[1:])]


def fragments(parts, opcode=TEXT, between=b""):
    frames = [frame(opcode if i == 0 else CONT, part, fin=i == len(parts) - 1) for i, part in enumerate(parts)]
    return between.join(frames)


def lengths():
    """5.2: the three forms of a length, and their edges."""
    for size in (34, 60, 124, 125, 126, 127, 128, 255, 256, 4096, 65534, 65535, 65536, 65537, 131072, 1 << 20):
        yield Case(f"text of {size} bytes", frame(TEXT, ask("n", size)), ["n"], slow=size > 300)
        yield Case(f"binary of {size} bytes", frame(BINARY, b"\n" * size), [None], slow=size > 300)
    yield Case("empty text", frame(TEXT), [None])
    yield Case("empty binary", frame(BINARY), [None])
    yield Case("the longest message", frame(TEXT, ask("n", MESSAGE_MAX)), ["n"], slow=True)
    yield Case("a byte too long", frame(TEXT, b"", announced=MESSAGE_MAX + 1), close=TOO_BIG, peer=None)
    yield Case("much too long, only announced", frame(TEXT, b"", announced=1 << 40), close=TOO_BIG, peer=None)
    for announced in (0, 1, 60, 125):
        yield Case(f"{announced} in 16 bits", frame(TEXT, b" " * announced, length_bytes=2), close=PROTOCOL)
    for announced in (0, 1, 125, 126, 127, 60000, 65535):
        yield Case(f"{announced} in 64 bits", frame(TEXT, b" " * announced, length_bytes=8), close=PROTOCOL, slow=announced > 300)
    for announced in (1 << 63, (1 << 64) - 1, (1 << 63) + 5):
        yield Case(f"the highest bit of the length: {announced:x}", frame(TEXT, b"", announced=announced), close=PROTOCOL)


def reserved():
    """5.2: reserved bits and opcodes; nothing was negotiated."""
    for rsv in range(1, 8):
        for opcode, name in ((TEXT, "text"), (BINARY, "binary"), (PING, "ping"), (PONG, "pong"), (CLOSE, "close")):
            yield Case(f"rsv {rsv} in {name}", frame(opcode, close_payload(NORMAL) if opcode == CLOSE else b"", rsv=rsv), close=PROTOCOL)
        yield Case(f"rsv {rsv} in a continuation", frame(TEXT, b"{", fin=False) + frame(CONT, b"}", rsv=rsv), close=PROTOCOL)
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        for fin in (False, True):
            yield Case(f"opcode {opcode}, fin {fin:d}", frame(opcode, b"x", fin=fin), close=PROTOCOL)
        yield Case(f"opcode {opcode} behind a message", frame(TEXT, ask("a")) + frame(opcode), ["a"], close=PROTOCOL)


def masks():
    """5.1, 5.3: every frame of a client is masked, with any key."""
    for opcode, name in ((CONT, "continuation"), (TEXT, "text"), (BINARY, "binary"), (CLOSE, "close"), (PING, "ping"), (PONG, "pong")):
        yield Case(f"unmasked {name}", frame(opcode, mask=False), close=PROTOCOL)
        yield Case(f"unmasked {name} with bytes", frame(opcode, close_payload(NORMAL), mask=False), close=PROTOCOL)
    for key in ("00000000", "ffffffff", "00000001", "80000000", "7b7d227b", "deadbeef"):
        yield Case(f"key {key}", frame(TEXT, ask("k"), key=bytes.fromhex(key)), ["k"])
        yield Case(f"key {key}, a ping", frame(PING, b"life", key=bytes.fromhex(key)), pongs=[b"life"])
    for size in range(34, 43):
        yield Case(f"key over {size} bytes", frame(TEXT, ask("k", size), key=b"\x01\x02\x04\x08"), ["k"])
    parts = [frame(TEXT if i == 0 else CONT, bytes([b]), fin=i == len(ask("k")) - 1, key=bytes([i, 7 * i & 255, 255 - i, 1]))
             for i, b in enumerate(ask("k"))]
    yield Case("another key for each fragment", b"".join(parts), ["k"])


def control():
    """5.5: control frames are short, whole, and stand anywhere between frames."""
    for size in (0, 1, 4, 124, 125):
        yield Case(f"ping of {size} bytes", frame(PING, b"p" * size), pongs=[b"p" * size])
        yield Case(f"pong of {size} bytes that nobody asked for", frame(PONG, b"p" * size))
    for opcode, name in ((PING, "ping"), (PONG, "pong"), (CLOSE, "close")):
        for size in (126, 127, 65535, 65536):
            yield Case(f"{name} of {size} bytes", frame(opcode, close_payload(NORMAL) + b"x" * (size - 2)), close=PROTOCOL, slow=size > 300)
        yield Case(f"{name} in parts", frame(opcode, b"", fin=False) + frame(CONT), close=PROTOCOL)
        yield Case(f"{name} in 16 bits of length", frame(opcode, b"", length_bytes=2), close=PROTOCOL)
    yield Case("pings are no text", frame(PING, b"\xff\xfe\xc0"), pongs=[b"\xff\xfe\xc0"])
    yield Case("many pings", b"".join(frame(PING, str(i)) for i in range(200)), pongs=[str(i).encode() for i in range(200)], slow=True)
    yield Case("pings between messages", b"".join(frame(PING, str(i)) + frame(TEXT, ask(i)) for i in range(40)),
               list(range(40)), [str(i).encode() for i in range(40)], slow=True)
    yield Case("a ping, then an error", frame(PING, b"a") + frame(PING, b"b", rsv=1), pongs=[b"a"], close=PROTOCOL)


def fragmentation():
    """5.4: a message in frames."""
    text = ask("f")
    for place in range(len(text) + 1):
        yield Case(f"two frames, cut at {place}", fragments(cut(text, place)), ["f"])
    yield Case("a frame for each byte", fragments([bytes([b]) for b in text]), ["f"])
    yield Case("empty frames before", fragments([b"", b"", text]), ["f"])
    yield Case("empty frames behind", fragments([text, b"", b""]), ["f"])
    yield Case("empty frames between", fragments([text[:9], b"", b"", text[9:], b""]), ["f"])
    yield Case("only empty frames", fragments([b"", b"", b""]), [None])
    yield Case("pings between the frames", fragments(cut(text, 3, 9), between=frame(PING, b"x")), ["f"], [b"x", b"x"])
    yield Case("pongs between the frames", fragments(cut(text, 3, 9), between=frame(PONG)), ["f"])
    yield Case("a close between the frames", frame(TEXT, b"{", fin=False) + close_frame(1001), close=1001)
    yield Case("binary in frames", fragments([b"\n", b"\n", b"\n"], BINARY), [None])
    yield Case("two messages in frames", fragments(cut(text, 5)) + fragments(cut(ask("g"), 7)), ["f", "g"])
    yield Case("large frames", fragments(cut(ask("f", 300000), 100000, 200000)), ["f"], slow=True)
    for fin in (False, True):
        yield Case(f"nothing to continue, fin {fin:d}", frame(CONT, b"x", fin=fin), close=PROTOCOL)
        yield Case(f"nothing more to continue, fin {fin:d}", frame(TEXT, text) + frame(CONT, b"x", fin=fin), ["f"], close=PROTOCOL)
        yield Case(f"nothing more to continue behind frames, fin {fin:d}", fragments(cut(text, 4)) + frame(CONT, b"x", fin=fin), ["f"],
                   close=PROTOCOL)
        for inner, name in ((TEXT, "text"), (BINARY, "binary")):
            yield Case(f"{name} inside text, fin {fin:d}", frame(TEXT, b"{", fin=False) + frame(inner, b"}", fin=fin), close=PROTOCOL)
            yield Case(f"{name} inside binary, fin {fin:d}", frame(BINARY, b"{", fin=False) + frame(inner, b"}", fin=fin), close=PROTOCOL)
    half = ask("f", MESSAGE_MAX)[:MESSAGE_MAX // 2]
    yield Case("the longest message in frames", fragments(cut(ask("f", MESSAGE_MAX), len(half))), ["f"], slow=True)
    yield Case("too long in frames", frame(TEXT, half, fin=False) + frame(CONT, half, fin=False) + frame(CONT, b" ", fin=False),
               close=TOO_BIG, slow=True, peer=None)
    yield Case("as many frames as may be", fragments([b""] * (FRAMES_MAX - 1) + [text]), ["f"], slow=True)
    yield Case("a frame too many", fragments([b""] * FRAMES_MAX + [text]), close=POLICY, slow=True, peer=None)


GOOD_TEXTS = ["", "\u00e4", "\u07ff", "\u0080", "\u0800", "\uffff", "\ud7ff", "\ue000", "\U00010000", "\U0010ffff", "\ufeff", "\ufffe",
              "\u20ac\u20ac", "a\u0300", "\U0001f6d2", "\u4e2d\u6587", "\u043f\u0440\u0438", "\x7f", "\U0001f469\u200d\U0001f4bb", "\u2028"]
BAD_TEXTS = {
    "a tail alone": "80", "the last tail alone": "bf", "two tails": "80bf", "c0": "c080", "c1": "c1bf", "overlong slash": "c0af",
    "overlong of three": "e08080", "the last overlong of three": "e09fbf", "overlong of four": "f0808080",
    "the last overlong of four": "f08fbfbf", "a high surrogate": "eda080", "the last high surrogate": "edafbf",
    "a low surrogate": "edb080", "the last low surrogate": "edbfbf", "a pair of surrogates": "eda081edb080",
    "above the last": "f4908080", "f5": "f5808080", "f8": "f888808080", "fc": "fc8480808080", "fe": "fe", "ff": "ff",
    "two bytes cut": "c3", "three bytes cut after one": "e2", "three bytes cut after two": "e282", "four bytes cut after one": "f0",
    "four bytes cut after two": "f09f", "four bytes cut after three": "f09f9b", "a second byte missing": "c341",
    "a third byte missing": "e28241", "a fourth byte missing": "f09f9b41", "two sequences, the first cut": "e282e282ac",
}


def texts():
    """8.1: text is UTF-8, at once; a character may be cut by frames."""
    for text in GOOD_TEXTS:
        payload = ask("u" + text)
        name = text.encode("unicode_escape").decode() or "nothing"
        yield Case(f"text with {name}", frame(TEXT, payload), ["u" + text])
        yield Case(f"text with {name}, byte by byte in frames", fragments([bytes([b]) for b in payload]), ["u" + text])
    for name, digits in BAD_TEXTS.items():
        bad = b"{\"" + bytes.fromhex(digits)
        yield Case(f"broken text: {name}", frame(TEXT, bad), close=TEXT_BROKEN)
        yield Case(f"broken text in the middle: {name}", frame(TEXT, bad + b"\"}" + b" " * 70), close=TEXT_BROKEN)
        yield Case(f"broken text in frames: {name}", fragments([bytes([b]) for b in bad]), close=TEXT_BROKEN)
    for name in ("c0", "ff", "f5", "a high surrogate", "a tail alone", "a second byte missing"):
        bad = b"{" + bytes.fromhex(BAD_TEXTS[name])
        yield Case(f"broken text is not waited for: {name}", frame(TEXT, bad, fin=False), close=TEXT_BROKEN)
        whole = frame(TEXT, bad + b" " * 9000)
        yield Case(f"broken text in a frame that goes on: {name}", whole[:100], close=TEXT_BROKEN)
    yield Case("the bytes of a binary message are free", frame(BINARY, b"\xff\xfe\n\xc0"), [None])
    yield Case("a good message, then a broken one", frame(TEXT, ask("a")) + frame(TEXT, b"\xff"), ["a"], close=TEXT_BROKEN)


def closes():
    """5.5.1, 7.4: codes and reasons."""
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3001, 3999, 4000, 4999):
        # 1014 was registered after wsproto 1.2.
        yield Case(f"close {code}", close_frame(code), close=code, peer=PROTOCOL if code == 1014 else ...)
    for code in (0, 1, 500, 999, 1004, 1005, 1006, 1015):
        yield Case(f"close {code}", close_frame(code), close=PROTOCOL)
    for code in (1016, 1100, 2000, 2999, 5000, 10000, 65535):
        yield Case(f"close {code}", close_frame(code), close=PROTOCOL)
    yield Case("close without a code", close_frame(), close=1005)
    yield Case("close with half a code", frame(CLOSE, b"\x03"), close=PROTOCOL)
    yield Case("close with a reason", close_frame(1000, "good bye"), close=1000)
    yield Case("close with the longest reason", close_frame(1000, "r" * 123), close=1000)
    yield Case("close with a reason of all widths", close_frame(4000, "a\u00e4\u20ac\U0001f6d2"), close=4000)
    for name in ("a tail alone", "c0", "a high surrogate", "above the last", "three bytes cut after two"):
        yield Case(f"close with a broken reason: {name}", close_frame(1000, bytes.fromhex(BAD_TEXTS[name])), close=TEXT_BROKEN)
    yield Case("nothing behind a close is answered", close_frame(1000) + frame(TEXT, ask("late")) + frame(PING, b"late"), close=1000)
    yield Case("nothing behind a close is judged", close_frame(1000) + frame(7, b"x", rsv=7), close=1000)
    yield Case("a close behind a close", close_frame(1001) + close_frame(4000), close=1001)
    yield Case("messages before a close are answered", b"".join(frame(TEXT, ask(i)) for i in range(20)) + close_frame(1000),
               list(range(20)), close=1000, slow=True)
    yield Case("nothing behind an error is answered", frame(TEXT, b"{", rsv=4) + frame(TEXT, ask("late")), close=PROTOCOL)


def mixed():
    """Random but lawful streams: messages in any number of frames, control frames between them."""
    dice = random.Random(6455)
    for number in range(40):
        sent, ids, pongs = b"", [], []
        for at in range(dice.randrange(1, 8)):
            text = ask(f"{number}-{at}-" + dice.choice(GOOD_TEXTS), dice.choice((0, 50, 130, 200)))
            places = sorted(dice.randrange(len(text) + 1) for _ in range(dice.choice((0, 0, 1, 2, 5))))
            parts = cut(text, *places)
            for i, part in enumerate(parts):
                sent += frame(TEXT if i == 0 else CONT, part, fin=i == len(parts) - 1, key=dice.randbytes(4))
                if dice.random() < 0.3:
                    pongs.append(dice.randbytes(dice.randrange(126)))
                    sent += frame(PING, pongs[-1], key=dice.randbytes(4))
            ids.append(json.loads(text)["id"])
        yield Case(f"mixed {number}", sent, ids, pongs)


CASES = [case for section in (lengths, reserved, masks, control, fragmentation, texts, closes, mixed) for case in section()]
