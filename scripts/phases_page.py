"""docs/phases.md: what each phase of a market allows, and which may follow it, made from protocol/phases.py. Written by
scripts/make_docs.py."""

from protocol import errors, phases

HEAD = """# Phases

Every market is in one phase. The first table shows what a phase allows, the second which phases may follow it. This page is generated from
`protocol/phases.py` by `python -m scripts.make_docs`; the server uses the same tables.

* **cancel** includes mass cancels, cancel on disconnect, expiry and kill switches. A cancel is never refused because of the phase.
* **rest**: orders stay in the book. When a market changes to a phase that does not allow it, its orders are cancelled and reported.
* **change** gives the market another price grid, or one more outcome ([live-markets.md](live-markets.md), which also says what becomes of resting orders).
* **determine** records the result; in a market that is determined it replaces the result by a new version, with a new window. **finalise** pays it.
* **dispute** contests a version of the result. The arbiter then **upholds** it or **corrects** it. Final stays final: a correction afterwards changes what
  was paid by reversing entries.
* **void** ends a market without a result, and pays by its declared policy.
* **settle** is `exos market settle`: it closes the market if necessary, determines the result and pays, in one step.
* A market starts as {first}. A configuration can also set a new market to {files}.
"""


def phases_page() -> str:
    """docs/phases.md as text."""
    first = phases.names(phases.FIRST)
    out = [HEAD.format(first=first.replace(", ", " or "), files=phases.names(tuple(p for p in phases.IN_FILES if p not in phases.FIRST)))]
    out += [
        "## What a phase allows",
        "",
        f"| phase | {' | '.join(phases.ACTIONS)} | refused with |",
        "|---|" + "---|" * (len(phases.ACTIONS) + 1),
    ]
    for phase in range(phases.COUNT):
        cells = ["yes" if phases.allows(phase, action) else "" for action in phases.ACTIONS]
        refusal = "" if phases.allows(phase, phases.NEW) else f"`{errors.REFUSALS[phases.ORDER_REFUSALS[phase]].name}`"
        out.append(f"| {phases.name(phase)} | {' | '.join(cells)} | {refusal} |")
    out += [
        "",
        "The last column is the reason with which new orders, replaces, splits and merges are refused.",
        "",
        "## What may follow",
        "",
    ]
    out += ["| phase | next | how |", "|---|---|---|"]
    for phase in range(phases.COUNT):
        for new in phases.NEXT[phase]:
            how = (
                f"`exos market phase EVENT {phases.name(new)}`" if phases.may_set(phase, new) else ", ".join(phases.actions_to(phase, new))
            )
            out.append(f"| {phases.name(phase)} | {phases.name(new)} | {how} |")
    unused = [p for p in range(phases.COUNT) if p not in phases.FIRST and not any(p in after for after in phases.NEXT.values())]
    out += ["", f"These phases are not used yet: {phases.names(tuple(unused))}."]
    return "\n".join(out) + "\n"
