"""A TLS client over memory: what goes over the wire, and in which pieces, is the test's to say."""
import socket
import ssl


def context(authority, client=None, **members):
    """A client's context that believes `authority`; `client` is (certificate, key). Members are set, e.g. minimum_version."""
    made = ssl.create_default_context(cafile=str(authority.certificate))
    if client:
        made.load_cert_chain(*map(str, client))
    for name, value in members.items():
        setattr(made, name, value)
    return made


class TlsClient:
    """One connection; `slicer(bytes)` gives the pieces in which bytes are sent."""

    def __init__(self, port, tls, session=None, slicer=None, shake=True):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.slicer = slicer or (lambda data: [data])
        self.arrived, self.leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = tls.wrap_bio(self.arrived, self.leaving, server_hostname="localhost", session=session)
        if shake:
            self._until_done(self.tls.do_handshake)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def push(self):
        """Sends what TLS has to say."""
        for piece in self.slicer(self.leaving.read()):
            self.socket.sendall(piece)

    def pull(self):
        """Takes in what has come; False at the end of the stream."""
        data = self.socket.recv(65536)
        self.arrived.write(data) if data else self.arrived.write_eof()
        return bool(data)

    def _until_done(self, step):
        while True:
            try:
                done = step()
                self.push()
                return done
            except ssl.SSLWantReadError:
                self.push()
                self.pull()
            except ssl.SSLError:
                try:
                    self.push()
                except OSError:
                    pass  # the server has left already
                raise

    def send(self, data, record=None):
        """In records of the sizes that `record()` gives; whole without it."""
        while data:
            size = record() if record else len(data)
            self.tls.write(data[:size])
            data = data[size:]
        self.push()

    def read(self):
        """Some plain text; b"" once the server has said close_notify."""
        try:
            return self._until_done(lambda: self.tls.read(65536))
        except ssl.SSLZeroReturnError:
            return b""

    def reply(self):
        """(status, head, body) of the next answer."""
        while b"\r\n\r\n" not in self.rest:
            self.more()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
        while len(self.rest) < length:
            self.more()
        body, self.rest = self.rest[:length], self.rest[length:]
        return int(head.split()[1]), head.decode(), body

    rest = b""

    def more(self):
        data = self.read()
        assert data, "the server has closed"
        self.rest += data
