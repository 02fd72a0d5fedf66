"""A pytest plugin: a skip that tests/allowed_skips.txt does not list fails the run. A test that quietly stops running protects nothing."""

import re
from pathlib import Path

import pytest

LIST = Path(__file__).with_name("allowed_skips.txt")


def read_patterns(text: str) -> list[tuple[str, str]]:
    """The (test id, reason) patterns of the list; ValueError names a line that is not one."""
    patterns = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        test, bar, reason = (part.strip() for part in line.partition("|"))
        if not (test and bar and reason.strip("*")):
            raise ValueError(f"allowed_skips.txt:{number}: not of the form 'test id | reason': {line}")
        patterns.append((test, reason))
    return patterns


def matches(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), text, re.DOTALL) is not None


def allowed(patterns: list[tuple[str, str]], test: str, reason: str) -> bool:
    return any(matches(a, test) and matches(b, reason) for a, b in patterns)


class Skips:
    def __init__(self, patterns: list[tuple[str, str]]) -> None:
        self.patterns = patterns
        self.unlisted: list[tuple[str, str]] = []

    def note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if not report.skipped or hasattr(report, "wasxfail"):
            return
        text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = text.removeprefix("Skipped: ")
        if not allowed(self.patterns, report.nodeid, reason):
            self.unlisted.append((report.nodeid, reason))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.note(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unlisted and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for test, reason in self.unlisted:
            terminalreporter.write_line(f"SKIP NOT LISTED in tests/allowed_skips.txt: {test} | {reason}", red=True)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Skips(read_patterns(LIST.read_text(encoding="utf-8"))), "exos-skips")
