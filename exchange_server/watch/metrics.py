"""The counters in the text format of Prometheus, made for each scrape from what the page has at that moment."""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from . import fields as f
from .page import Column, NoPage, Page
from .view import View, look

# Upper bounds of histograms as they are told, in the unit of the words: the page has finer ones.
FEWER = {"ns": [n << k for k in range(10, 34) for n in (2, 3)]}  # 2 us to 26 s, two per octave


class Counters(Collector):
    """A collector over the page of one data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def collect(self) -> Iterator[Metric]:
        try:
            view = look(self.data)
        except NoPage:
            yield family("up", f.GAUGE, "", f.BY_NAME["up"].help, 0)
            return
        yield from families(view)


def families(view: View) -> Iterator[Metric]:
    """Every field of the page, and those that a reader adds."""
    page = view.page
    texts = GaugeMetricFamily(f.PREFIX + "info", "Of the server: always 1", labels=("config", "data", "mode"))
    texts.add_metric([page.texts.get(label, "") for label in ("config", "data", "mode")], 1)
    yield texts
    for column in page.columns.values():
        if column.edges:
            yield histogram(page, column)
        elif column.label:
            told = _empty(column.name, column.kind, column.unit, column.help, (column.label,))
            for value, word in page.labelled(column.name).items():
                if value and (word or column.label != "reason"):  # of hundreds of reasons those that occurred
                    told.add_metric([value], scaled(word, column.unit))
            yield told
        else:
            word = view.disk_left if column.name == "disk_left" else page.get(column.name)
            yield family(column.name, column.kind, column.unit, column.help, word)
    values = view.reader_values()
    for field in f.READER_FIELDS:
        yield family(field.name, field.kind, field.unit, field.help, values[field.name])


def scaled(word: int, unit: str) -> float:
    """A word in the unit of Prometheus."""
    return word / 1e9 if unit == "ns" else word


def _empty(name: str, kind: str, unit: str, text: str, labels: tuple[str, ...] = ()) -> CounterMetricFamily | GaugeMetricFamily:
    full = f.metric_name(name, kind, unit)
    if kind == f.COUNTER:
        return CounterMetricFamily(full.removesuffix("_total"), text, labels=labels)
    return GaugeMetricFamily(full, text, labels=labels)


def family(name: str, kind: str, unit: str, text: str, word: int) -> Metric:
    """A field of one word."""
    told = _empty(name, kind, unit, text)
    told.add_metric([], scaled(word, unit))
    return told


def histogram(page: Page, column: Column) -> HistogramMetricFamily:
    """A histogram with FEWER bounds: each bucket of the page counts below the first bound that its values cannot exceed."""
    counts, edges = page.buckets(column.name), column.edges
    bounds = FEWER.get(column.unit, [edge for edge in edges if edge < 1 << 14])
    told: list[tuple[str, float]] = []
    seen = i = 0
    for bound in bounds:
        while i < len(edges) and edges[i] <= bound:
            seen += counts[i]
            i += 1
        told.append((repr(scaled(bound, column.unit)), seen))
    told.append(("+Inf", sum(counts)))
    found = HistogramMetricFamily(f.metric_name(column.name, column.kind, column.unit), column.help)
    found.add_metric([], buckets=told, sum_value=scaled(page.total(column.name), column.unit))
    return found


def text_of(data: Path) -> bytes:
    """The answer to one scrape."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Counters(data))
    return generate_latest(registry)
