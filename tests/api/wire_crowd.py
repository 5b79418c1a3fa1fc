"""Many connections at a time, each sending its own pieces as they are: what came back on each, in one loop over a selector."""
import re
import selectors
import socket
import time

STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")


class Wire:
    """One connection. It sends a piece per turn, so that pieces reach the server as reads of their own; then it half-closes, when it has
    heard nothing for a while: a proxy may drop what is still unanswered then."""

    def __init__(self, address, pieces, quiet_s):
        self.quiet_s, self.active = quiet_s, time.monotonic()
        self.pieces, self.answer, self.silent = list(reversed(pieces)), b"", False
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)

    def turn(self, readable):
        """Does what can be done; False when the server has closed."""
        try:
            if readable:
                more = self.socket.recv(65536)
                self.answer += more
                self.active = time.monotonic()
                return more != b""
            if self.pieces:
                self.active = time.monotonic()
                piece = self.pieces.pop()
                sent = self.socket.send(piece)
                if sent < len(piece):
                    self.pieces.append(piece[sent:])
            elif time.monotonic() - self.active >= self.quiet_s:
                self.silent = True
                self.socket.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            if readable:
                return False
            self.silent, self.pieces = True, []  # refused before all was sent: the answer may still be there to read
        except OSError:
            return False
        return True


def answers_of(address, wires, at_a_time=200, patience_s=60, quiet_s=0.0):
    """The answer to each list of pieces, in their order."""
    selector, waiting, open_wires = selectors.DefaultSelector(), list(enumerate(wires)), {}
    answers, deadline = [b""] * len(wires), time.monotonic() + patience_s
    waiting.reverse()
    while waiting or open_wires:
        while waiting and len(open_wires) < at_a_time:
            place, pieces = waiting.pop()
            wire = Wire(address, pieces, quiet_s)
            open_wires[place] = wire
            selector.register(wire.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, place)
        assert time.monotonic() < deadline, f"no end of connections {sorted(open_wires)[:20]}"
        for key, events in selector.select(1):
            wire = open_wires[key.data]
            alive = wire.turn(readable=bool(events & selectors.EVENT_READ))
            if alive and wire.silent:
                selector.modify(wire.socket, selectors.EVENT_READ, key.data)
            if not alive:
                selector.unregister(wire.socket)
                wire.socket.close()
                answers[key.data] = open_wires.pop(key.data).answer
    selector.close()
    return answers


def statuses(answer):
    return " ".join(status.decode() for status in STATUS.findall(answer))
