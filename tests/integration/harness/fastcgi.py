"""A FastCGI client that sends exactly the records it is told to, and one that is as polite as a web server.

Written from FastCGI 1.0 alone; it shares nothing with the server.
"""
import re
import struct

from .owind import connect

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR, DATA, GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE = range(1, 12)
RESPONDER, AUTHORIZER, FILTER = 1, 2, 3
REQUEST_COMPLETE, CANT_MPX_CONN, OVERLOADED, UNKNOWN_ROLE = range(4)
MAX_CONTENT = 65535


def record(kind, request_id, content=b"", padding=None, version=1):
    padding = -len(content) % 8 if padding is None else padding
    return struct.pack(">BBHHBB", version, kind, request_id, len(content), padding, 0) + content + bytes(padding)


def stream(kind, request_id, content, piece=32768):
    """The content in records, then the empty record that ends the stream."""
    pieces = [record(kind, request_id, content[i:i + piece]) for i in range(0, len(content), piece)]
    return b"".join(pieces) + record(kind, request_id)


def begin(request_id, role=RESPONDER, keep=True):
    return record(BEGIN, request_id, struct.pack(">HB5x", role, 1 if keep else 0))


def length(number):
    return bytes([number]) if number < 128 else struct.pack(">I", number | 0x80000000)


def pair(name, value):
    name = name.encode() if isinstance(name, str) else name
    value = value.encode() if isinstance(value, str) else value
    return length(len(name)) + length(len(value)) + name + value


def pairs(parameters):
    items = parameters.items() if isinstance(parameters, dict) else parameters
    return b"".join(pair(name, value) for name, value in items)


def parameters(method="GET", uri="/", body_bytes=None, **more):
    """What a web server sends for one request; `more` adds or replaces (HTTP_X_Y="…")."""
    path, _, query = uri.partition("?")
    found = {
        "REQUEST_METHOD": method, "REQUEST_URI": uri, "QUERY_STRING": query, "DOCUMENT_URI": path, "SCRIPT_NAME": path,
        "SERVER_PROTOCOL": "HTTP/1.1", "REQUEST_SCHEME": "http", "HTTP_HOST": "test.example:8080", "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "40000", "SERVER_ADDR": "127.0.0.1", "SERVER_PORT": "8080", "SERVER_NAME": "test.example",
        "CONTENT_LENGTH": "" if body_bytes is None else str(body_bytes), "CONTENT_TYPE": "",
    }
    found.update(more)
    return found


def request(request_id=1, method="GET", uri="/", body=b"", keep=True, **more):
    """All the bytes of one request."""
    return (begin(request_id, keep=keep) + stream(PARAMS, request_id, pairs(parameters(method, uri, len(body) or None, **more)))
            + stream(STDIN, request_id, body))


class Response:
    """What came back for one request id."""

    def __init__(self):
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.ended = False
        self.stdout_ended = False
        self.application_status = None
        self.protocol_status = None

    @property
    def head(self):
        return bytes(self.stdout).split(b"\r\n\r\n", 1)[0].decode("latin-1")

    @property
    def body(self):
        return bytes(self.stdout).split(b"\r\n\r\n", 1)[1] if b"\r\n\r\n" in self.stdout else b""

    @property
    def status(self):
        found = re.search(r"^Status: (\d{3})", self.head, re.M)
        return int(found[1]) if found else None

    def header(self, name):
        """All values of one header, in order."""
        return [line.split(":", 1)[1].strip() for line in self.head.split("\r\n")
                if line.split(":", 1)[0].lower() == name.lower()]


class Client:
    """One connection. `responses` fills up by request id while `read_record` is called."""

    def __init__(self, endpoint, seconds=30):
        self.socket = connect(endpoint, seconds)
        self.responses = {}
        self.management = []
        self._pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def response(self, request_id=1):
        return self.responses.setdefault(request_id, Response())

    def _read(self, count):
        while len(self._pending) < count:
            piece = self.socket.recv(1 << 20)
            if not piece:
                return None
            self._pending += piece
        found, self._pending = self._pending[:count], self._pending[count:]
        return found

    def read_record(self):
        """(type, id, content) of the next record, also kept in its response; None when the connection was closed. Raises
        ValueError for a record that is no FastCGI 1 record."""
        header = self._read(8)
        if header is None:
            return None
        version, kind, request_id, content_bytes, padding, _ = struct.unpack(">BBHHBB", header)
        if version != 1:
            raise ValueError(f"record of version {version}")
        content = self._read(content_bytes + padding)
        if content is None:
            return None
        content = content[:content_bytes]
        response = self.response(request_id) if request_id else None
        if request_id == 0:
            self.management.append((kind, content))
        elif kind == STDOUT:
            response.stdout += content
            response.stdout_ended |= not content
        elif kind == STDERR:
            response.stderr += content
        elif kind == END:
            response.application_status, response.protocol_status = struct.unpack(">IB3x", content)
            response.ended = True
        return kind, request_id, content

    def wait(self, request_id=1):
        """Reads until that request has ended."""
        while not self.response(request_id).ended:
            if self.read_record() is None:
                raise ConnectionError(f"closed before the end of request {request_id}")
        return self.responses.pop(request_id)

    def ask(self, request_id=1, **request_of):
        self.send(request(request_id, **request_of))
        return self.wait(request_id)

    def is_closed_by_peer(self):
        """Reads what is left; true when the server closes or resets the connection, false at the time limit."""
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


def ask(endpoint, **request_of):
    """One request over a connection of its own."""
    with Client(endpoint) as client:
        return client.ask(**request_of)
