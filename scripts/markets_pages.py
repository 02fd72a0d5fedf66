"""docs/templates.md, made from config/templates/*.toml, and docs/market-rules.md, made from config/lint.py. Written by scripts/make_docs.py."""

from config import lint, templates

TEMPLATES = """# Templates of markets

A template makes a market of a few typed fields. This page is generated from `config/templates/*.toml` by `python -m scripts.make_docs`.

In a configuration file a `[[market]]` names its template and gives its fields. Every other key of a market may stand beside them and wins over the
template:

```toml
[[market]]
template = "match_result"
home = "ESP=Spain"
away = "ARG=Argentina"
event = "WC26-FINAL"
kick_off = 2026-07-19T19:00:00Z
source = "FIFA, official match report"
owner_venue = "WC26"
asset = "USD"
close_at = 2026-07-19T22:00:00Z
```

On the command line:

```sh
exos template list
exos template show match_result
exos market create --template match_result home=ESP=Spain away=ARG=Argentina source="FIFA, official match report" --owner-venue WC26 --asset USD
exos market validate venue.toml
```

* **Outcomes** are `CODE` or `CODE=Title`; a list of them in a file is `["ESP=Spain", "ARG=Argentina"]` or, from a table of the data file,
  `{{ table = "teams", code = "{{code}}", title = "{{name}}", where = {{ group = "{{letter}}" }} }}`. On the command line commas separate them.
* **`each = {{ table = "matches" }}`** makes one market for each row of a table of the data file; `{{column}}` in any field or key is the row's value.
* **A refusal** names the template, the field, its bounds and what was asked; nothing is changed.
* The market keeps the name of its template (`made_from`), which `exos market show` shows.

## Templates of one's own

A venue writes them as data: `[[template]]` tables in its configuration, for the markets of that file and of files that include it.

```toml
[[template]]
name = "yes_no"
title = "A question"
parameter = [
    {{ name = "event", type = "name", about = "Name of the event" }},
    {{ name = "question", type = "text", most = 200, about = "The question" }},
    {{ name = "prize", type = "decimal", least = "0.01", most = "100", default = "1.00", about = "What YES pays" }},
]

[template.market]
event = "{{event}}"
title = "{{question}}"
product = "at_most"
winners = 1
payout = "{{prize}}"
price_decimals = 2
max_qty = 1000
max_position = 10_000
fees = {{ model = "quadratic", taker_bps = 100 }}
rules = "YES pays {{prize}} if the answer is yes."
source = "The venue"
contract = [{{ symbol = "{{event}}-YES", outcome = "Yes" }}]
```

`type` is one of {types}. `least` and `most` bound a number, the length of a text or the number of outcomes; `choices` are the words of a `choice`; `below` names a list of
outcomes that must be longer than the number; `default` may use fields before it; `optional` fields may be left out, and with them the keys of the body that are only this
field. In the body `{{field}}` is a field's value, of an outcome its code, `{{field_title}}` its title, `{{field_count}}` how many outcomes a list has. An entry of `contract` with
`each = "FIELD"` is made for each outcome, with `{{code}}` and `{{title}}`; with `when` or `unless = "FIELD"` only if that field was given, or was not.

## Shipped templates
"""

RULES = """# Rules for markets

What is looked at before a market is listed: offline by `exos market validate FILE`, and by the server when it lists one. This page is generated from
`config/lint.py` by `python -m scripts.make_docs`.

An *error* is refused, by the server too. A *warning* refuses nothing: the server carries out the act and tells it in its answer (`warnings`), and `exos config plan`
shows it for markets that are new or change. `exos market validate` ends with exit code 1 if there is an error, with `--strict` also if there is a warning, and with 3 if the file cannot be
read. With `--json` each finding has file, line, path, event, code, level, what, hurts, write.

```sh
exos market validate venue.toml
exos market validate venue.toml --event CUP --strict --json
```

| code | level | what is wrong | why it hurts | how to write it |
|---|---|---|---|---|
"""

AFTER = """
Beyond these, a listing must satisfy the rules of its amounts (tick, lot, price grid, largest quantity and position); `exos market validate` reports the first that it does not as `refused`.
"""


def templates_page() -> str:
    """docs/templates.md as text."""
    kinds = ", ".join(f"`{kind}`" for kind in templates.Kind.__args__)  # type: ignore[attr-defined]
    out = [TEMPLATES.format(types=kinds)]
    for template in templates.shipped().values():
        out += [f"### `{template.name}`: {template.title}", "", template.about, ""]
        out += ["| field | type and bounds | default | what |", "|---|---|---|---|"]
        for parameter in template.parameter:
            default = "required" if parameter.required else "none" if parameter.default is None else f"`{parameter.default}`"
            out.append(f"| `{parameter.name}` | {templates.described(parameter)} | {default} | {parameter.about} |")
        out += ["", f"Rules: {template.market['rules']}" if "rules" in template.market else "A spot pair has no result.", ""]
    return "\n".join(out).rstrip("\n") + "\n"


def rules_page() -> str:
    """docs/market-rules.md as text."""
    rows = [f"| `{rule.code}` | {rule.level} | {rule.wrong} | {rule.hurts} | {rule.write} |\n" for rule in lint.RULES.values()]
    return RULES + "".join(rows) + AFTER
