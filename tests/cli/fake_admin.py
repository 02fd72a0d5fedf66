"""An admin socket for tests of the command line: a real registry with a fake engine, answering like the server."""

import json
import socket
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import msgspec

from config import admin_records as ar
from config import load
from config.admin_records import outcome_code
from config.fields import fields_of
from exchange_server.core import layout as L
from exchange_server.gateway import verifiers
from exchange_server.gateway.admin.office import Office
from exchange_server.registry import Refused, Registry
from exchange_server.registry.market_view import ahead_view, version_view
from protocol import phases
from tests.fake_engine import FakeEngine
from tests.safe import QUICK, safe


def whole(answer: Any) -> Any:
    """An answer that comes in slices, at once."""
    while isinstance(answer, Generator):
        try:
            next(answer)
        except StopIteration as done:
            answer = done.value
    return answer


class FakeAdmin:
    """Serves `<folder>/admin.sock` from a thread until closed. `raw`: function that answers instead, line in, bytes out (None: close)."""

    def __init__(self, folder: Path, raw: Callable[[bytes], bytes | None] | None = None) -> None:
        self.registry, self.engine, self.raw = Registry(), FakeEngine(), raw
        self.office = Office(
            self.registry, self.engine.m, lambda at, call: None, lambda record, who: self.registry.trying(record, self.engine, who),
            lambda record, who: self.registry.try_act(record, self.engine, who), dict, lambda: None,
        )  # fmt: skip
        self.clock: dict[str, Any] | None = None  # shown in the status
        self.phases: dict[str, str] = {}
        self.paid: dict[str, tuple[int, ...]] = {}
        self.records: list[Any] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / "admin.sock"))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def load(self, config: str) -> "FakeAdmin":
        for item in load.load(config).items:
            assert self._apply(safe(item.record))["ok"]
        self.records.clear()
        return self

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            with link, link.makefile("rb") as lines:
                for line in lines:
                    answer = self.raw(line) if self.raw else json.dumps(self.answer(json.loads(line))).encode() + b"\n"
                    if answer is None:
                        break
                    link.sendall(answer)

    def _phase(self, event: str, phase: str) -> None:
        """As it would be in the core."""
        self.phases[event] = phase
        id = self.registry.events.named(event).id  # type: ignore[union-attr]
        base = int(self.engine.m[L.H_POOLS + L.P_EVENT * L.POOL_WORDS + L.PL_BASE])
        self.engine.m[base + id * L.EVENT_WORDS + L.E_PHASE_NOW] = phases.BY_NAME[phase]

    def _apply(self, record: Any) -> dict[str, Any]:
        for body in ar.pack_all("uid:0", "1", record):
            answer = self.registry.apply(body, self.engine, lambda rows: None)
        if answer.ok:
            self.records.append(record)
            if isinstance(record, ar.SetPhase):
                self._phase(record.event, record.phase)
            elif isinstance(record, ar.Determine):
                self._phase(record.event, "determined")
                self.paid[record.event] = record.payouts
            elif isinstance(record, ar.Settle):
                self._phase(record.event, "final" if record.finalise else "determined")
                self.paid[record.event] = record.payouts
            elif isinstance(record, ar.Finalise):
                self._phase(record.event, "final")
            elif isinstance(record, ar.Dispute):
                self._phase(record.event, "disputed")
            elif isinstance(record, ar.Uphold | ar.Correct):
                self._phase(record.event, "determined")
            elif isinstance(record, ar.Void):
                self._phase(record.event, "voided")
            elif isinstance(record, ar.Configuration):
                for inner in record.records:
                    if isinstance(inner, ar.SetPhase) and self.phases.get(inner.event, "listed") == "listed":
                        self._phase(inner.event, inner.phase)
        return {
            "ok": answer.ok,
            "code": answer.code,
            "text": answer.text,
            "result": answer.result,
            "refusal": answer.refusal,
            "warnings": answer.warnings,
        }

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if "record" in request:  # as the server's admin connection does it
            secured = verifiers.secured(ar.from_builtins(request["record"]), QUICK, self.registry)
            request = {**request, "record": msgspec.to_builtins(secured.record)}
        verb, out = request["verb"], {"id": request["id"], "ok": True, "code": 0, "text": "", "result": {}}
        if verb == "admin":
            out |= self._apply(ar.from_builtins(request["record"]))
            if secured.made and out["ok"]:
                out["result"] = {**out["result"], "secret": secured.made}
        elif verb == "status":
            out["result"] = {"turn": 7, "journal": {"durable": 9, "mode": "sync"}, "sessions": ["C1", "C2"], "killed": False, "note": None}
            if self.clock is not None:
                out["result"]["clock"] = self.clock
        elif verb == "markets":
            out["result"] = {
                "markets": [self.market(event) for event in self.registry.events if request.get("event", event.name) == event.name]
            }
        else:
            try:
                out["result"] = json.loads(msgspec.json.encode(whole(self.office.ask("uid:0", verb, request, self.engine.time_ns))))
            except Refused as error:
                out |= {"ok": False, "code": error.refusal.code, "text": error.refusal.text, "refusal": error.refusal}
        return msgspec.to_builtins(out)

    def terms(self, record: Any, prefix: str) -> dict[str, Any]:
        fields = (field for field in fields_of(ar.DefineMarket) if field.word[:3] == prefix and field.name != "contracts")
        return {field.name: getattr(record, field.name) for field in fields}

    def market(self, event: Any) -> dict[str, Any]:
        record = event.record
        paid = self.paid.get(event.name, (0,) * event.n)
        contracts = [
            {"symbol": c.symbol, "outcome": c.outcome, "code": outcome_code(c), "bid": 6200, "ask": None, "last": None, "volume": 3, "open_interest": 1,
             "paid": paid[i], "ahead": ahead_view(self.registry, event, i), "terms": self.terms(record, "DI_")}
            for i, c in enumerate(record.contracts)
        ]  # fmt: skip
        return {
            "event": event.name, "title": record.title, "product": record.product, "k": record.k, "asset": record.asset, "payout": record.payout,
            "price_decimals": record.price_decimals, "phase": self.phases.get(event.name, "listed"), "version": len(event.determinations),
            "window_end_ns": 0, "overdue_ns": event.overdue_ns, "final_at_ns": 0, "settling": False, "sets": 0, "contracts": contracts,
            "versions": [version_view(self.registry, kept) for kept in event.determinations],
            "heard": [version_view(self.registry, kept) for kept in event.heard], "terms": {**self.terms(record, ""), **self.terms(record, "DE_")},
        }  # fmt: skip
