"""ClickHouse's real engine behind an HTTP interface such as the server's, for tests of the way to a server.

    python clickhouse_http.py FOLDER PORT USER PASSWORD_FILE

It speaks as much of it as ``clickhouse-connect`` asks for: queries with parameters and settings, inserts of blocks, a
user with a password. As on a server, settings belong to one request, and are taken all at once before its query.
"""

import base64
import gzip
import hmac
import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import chdb
import lz4.frame

PROTOCOL = frozenset(
    (
        *("query", "database", "user", "password", "session_id", "client_protocol_version", "compress"),
        *("wait_end_of_query", "query_id", "enable_http_compression", "send_progress_in_http_headers"),
        *("http_headers_progress_interval_ms", "default_format"),
    )
)
"""Parameters of a request that are no settings of its query."""
DECODERS = {None: bytes, "gzip": gzip.decompress, "lz4": lz4.frame.decompress}
CODE = re.compile(r"Code: (\d+)\.")


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if urlsplit(self.path).path == "/ping":
            return self._answer(200, b"Ok.\n")
        return self.do_POST()

    def do_POST(self):
        params = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        body = self._body()
        if not hmac.compare_digest(self.headers.get("Authorization", ""), self.server.authorization):
            return self._answer(403, b"Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)")
        sql, data = params.get("query", "").encode(), body
        if not sql:
            sql, _, data = body.partition(b"FORMAT Native\n") if body.startswith(b"INSERT") else (body, b"", b"")
        sql = sql.decode().strip()
        self.server.requests.append((sql, params))
        try:
            result = self._run(sql, params, data)
        except RuntimeError as error:
            return self._answer(500, str(error).encode())
        return self._answer(200, result)

    def _run(self, sql, params, data):
        settings = {n: v for n, v in params.items() if n not in PROTOCOL and not n.startswith("param_")}
        values = {n.removeprefix("param_"): v for n, v in params.items() if n.startswith("param_")}
        with self.server.lock:
            session = chdb.connect(self.server.folder)
            try:
                if params.get("database"):
                    session.query(f"USE {params['database']}")
                for name in sorted(settings, key=lambda one: one == "readonly"):  # after it none could be set
                    session.query(f"SET {name} = '{settings[name]}'")
                if data:
                    with tempfile.NamedTemporaryFile() as file:
                        Path(file.name).write_bytes(data)
                        head = sql.partition("FORMAT Native")[0]
                        return session.query(f"{head} FROM INFILE '{file.name}' FORMAT Native").bytes()
                return session.query(sql, params.get("default_format", "TabSeparated"), params=values).bytes()
            finally:
                session.close()

    def _body(self):
        return DECODERS[self.headers.get("Content-Encoding")](self._raw_body())

    def _raw_body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status != 200:
            code = CODE.search(body.decode(errors="replace"))
            self.send_header("X-ClickHouse-Exception-Code", code[1] if code else "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class StandIn(ThreadingHTTPServer):
    """Listens on loopback; remembers what it was asked. One query at a time."""

    daemon_threads = True

    def __init__(self, folder, user, password, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.authorization = f"Basic {token}"
        self.folder = str(Path(folder).resolve())
        self.requests = []
        self.lock = threading.Lock()
        self.engine = chdb.connect(self.folder)  # lives as long as any session does

    def server_close(self):
        super().server_close()
        self.engine.close()


if __name__ == "__main__":
    place, number, name, password_file = sys.argv[1:]
    StandIn(place, name, Path(password_file).read_text().strip(), int(number)).serve_forever()
