"""Exit codes of the server and of the command line: one number, one meaning (docs/cli.md has the table)."""

from enum import IntEnum


class Exit(IntEnum):
    """What a supervisor may conclude from the number alone."""

    OK = 0  # stopped as asked, or the command did what was asked
    FAILED = 1  # the command was carried out and the answer is no (a refusal, a check that failed)
    USAGE = 2  # the command line is wrong
    CONFIG = 3  # a configuration file is wrong, or others may use a file or folder with secrets; nothing was started
    LOCKED = 4  # another server uses this data folder
    RECOVERY = 5  # the data folder cannot be trusted as it is; nothing was changed
    PORT = 6  # a port or the admin socket cannot be opened
    JOURNAL = 7  # a write or sync of the journal failed: everything acknowledged is safe, nothing after it was
    BROKEN = 8  # an invariant is broken: a fault of the program; the journal holds what led to it
    UNREACHABLE = 9  # the server does not answer
    SETUP = 10  # this machine or installation cannot run it
    SPACE = 11  # not enough space on the disk to start; nothing was lost: free some and start again
    SNAPSHOT = 12  # stopped cleanly, but without a snapshot: everything is safe in the journal, the next start replays it
