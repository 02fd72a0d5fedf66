"""Exit codes of the server and of the command line: one number, one meaning (docs/cli.md has the table of MEANINGS)."""

from enum import IntEnum


class Exit(IntEnum):
    """What a supervisor may conclude from the number alone."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    LOCKED = 4
    RECOVERY = 5
    PORT = 6
    JOURNAL = 7
    BROKEN = 8
    UNREACHABLE = 9
    SETUP = 10
    SPACE = 11
    SNAPSHOT = 12
    DIFFERS = 13
    ARCHIVE = 14
    RULES = 15
    COPY = 16
    FENCED = 17
    HANGS = 18
    BESIDE = 19


INTERRUPTED = 130  # Ctrl-C on a command other than `serve`
MEANINGS = {
    Exit.OK: "Stopped as asked, or the command did what was asked",
    Exit.FAILED: "The command was carried out and the answer is no (a refusal, a check that failed)",
    Exit.USAGE: "The command line is wrong",
    Exit.CONFIG: "A configuration file is wrong or does not go with this data folder, or others may use a file or folder with secrets; nothing was started",
    Exit.LOCKED: "Another server uses this data folder",
    Exit.RECOVERY: "The data folder cannot be trusted as it is; nothing was changed",
    Exit.PORT: "A port or the admin socket cannot be opened",
    Exit.JOURNAL: "A write or sync of the journal failed: everything acknowledged is safe, nothing after it was",
    Exit.BROKEN: "An invariant is broken: a fault of the program; the journal holds what led to it",
    Exit.UNREACHABLE: "The server does not answer",
    Exit.SETUP: "This machine or installation cannot run it (also: not enough memory for the tables of the configuration)",
    Exit.SPACE: "Not enough room on the disk to start. Nothing was lost: free some and start again",
    Exit.SNAPSHOT: "Stopped cleanly, but the snapshot could not be written. Everything is safe in the journal; the next start replays it",
    Exit.DIFFERS: "The follower gets something else from the same rows than the server. Trading goes on, without further snapshots: keep the folder and report it",
    Exit.RULES: "The data folder is of another version of the rules: exos upgrade carries it over (docs/upgrade.md). Nothing was changed",
    Exit.ARCHIVE: "The archive of the journal cannot be used as it is: missing, of another journal, damaged, full. Trading goes on, and nothing was removed",
    Exit.COPY: "The data folder is a copy of a server's, or restored from a backup: say whether it is a new server (--as-new) or takes the old one's place (--replace)",
    Exit.FENCED: "Two servers would have one identity: the old one still lives, or this one's identity was taken over by another. A running server stops by itself",
    Exit.HANGS: "The server's process runs, but its loop has not turned for some seconds: it hangs (exos top)",
    Exit.BESIDE: "exos webhooks serve or exos mcp could not start: another one serves this folder, its files cannot be used, or its key is refused",
    INTERRUPTED: "Ctrl-C on a command other than `serve`",
}
