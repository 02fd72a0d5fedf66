"""`exos completion bash|zsh|fish`: the script that completes commands, options, their words, and names that a running server knows."""

import click

from .command import verb
from .common import OneOf
from .output import Result, say

SHELLS = ("bash", "zsh", "fish")


@verb(
    "completion",
    "print the script that completes commands in bash, zsh or fish",
    details='bash: eval "$(exos completion bash)" in ~/.bashrc. zsh: the same with zsh in ~/.zshrc. fish: exos completion fish > '
    "~/.config/fish/completions/exos.fish.",
    examples=("exos completion bash", "exos completion zsh", "exos completion fish"),
)
@click.argument("shell", type=OneOf(SHELLS))
def completion(shell: str) -> Result:
    from click.shell_completion import get_completion_class

    from .main import root

    kind = get_completion_class(shell)
    assert kind is not None, "click knows these shells"
    script = kind(root, {}, "exos", "_EXOS_COMPLETE")
    text = script.source_template % script.source_vars()
    say(text.strip("\n"))
    return Result({"shell": shell, "script": text})
