"""docs/configuration.md: every key of a configuration file, from the schema (config/reference.py)."""

from config import about, reference
from config.fields import LIVE, LOGON, NEVER, RESTART

WHEN = {LIVE: "live", LOGON: "next logon", RESTART: "restart", NEVER: "never"}


def configuration_page() -> str:
    """The page as text."""
    out = [
        "# Configuration files",
        "",
        "A configuration file is TOML. `exos init DIR` makes one to begin with; `exos config check FILE` reads it, `exos config plan FILE` shows what it would",
        "change on the running server, `exos config apply FILE` changes it, completely or not at all. What a file does not name stays as it is.",
        "`exos config schema` prints a JSON Schema of it for editors.",
        "",
        'Amounts are decimal numbers in quotes: `"0.62"`; whole ones need no quotes. Durations are a number with ns, us, ms, s, m, h or d: `"72h"`.',
        "An error names file, line and key: `venue.toml:12: market[0].winners: ...`. A file with a secret must be accessible to its owner only (mode 0600).",
        "",
        "## Plans and revisions",
        "",
        "`exos config plan FILE -o PLAN` shows what would be done and keeps it as a plan: `+` is added, `~` changed, with the values, when they take effect and what",
        "becomes of resting orders. Only what the file names is shown. `exos config apply PLAN` does it in one turn, all or nothing. A plan is refused when another",
        "revision runs by now (also after a definition was changed by itself), or when one of its files is another one. `exos config diff FILE`",
        "answers whether what runs is what the file says. A file may use assets, venues and firms that the server has without defining them.",
        "",
        "Every configuration that changes something is a revision: a number, who, when, `--why`, and what it changed, in the journal. `exos config history` lists them,",
        "`exos config show N` shows one, `exos config rollback N` gives everything that later revisions changed the values of revision N, as a new revision. What was",
        "created since then stays, and so do deposits, secrets that were replaced, and a title where there was none: a rollback names what it cannot undo and is",
        "refused, or with `--partial` undoes the rest. It waits for a second person where the list of approvals says so. What a revision changed is kept for the newest",
        "32. A definition that is changed by itself (`exos market change`, `exos admin`) is a revision too; one that is new is none. A venue's operator sees the revisions",
        "that changed something of the venue. `exos config export VENUE` writes a venue as it runs, its series, rules, quotas and tags with it, as a file that changes nothing. Acts that wait in the schedule are named in its comments.",
        "",
        "A definition that a file no longer names stays. `[[remove]]` ends one for good; with `--prune` those end that this file made and no longer names, never",
        "another file's. What must be true first: an account is empty; a firm's accounts are closed; a market has no open orders, no positions and no listing at",
        "another venue; no open orders came through a listing. Until then the whole file is refused. What has ended stays in the history; a removed market is seen by",
        "nobody, its name and symbols are not used again. A listing or a rule may be made again. A rollback gives rules and tags back, nothing else that ended. Settings of",
        "`[server]` that are applied to a running server are kept for its next start.",
        "",
        "## Keys",
        "",
        "*Change* says when a changed value takes effect on a server that has the thing already: **live** at once; at the **next logon** of the session; at the next",
        "**restart** of the server; **never**: it is fixed when the thing is created, and a change is refused.",
        "",
        "This page is generated from `config/schema.py` and the records by `python -m scripts.make_docs`.",
    ]
    for path, kind in reference.tables():
        title = "The file" if not path else f"`[[{path}]]`" if reference.is_list(path) else f"`[{path}]`"
        out += ["", f"## {title}", "", about.TABLES[path], ""]
        found = reference.rows(path, kind)
        if not found:
            continue
        out += ["| key | type | default | bounds | change | |", "|---|---|---|---|---|---|"]
        out += [_line(row) for row in found]
    return "\n".join(out) + "\n"


def _line(row: reference.Row) -> str:
    default = "required" if row.required else _shown(row.default)
    unit = f" ({row.unit})" if row.unit and not row.unit.startswith("duration") else ""
    return f"| `{row.key}` | {row.type} | {default} | {row.bounds} | {WHEN[row.change]} | {row.about}{unit} |"


def _shown(value: object) -> str:
    if value is None or value == {}:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return ", ".join(f"`{one}`" for one in value) or "none"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"
