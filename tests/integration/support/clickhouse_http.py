"""ClickHouse's real engine behind a small HTTP door, for tests of the way to a server.

    python clickhouse_http.py FOLDER PORT USER PASSWORD_FILE

It speaks as much of ClickHouse's HTTP interface as ``clickhouse-connect`` asks for: queries with parameters and
settings, inserts as blocks, a user with a password. It answers one request at a time.
"""

import base64
import gzip
import hmac
import re
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import clickhouse_connect
import lz4.frame

INSERT = re.compile(rb"\s*INSERT INTO (\S+)\s*\(([^)]*)\)\s+FORMAT (\w+)\s?\n", re.IGNORECASE)
"""How the client begins an insert whose rows follow."""
READS = re.compile(r"\s*(SELECT|WITH|SHOW|DESCRIBE|EXPLAIN|EXISTS)\b", re.IGNORECASE)
FORMATTED = re.compile(r"\bFORMAT\s+\w+\s*;?\s*$", re.IGNORECASE)
OWN = {"query", "database", "query_id", "wait_end_of_query", "enable_http_compression", "session_id"}
"""Parameters of the request that are no settings of the query."""
DECODERS = {"": bytes, "gzip": gzip.decompress, "lz4": lz4.frame.decompress}


class Door(BaseHTTPRequestHandler):
    """One request."""

    engine = None
    expected = ""

    def do_GET(self):
        if urlsplit(self.path).path == "/ping":
            return self._answer(200, b"Ok.\n")
        return self._ask(b"")

    def do_POST(self):
        raw = self._chunks() if self.headers.get("transfer-encoding") else self._whole()
        return self._ask(DECODERS[self.headers.get("content-encoding", "")](raw))

    def _whole(self):
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def _chunks(self):
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _ask(self, body):
        if not hmac.compare_digest(self.headers.get("authorization", ""), self.expected):
            return self._answer(401, b"Code: 516. AUTHENTICATION_FAILED", code="516")
        asked = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        statement = asked.get("query", "").encode() + (b"\n" if asked.get("query") and body else b"") + body
        settings = {
            name: value for name, value in asked.items() if name not in OWN and not name.startswith("param_")
        }
        # A server takes all settings of a request at once; here, none could be set after this one.
        settings |= {"readonly": settings.pop("readonly")} if "readonly" in settings else {}
        try:
            for name, value in asked.items():
                if name.startswith("param_"):
                    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
                    self.engine.command(f"SET {name} = '{quoted}'")
            if "database" in asked:
                self.engine.database = asked["database"]
            return self._answer(200, self._run(statement, settings))
        except Exception as error:  # noqa: BLE001 - the client is told whatever went wrong
            return self._answer(500, str(error).encode(), code="1002")

    def _run(self, statement, settings):
        insert = INSERT.match(statement)
        if insert:
            table, columns, kind = (part.decode() for part in insert.groups())
            names = [name.strip(" `") for name in columns.split(",")]
            self.engine.raw_insert(table, names, statement[insert.end() :], settings=settings, fmt=kind)
            return b""
        text = statement.decode()
        if not READS.match(text):
            self.engine.command(text, settings=settings)
            return b""
        kind = None if FORMATTED.search(text) else "TabSeparated"
        return bytes(self.engine.raw_query(text, settings=settings, fmt=kind))

    def _answer(self, status, body, code=""):
        self.send_response(status)
        if code:
            self.send_header("X-ClickHouse-Exception-Code", code)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Keep quiet."""


def main(folder, port, user, password_file):
    Door.engine = clickhouse_connect.get_client(interface="chdb", path=folder)
    secret = f"{user}:{Path(password_file).read_text().strip()}".encode()
    Door.expected = "Basic " + base64.b64encode(secret).decode()
    HTTPServer(("127.0.0.1", int(port)), Door).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
