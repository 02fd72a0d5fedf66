"""`config` and `protocol` are names that other distributions use too: at start, make sure that ours were imported."""

import importlib

NAME = "exos"
PACKAGES = ("exchange_server", "protocol", "config")


class ForeignPackage(ImportError):
    """A package with one of our names is not ours, or is missing. The text is one sentence for the operator."""


def check(packages: tuple[str, ...] = PACKAGES) -> None:
    """Import each of `packages` and compare its DISTRIBUTION marker; raise ForeignPackage at the first that differs."""
    for name in packages:
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise ForeignPackage(f"The package '{name}' of {NAME} cannot be imported ({error}): install {NAME} again.") from error
        if getattr(module, "DISTRIBUTION", None) != NAME:
            place = getattr(module, "__file__", None) or "an unknown place"
            raise ForeignPackage(
                f"The package '{name}' was imported from {place}, which is not {NAME}'s: "
                f"uninstall the distribution that brought it, or start through the 'exos' command of {NAME}'s own environment."
            )
