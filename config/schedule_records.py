# tidy: allow test-file because tests/config/test_admin_records.py tests all records together
"""Records of acts in time: what is scheduled, cancelled, and carried out when it is due."""

from .change_records import DefineListing, Restrict, SetBands, SetPhase, SetReference
from .kinds import Line, Name, Positive, Record
from .market import DefineMarket

Schedulable = SetPhase | SetBands | DefineMarket | DefineListing | SetReference | Restrict


class Schedule(Record, tag="schedule", frozen=True, kw_only=True):
    """An act that is carried out at a time, in the name of who scheduled it, whose rights are judged again then. Of a definition that exists only
    what differs now is changed then. The answer has its number."""

    at_ns: Positive
    act: Schedulable
    note: Line = ""


class CancelSchedule(Record, tag="schedule_cancel", frozen=True, kw_only=True):
    """Takes a scheduled act back before its time."""

    id: Positive
    note: Line = ""


class RunDue(Record, tag="run_due", frozen=True, kw_only=True):
    """Carries out a scheduled act whose time has come. The server journals it by itself. An act that is refused then is marked as failed."""

    id: Positive


class MarkOverdue(Record, tag="overdue", frozen=True, kw_only=True):
    """A market has no result although it should have one by now. The server journals it by itself, at the market's `determine_by`."""

    event: Name
