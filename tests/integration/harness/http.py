"""An HTTP/1.1 client that says whether the response was whole: the difference that most clients hide."""
import select
import socket


class Response:
    def __init__(self, status, reason, headers, body, complete):
        self.status, self.reason, self.headers, self.body, self.complete = status, reason, headers, body, complete

    def header(self, name):
        """All values of one header, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Connection:
    """One request over one connection (Connection: close). `port` is one of this machine, or a pair of address and port."""

    def __init__(self, port, seconds=30):
        self.socket = socket.create_connection(port if isinstance(port, tuple) else ("127.0.0.1", port), timeout=seconds)
        self._pending = b""
        self._method = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send_head(self, method, target, headers=(), version="HTTP/1.1", host="test.example"):
        self._method = method
        lines = [f"{method} {target} {version}"] + ([f"Host: {host}"] if host else []) + ["Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers]
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode("latin-1"))

    def send_chunk(self, data):
        self.socket.sendall(b"%x\r\n%s\r\n" % (len(data), data))

    def send_until_answered(self, data):
        """As browsers do: no more of it once something has come back."""
        rest = memoryview(data)
        self.socket.setblocking(False)
        try:
            while rest and not select.select([self.socket], [], [], 0)[0]:
                if select.select([self.socket], [self.socket], [], 30)[1]:
                    rest = rest[self.socket.send(rest[:65536]):]
        except (BrokenPipeError, ConnectionResetError, BlockingIOError):
            pass
        self.socket.settimeout(30)

    def read_some(self):
        piece = self.socket.recv(1 << 18)
        self._pending += piece
        return bool(piece)

    def read_until(self, mark):
        """Bytes up to and including the mark."""
        while mark not in self._pending:
            if not self.read_some():
                raise ConnectionError(f"closed before {mark!r}; got {self._pending!r}")
        found, self._pending = self._pending.split(mark, 1)
        return found + mark

    def read_head(self):
        lines = self.read_until(b"\r\n\r\n").decode("latin-1").rstrip().split("\r\n")
        _, status, *reason = lines[0].split(" ", 2)
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
        if int(status) == 100:
            return self.read_head()
        return int(status), reason[0] if reason else "", headers

    def _read_exactly(self, count, sink):
        while count:
            if not self._pending and not self.read_some():
                return False
            piece = self._pending[:count]
            self._pending = self._pending[len(piece):]
            count -= len(piece)
            sink(piece)
        return True

    def _read_line(self):
        try:
            return self.read_until(b"\r\n")[:-2]
        except ConnectionError:
            return None

    def read_body(self, status, headers, sink):
        """Hands the body to sink; true when it was whole."""
        named = {name.lower(): value for name, value in headers}
        if self._method == "HEAD" or status in (204, 304):
            return not self.rest()
        if "chunked" in named.get("transfer-encoding", ""):
            while True:
                line = self._read_line()
                if line is None:
                    return False
                size = int(line.split(b";")[0], 16)
                if not self._read_exactly(size, sink) or self._read_line() is None:
                    return False
                if size == 0:
                    return True
        if "content-length" in named:
            return self._read_exactly(int(named["content-length"]), sink)
        sink(self.rest())
        return True

    def rest(self):
        """Everything up to the end of the connection."""
        while self.read_some():
            pass
        found, self._pending = self._pending, b""
        return found

    def read_response(self, sink=None):
        body = bytearray()
        try:
            status, reason, headers = self.read_head()
        except ConnectionResetError:
            raise ConnectionError("reset before the head") from None
        try:
            complete = self.read_body(status, headers, sink or body.extend)
        except ConnectionResetError:
            complete = False
        return Response(status, reason, headers, bytes(body), complete)


def ask(port, method="GET", target="/", headers=(), body=None, seconds=30, sink=None, **head):
    """One request, and its response."""
    with Connection(port, seconds) as connection:
        length = [("Content-Length", str(len(body)))] if body is not None else []
        connection.send_head(method, target, length + list(headers), **head)
        try:
            if body:
                connection.socket.sendall(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # answered early; the response is on its way
        return connection.read_response(sink)
