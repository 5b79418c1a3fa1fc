"""A WebSocket client that sends whatever bytes a test wants, and reads frames strictly (RFC 6455 section 5.2)."""
import base64
import hashlib
import os
import socket
import struct
from types import SimpleNamespace

import harness

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PATH = "/events/stream"
KEY = bytes.fromhex("37fa213d")


def masked(payload, key):
    whole = key * (len(payload) // 4 + 1)
    return (int.from_bytes(payload, "big") ^ int.from_bytes(whole[:len(payload)], "big")).to_bytes(len(payload), "big")


def frame(opcode, payload=b"", fin=True, rsv=0, key=KEY, length_bytes=None, announced=None, mask=True):
    """One frame; `length_bytes` (0, 2 or 8) and `announced` say a length otherwise than they should."""
    payload = payload.encode() if isinstance(payload, str) else payload
    length = len(payload) if announced is None else announced
    if length_bytes is None:
        length_bytes = 0 if length < 126 else 2 if length < 65536 else 8
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    bit = 0x80 if mask else 0
    head = {0: lambda: bytes([first, bit | length]), 2: lambda: bytes([first, bit | 126]) + struct.pack("!H", length),
            8: lambda: bytes([first, bit | 127]) + struct.pack("!Q", length)}[length_bytes]()
    return head + (key + masked(payload, key) if mask else payload)


def close_payload(code=None, reason=b""):
    return b"" if code is None else struct.pack("!H", code) + (reason.encode() if isinstance(reason, str) else reason)


def close_frame(code=None, reason=b""):
    return frame(CLOSE, close_payload(code, reason))


class Wire:
    """One connection."""

    def __init__(self, url, timeout=20, receive_buffer=None):
        self.port = int(url.rsplit(":", 1)[1])
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.ended = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """False where the server has gone."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def more(self):
        try:
            got = self.socket.recv(1 << 16)
        except ConnectionResetError:
            got = b""
        self.ended = not got
        self.received += got
        return bool(got)

    def take(self, count):
        """`count` bytes, or fewer where the server ends."""
        while len(self.received) < count and self.more():
            pass
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    def handshake(self, path=PATH, headers=(), without=(), key=None, method="GET", version="1.1", admin_key=harness.ADMIN_KEY):
        """Sends a handshake, changed as told; (status, headers)."""
        self.key = key or base64.b64encode(os.urandom(16)).decode()
        lines = [("Host", f"127.0.0.1:{self.port}"), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
                 ("Sec-WebSocket-Key", self.key), ("Sec-WebSocket-Version", "13")]
        lines += [("X-API-Key", admin_key)] if admin_key else []
        lines = [line for line in lines if line[0] not in without] + list(headers)
        text = f"{method} {path} HTTP/{version}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines) + "\r\n"
        self.send(text.encode())
        return self.head()

    def head(self):
        while b"\r\n\r\n" not in self.received and self.more():
            pass
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return (int(first.split(" ")[1]) if first else 0), fields

    def open(self, **rest):
        status, fields = self.handshake(**rest)
        assert status == 101, (status, fields, self.received)
        wanted = base64.b64encode(hashlib.sha1(self.key.encode() + SUFFIX).digest()).decode()
        assert fields["sec-websocket-accept"] == wanted
        assert fields["upgrade"].lower() == "websocket" and "upgrade" in fields["connection"].lower()
        assert "sec-websocket-extensions" not in fields and "content-length" not in fields
        return self

    def next(self):
        """(opcode, payload) of the next frame, or None at the end. What a server must not send is an error."""
        head = self.take(2)
        if not head:
            return None
        assert len(head) == 2, "the server ended within a frame"
        fin, rsv, opcode = head[0] >> 7, head[0] >> 4 & 7, head[0] & 15
        assert fin == 1 and rsv == 0 and opcode in (TEXT, CLOSE, PING, PONG), head
        assert head[1] >> 7 == 0, "a server's frame is masked"
        length = head[1] & 127
        if length == 126:
            length = struct.unpack("!H", self.take(2))[0]
            assert length > 125, "not the shortest form"
        elif length == 127:
            length = struct.unpack("!Q", self.take(8))[0]
            assert length > 65535, "not the shortest form"
        assert opcode < 8 or length <= 125
        payload = self.take(length)
        assert len(payload) == length, "the server ended within a frame"
        return opcode, payload.decode() if opcode == TEXT else payload

    def next_text(self):
        while True:
            opcode, payload = self.next()
            if opcode == TEXT:
                return payload
            assert opcode in (PING, PONG), (opcode, payload)

    def all(self):
        """Everything until the end: texts and pongs, each in order, and what the close frame says."""
        seen = SimpleNamespace(texts=[], pongs=[], close=None, reason=b"")
        while (one := self.next()) is not None:
            assert seen.close is None, "a frame behind the close frame"
            opcode, payload = one
            if opcode == TEXT:
                seen.texts.append(payload)
            elif opcode == PONG:
                seen.pongs.append(payload)
            elif opcode == CLOSE:
                assert len(payload) != 1
                seen.close = struct.unpack("!H", payload[:2])[0] if payload else 1005
                seen.reason = payload[2:]
        return seen


def record(exchanges, port, path=PATH):
    """A handshake that became a socket, for the check of exchanges against the documents."""
    reply = SimpleNamespace(status_code=101, headers={}, text="", json=lambda: None)
    exchanges.add("WS", path, port, reply)
