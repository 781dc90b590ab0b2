"""A ClickHouse server for tests: its HTTP interface in front of the embedded engine.

What it checks is that our client says over HTTP what it must: names, password, settings, tokens. It takes a
request's settings as a real server does: all at once, before the query.
"""

import base64
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


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.do_POST()

    def do_POST(self):
        params = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        body = self._body()
        if self.headers.get("Authorization") != self.server.authorization:
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
            db = chdb.connect(self.server.folder)
            try:
                for name in sorted(settings, key=lambda one: one == "readonly"):
                    db.query(f"SET {name} = '{settings[name]}'")
                if params.get("database"):
                    db.query(f"USE {params['database']}")
                if data:
                    with tempfile.NamedTemporaryFile() as file:
                        Path(file.name).write_bytes(data)
                        head = sql.partition("FORMAT Native")[0]
                        return db.query(f"{head} FROM INFILE '{file.name}' FORMAT Native").bytes()
                return db.query(sql, params.get("default_format", "TabSeparated"), params=values).bytes()
            finally:
                db.close()

    def _body(self):
        encodings = {"lz4": lz4.frame.decompress, None: bytes}
        return encodings[self.headers.get("Content-Encoding")](self._raw_body())

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
            self.send_header("X-ClickHouse-Exception-Code", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class StandIn(ThreadingHTTPServer):
    """Listens on loopback; remembers what it was asked."""

    daemon_threads = True

    def __init__(self, folder, user, password):
        super().__init__(("127.0.0.1", 0), Handler)
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.authorization = f"Basic {token}"
        self.folder = str(folder.resolve())
        self.requests = []
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()
