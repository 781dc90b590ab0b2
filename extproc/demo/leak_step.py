"""The last step of the story: search for secrets in everything that was stored."""

from extproc.demo.canaries import Canary, Search
from extproc.demo.stage import Stage, expect

TABLES = ("entries", "calls", "session_calls", "sessions")
"""The tables and views of evidence, without the intermediate state of ``calls``."""
KNOWN_STORED = "change 4711"
"""Part of the approver's note, which is stored on purpose: a search that misses it proves nothing."""


def no_canary_stored(stage: Stage) -> list[str]:
    """Everything that was stored is searched for the secrets of the story; none is found."""
    for name in ("state", "logs"):
        expect((stage.installation.folder / name).is_dir(), f"a {name} folder", "none")
    stored = _dump_tables(stage)
    control = _search(stage, stored, [Canary("the approver's note", KNOWN_STORED)])
    expect(
        any("clickhouse" in hit.place for hit in control.done.hits),
        f"the note {KNOWN_STORED!r} in ClickHouse",
        "no hit",
    )
    search = _search(stage, stored, stage.canaries)
    hits = [f"{hit.canary} ({hit.spelling}) in {hit.place}" for hit in sorted(search.done.hits)]
    expect(not hits, "no canary anywhere", "; ".join(hits))
    done = search.done
    return [
        f"searched for {len(stage.canaries)} secrets in all spellings (JSON, base64, hex, URL, compressed...)",
        f"none found in {done.places} files and tables ({done.size / 1e6:.1f} MB), ClickHouse's rows included",
        "the same search finds the approver's note, which is stored on purpose",
    ]


def _search(stage: Stage, stored: dict[str, bytes], canaries: list[Canary]) -> Search:
    search = Search(canaries)
    search.folder(stage.installation.state)
    search.folder(stage.installation.logs)
    for table, content in stored.items():
        search.text(content, f"clickhouse {table}")
    return search


def _dump_tables(stage: Stage) -> dict[str, bytes]:
    """Read all rows and columns: ClickHouse compresses its own files, so that a search of them is not enough."""
    dumped = {}
    for name in TABLES:
        done = stage.command("query", f"SELECT * FROM {name}", "--format", "json", "--limit", "10000", show=False)  # noqa: S608 - a constant
        expect(done.returncode == 0, f"rows of {name}", done.stderr)
        expect(not done.stderr, f"all rows of {name}", done.stderr)
        dumped[name] = done.stdout.encode()
    return dumped
