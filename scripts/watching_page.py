"""The table of docs/watching.md, from the table of fields."""

from pathlib import Path

from exchange_server.watch.fields import FIELDS, READER_FIELDS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "watching.md"
BEGIN = "<!-- metrics: made by python -m scripts.make_docs from exchange_server/watch/fields.py -->"
END = "<!-- end of metrics -->"


def table() -> str:
    rows = ["| metric | kind | label | meaning |", "|---|---|---|---|"]
    for field in (*FIELDS, *READER_FIELDS):
        rows.append(f"| `{field.metric}` | {field.kind} | {field.label or ''} | {field.help} |")
    return "\n".join(rows)


def watching_page() -> str:
    """docs/watching.md as text: the prose is kept, the table made anew."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"
