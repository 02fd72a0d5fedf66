"""One logged-on client's binary session: requests and their answers, own state, and everything that is reported to it.

A request is answered by the exchange's own answer, or it is not known what became of it: no answer came in time, or the connection was lost. Then
nothing is sent again from here: the client asks for its order by its own id, and sends the same order again if there is none.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from protocol import codes, errors
from protocol import messages as M
from protocol.binary_session import Missing
from protocol.own_state import OwnState, Queries

from .link import GivenProver, KeptProver, Link, LinkEnded, Target, open_link
from .problems import Refusal, refusal, server_down

ANSWER_S = 5.0
PAUSES_S = (0.1, 0.3, 1.0, 3.0)
KNOWN_ORDERS = 10_000  # client ids by order id
FINAL = (  # the logon would be refused again
    codes.R_BAD_CREDENTIALS, codes.R_KEY_REVOKED, codes.R_KEY_EXPIRED, codes.R_KEY_ADDRESS, codes.R_KEY_SCOPE, codes.R_SESSION_CLOSED,
    codes.R_RESUME_UNKNOWN,
)  # fmt: skip
ORDER_ANSWERS = (M.Accepted, M.Rejected, M.OrderStatus)
CHANGE_ANSWERS = (M.Canceled, M.Replaced, M.CancelRejected)
LATER = (M.Fill, M.Canceled, M.Expired, M.Replaced)  # what may follow an answer at once


GONE = (codes.R_REPORTS_EXPIRED, codes.R_REPORTS_LOST)  # reports that will not come any more


class Gone(NamedTuple):
    """Reports that the exchange does not have any more, and why."""

    first: int
    last: int
    reason: int


class Past(NamedTuple):
    """Reports of before, the oldest first, of all up to the number `end`."""

    rows: list[Any]
    end: int
    gone: Gone | None = None


class Waiting:
    """A request without an answer. `reports`: the answer, and what followed it at once."""

    def __init__(self, kinds: tuple[type, ...], message: Any = None) -> None:
        self.kinds = kinds
        self.message = message
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.reports: list[Any] = []


class Trader:
    """on_report is called with every numbered report, on_state when the connection was lost (False) or made (True), on_end when the session cannot be
    logged on any more."""

    def __init__(
        self, login: str, prover: KeptProver | GivenProver, definitions: Mapping[int, M.Definition], log: Callable[..., None]
    ) -> None:
        self.login, self.prover, self.definitions, self._log = login, prover, definitions, log
        self.accounts: dict[str, int] = {}
        self.account_names: dict[int, str] = {}
        self.default_account = 0
        self.session_id = 0
        self.on_report: Callable[[M.Numbered], None] = lambda report: None
        self.on_state: Callable[[bool], None] = lambda up: None
        self.on_end: Callable[[int, str], None] = lambda reason, text: None
        self._link: Link | None = None
        self._next_number = 0
        self._next_id = time.time_ns()
        self._waiting: dict[int, Waiting] = {}
        self._status: dict[int, list[Waiting]] = {}  # by the id that is asked about
        self._following: dict[int, Waiting] = {}  # by order id, until the answer was taken
        self._known: OrderedDict[int, int] = OrderedDict()  # client id by order id
        self._queries = Queries(definitions)
        self._query_waits: dict[int, asyncio.Future[Any]] = {}
        self._past = asyncio.Lock()  # old reports come for one request at a time
        self._short: M.FillsDone | None = None  # why the last answer about fills is not whole
        self._keeper: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def up(self) -> bool:
        return self._link is not None and self._link.up

    async def connect(self, target: Target) -> None:
        """The first logon. Raises LinkEnded. After it the connection is kept up until `close`."""
        await self._open(target)
        self._keeper = asyncio.create_task(self._keep())

    def adopt(self, target: Target, link: Link) -> None:
        """The same with a connection that has logged on already; what it says must come to `take`."""
        self._target = target
        self._opened(link)
        self._keeper = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Log out. Orders stay in the book unless the session cancels on disconnect."""
        self._closing = True
        if self._keeper is not None:
            self._keeper.cancel()
        if self._link is not None:
            await self._link.close()
        self._unanswered("the session was closed")

    def relocate(self, target: Target) -> None:
        """The exchange listens elsewhere now."""
        self._target = target

    async def _open(self, target: Target) -> None:
        self._target = target
        self._opened(await open_link(target, self.login, self.prover, self._next_number, self.take))

    def _opened(self, link: Link) -> None:
        reply = link.logged_on.reply  # type: ignore[union-attr]
        link.session.old = self._queries.old
        self.session_id, self.default_account = reply.session, reply.account
        self.accounts = {name: id for id, name in reply.accounts}
        self.account_names = {id: name for id, name in reply.accounts}
        self._link = link
        self.on_state(True)

    async def _keep(self) -> None:
        """Serve the connection until it ends, and make it again."""
        tries = 0
        while not self._closing:
            if self._link is not None:
                link = self._link
                ended = await asyncio.shield(link.ended)
                self._next_number = link.session.next_number or self._next_number
                self._link, tries = None, 0
                self._unanswered(ended.text)
                self.on_state(False)
                if ended.reason in FINAL or isinstance(self.prover, GivenProver):  # only the client could prove another logon
                    return self.on_end(ended.reason, ended.text)
            await asyncio.sleep(PAUSES_S[min(tries, len(PAUSES_S) - 1)])
            tries += 1
            try:
                await self._open(self._target)
            except LinkEnded as error:
                if error.reason in FINAL:
                    return self.on_end(error.reason, error.text)
        return None

    def _unanswered(self, why: str) -> None:
        """What waits is not answered any more."""
        waits = [*self._waiting.values(), *(one for many in self._status.values() for one in many)]
        self._waiting.clear()
        self._status.clear()
        self._following.clear()
        for wait in waits:
            if not wait.answer.done():
                wait.answer.set_exception(LinkEnded(codes.R_SERVER_DOWN, why))
                wait.answer.exception()  # nobody may be waiting any more
        for future in self._query_waits.values():
            if not future.done():
                future.set_exception(LinkEnded(codes.R_SERVER_DOWN, why))
                future.exception()
        self._query_waits.clear()
        self._queries = Queries(self.definitions)

    # ------------------------------------------------------------------------------------------------------ requests
    def next_id(self) -> int:
        """An id for a request of this process's own making."""
        self._next_id += 1
        return self._next_id

    def account(self, name: str) -> int:
        """The id of an account; "": 0. Raises Refusal, the same for one of another firm and for none."""
        if not name:
            return 0
        if name not in self.accounts:
            raise refusal(codes.R_UNKNOWN_ACCOUNT, f"there is no account {name[:64]} for this session", asked=name[:64])
        return self.accounts[name]

    def account_name(self, id: int) -> str:
        return self.account_names.get(id, str(id))

    async def request(self, message: Any) -> list[Any]:
        """Send a request about orders; the answer and what followed it at once. Raises Refusal when nothing was sent, or when it is not known
        what became of it."""
        if (first := self._waiting.get(message.id)) is not None:
            if first.message != message:
                raise refusal(codes.R_ID_USED, "a request with this id is on its way", status=409)
            return await _answered(first)
        kinds: tuple[type, ...] = CHANGE_ANSWERS
        if isinstance(message, M.NewOrder):
            kinds = ORDER_ANSWERS
        elif isinstance(message, M.MassCancel):
            kinds = (M.MassCancelDone,)
        wait = self._waiting[message.id] = Waiting(kinds, message)
        try:
            return await self._answer(message, wait)
        finally:
            if self._waiting.get(message.id) is wait:
                del self._waiting[message.id]
            for order in [order for order, one in self._following.items() if one is wait]:
                del self._following[order]

    async def status(self, id: int) -> M.OrderStatus:
        """The state of the firm's order with this client id; its status is ST_NONE when there is none. Raises Refusal."""
        wait = Waiting((M.OrderStatus,))
        self._status.setdefault(id, []).append(wait)
        try:
            (found, *_) = await self._answer(M.OrderStatusRequest(id), wait)
        finally:
            if wait in (others := self._status.get(id, [])):
                others.remove(wait)
                if not others:
                    del self._status[id]
        if isinstance(found, M.MessageRefused):
            raise refusal(found.reason, found.text)
        return found

    async def _answer(self, message: Any, wait: Waiting) -> list[Any]:
        link = self._link
        if link is None:
            raise server_down("the session is not logged on at the moment")
        try:
            link.send(message)
        except LinkEnded as error:
            raise server_down(error.text) from None
        return await _answered(wait)

    async def own_state(self, account: str = "", parts: int = 0, instrument: int = 0) -> OwnState:
        """Raises Refusal."""
        return await self._query(M.AccountRequest(self.next_id(), self.account(account), parts, instrument))

    async def fills(self, begin: int, end: int) -> Past:
        """The session's fills among the reports begin..end, which have come before. Raises Refusal."""
        async with self._past:
            self._short = None
            rows = await self._query(M.FillsRequest(self.next_id(), begin, end))
            return _past(rows, begin, end, self._short)

    async def reports(self, begin: int, end: int) -> Past:
        """The reports begin..end again, all of which have come before. Raises Refusal."""
        async with self._past:
            link = self._link
            if link is None or not link.up:
                raise server_down("the session is not logged on at the moment")
            found: dict[int, Any] = {}
            whole: asyncio.Future[M.ResumeDone] = asyncio.get_running_loop().create_future()

            def old(report: Any) -> None:
                if begin <= report.number <= end:
                    found[report.number] = report

            def resumed(done: M.ResumeDone) -> None:
                if begin <= done.begin <= end + 1 and not whole.done():
                    whole.set_result(done)

            link.session.old, link.session.resumed = old, resumed
            try:
                link.send(M.Resume(begin, end))
                done = await asyncio.wait_for(whole, ANSWER_S)
            except (TimeoutError, LinkEnded):
                raise server_down("it did not send the reports in time") from None
            finally:
                link.session.old, link.session.resumed = self._queries.old, None
            return _past([found[number] for number in sorted(found)], begin, end, done)

    @property
    def next_report(self) -> int:
        return self._link.session.next_number if self._link is not None else self._next_number

    async def _query(self, message: Any) -> Any:
        if self._link is None or not self._link.up:
            raise server_down("the session is not logged on at the moment")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._query_waits[message.request] = future
        self._queries.add(message, lambda result: None if future.done() else future.set_result(result))
        try:
            self._link.send(message)
            answer = await asyncio.wait_for(future, ANSWER_S)
        except (TimeoutError, LinkEnded):
            raise server_down("it did not answer in time") from None
        finally:
            self._query_waits.pop(message.request, None)
        if isinstance(answer, tuple):
            reason, text = answer
            raise refusal(reason, text)
        return answer

    # ------------------------------------------------------------------------------------------------------- inwards
    def take(self, message: Any) -> None:
        """What the connection says."""
        if isinstance(message, M.FillsDone) and message.reason:  # the fills that are there are answered; what is missing is told beside
            self._short = message
            message = msgspec.structs.replace(message, reason=0)
        number = message.end + 1 if isinstance(message, Missing) else message.number + 1 if isinstance(message, M.Report | M.Sent) else 0
        self._next_number = max(self._next_number, number)
        if not isinstance(message, M.Report | M.Sent):
            self._queries.take(message)
            return
        self._queries.report(message)  # type: ignore[arg-type]
        if isinstance(message, M.Sent):
            if isinstance(message.body, M.MessageRefused):
                self._refused(message.body)
        elif isinstance(message, M.OrderReport):
            self._order_report(message)
        elif isinstance(message, M.MassCancelDone):
            self._settle(self._waiting.get(message.id), message)
        self.on_report(message)  # type: ignore[arg-type]

    def _order_report(self, report: M.OrderReport) -> None:
        if report.order and report.id and not isinstance(report, M.Canceled | M.CancelRejected):
            self._known[report.order] = report.id
            self._known.move_to_end(report.order)
            if len(self._known) > KNOWN_ORDERS:
                self._known.popitem(last=False)
        if isinstance(report, LATER) and (wait := self._following.get(report.order)) is not None:
            wait.reports.append(report)
        if isinstance(report, M.OrderStatus):
            for id in {report.id, report.orig}:
                for wait in self._status.pop(id, ()):
                    self._settle(wait, report)
        if not (getattr(report, "flags", 0) & codes.EF_UNSOLICITED and isinstance(report, M.Canceled | M.Replaced)):
            self._settle(self._waiting.get(report.id), report)

    def _settle(self, wait: Waiting | None, answer: Any) -> None:
        if wait is None or wait.answer.done() or not isinstance(answer, wait.kinds):
            return
        if isinstance(answer, M.OrderStatus) and answer.status == codes.ST_NONE and M.Accepted in wait.kinds:
            return  # it answers a question about the id that was asked before the order came
        wait.reports.append(answer)
        wait.answer.set_result(answer)
        if order := getattr(answer, "order", 0):
            self._following[order] = wait

    def _refused(self, body: M.MessageRefused) -> None:
        """A message that could not be processed: it answers the request with its id, or the question about an order."""
        waits = [one for one in (self._waiting.get(body.id), *self._status.pop(body.id, ())) if one is not None]
        for wait in waits:
            if not wait.answer.done():
                wait.reports.append(body)
                wait.answer.set_result(body)

    def client_id_of(self, order: int) -> int:
        """The client id of an order that was reported since this process logged the session on; 0: it is not known."""
        return self._known.get(order, 0)


def _past(rows: list[Any], begin: int, end: int, done: M.FillsDone | M.ResumeDone | None) -> Past:
    """done: of an answer that may not be whole. Raises Refusal for one that will be whole a little later."""
    if done is None or not done.reason:
        return Past(rows, end)
    if done.reason not in GONE:
        raise refusal(done.reason)
    first = done.begin if done.begin > begin else done.end + 1  # at its beginning, or from the first that could not be read on
    gone = (begin, first - 1) if done.begin > begin else (first, end)
    return Past(rows, end, Gone(*gone, done.reason))


async def _answered(wait: Waiting) -> list[Any]:
    """Several requests may wait for the same answer."""
    await asyncio.wait([wait.answer], timeout=ANSWER_S)
    if not wait.answer.done() or wait.answer.exception() is not None:
        raise answer_unknown()
    return wait.reports


def answer_unknown() -> Refusal:
    limit = int(ANSWER_S * 1000)
    return refusal(codes.R_ANSWER_UNKNOWN, errors.text(codes.R_ANSWER_UNKNOWN, limit=limit), limit=limit)
