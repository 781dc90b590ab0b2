"""The ledger as the table of docs/reference/opa-envoy-plugin.md."""

from pathlib import Path

from tests.opa_envoy.comparison import ledger

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "opa-envoy-plugin.md"
BEGIN, END = (
    "<!-- made by `python -m tests.opa_envoy ledger` from tests/opa_envoy/ledger.yaml -->\n",
    "<!-- end -->\n",
)
HEAD = "| | opa-envoy-plugin | extproc | reason |\n| --- | --- | --- | --- |\n"


def table() -> str:
    """The table, as Markdown."""
    rows = (f"| {each.name} | {each.plugin} | {each.guard} | {each.reason} |\n" for each in ledger())
    return HEAD + "".join(rows)


def with_table(page: str) -> str:
    """The page with the table in its place."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


def write() -> None:
    """Write the table into the page."""
    PAGE.write_text(with_table(PAGE.read_text()))
