// The chart of a contract: chance in per cent of an event's contract, the price of a spot pair. The library is loaded when a chart is shown.

import { get } from "../lib/api.js";
import { h, say, show } from "../lib/dom.js";
import { ms } from "../lib/format.js";
import { colour, theme } from "../lib/theme.js";

const INTERVALS = { "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14400, "1d": 86400 };
const TIME = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const HOUR = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

const per = (value) => `${value.toFixed(1)} %`;

export function chartPart(contract) {
  let interval = "1m";
  let chart = null;
  let series = null;
  let candles = [];
  let closed = false;
  const scale = contract.payout ? 100 / Number(contract.payout) : 1;
  const empty = h("p", { class: "empty chart-empty", text: "No trades yet. The chart begins with the first one." });
  const place = h("div", { class: "chart-place" }, empty);
  const note = h("p", { class: "chart-note" });
  const buttons = Object.keys(INTERVALS).map((name) => h("button", { type: "button", class: "filter", text: name, data: { name }, on: { click: () => choose(name) } }));
  const element = h(
    "div",
    { class: "chart live-numbers" },
    h("div", { class: "chart-head" }, h("div", { class: "filters filters-small", role: "group", "aria-label": "Length of an interval" }, buttons), note),
    place,
  );

  function point(candle) {
    const time = Math.floor(ms(candle.time) / 1000);
    if (contract.payout) return { time, value: Number(candle.close) * scale };
    return { time, open: Number(candle.open), high: Number(candle.high), low: Number(candle.low), close: Number(candle.close) };
  }

  function colours() {
    const line = colour("line");
    return {
      layout: { background: { color: "transparent" }, textColor: colour("muted"), attributionLogo: false, fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 11 },
      grid: { vertLines: { visible: false }, horzLines: { color: line } },
      rightPriceScale: { borderVisible: false },
      timeScale: { borderColor: line },
    };
  }

  function own() {
    const main = colour("accent");
    const faint = main.replace("rgb(", "rgba(");
    if (contract.payout) return { lineColor: main, topColor: faint.replace(")", ", 0.22)"), bottomColor: faint.replace(")", ", 0.01)"), lineWidth: 2, priceLineColor: main };
    return { upColor: colour("yes"), downColor: colour("no"), wickUpColor: colour("yes"), wickDownColor: colour("no"), borderVisible: false };
  }

  async function build() {
    const lib = await import("../vendor/lightweight-charts.mjs");
    if (closed) return;
    chart = lib.createChart(place, {
      ...colours(),
      autoSize: true,
      localization: { timeFormatter: (time) => TIME.format(time * 1000), },
      crosshair: { mode: 0 },
      handleScroll: { vertTouchDrag: false },
      handleScale: { mouseWheel: false },
    });
    chart.timeScale().applyOptions({
      timeVisible: true, secondsVisible: false, rightOffset: 3, minBarSpacing: 2,
      tickMarkFormatter: (time, kind) => (kind < 3 ? DATE : HOUR).format(time * 1000),
    });
    series = chart.addSeries(contract.payout ? lib.AreaSeries : lib.CandlestickSeries, { ...own(), ...(contract.payout ? { priceFormat: { type: "custom", minMove: 0.1, formatter: per } } : {}) });
    await load();
  }

  async function load() {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.name === interval));
    try {
      const found = await get(`/v1/contracts/${encodeURIComponent(contract.contract)}/candles?interval=${interval}&limit=1500`);
      if (closed || found.interval !== interval) return;
      candles = found.candles;
      show(empty, !candles.length);
      say(note, candles.length ? `Trades since ${TIME.format(ms(found.known_from))}${found.gaps.length ? `, ${found.gaps.length} gaps` : ""}` : "");
      series?.setData(candles.map(point));
      if (candles.length > 2) chart?.timeScale().fitContent();
    } catch (error) {
      say(note, error.message);
    }
  }

  function choose(name) {
    interval = name;
    load();
  }

  const end = theme.listen(() => {
    chart?.applyOptions(colours());
    series?.applyOptions(own());
  });
  build().catch(() => say(note, "The chart could not be loaded."));
  return {
    element,
    reload: load,
    /** A trade that just happened. */
    add(trade) {
      if (trade.taken_back || !series) return;
      const length = INTERVALS[interval] * 1000;
      const start = ms(trade.time) - (ms(trade.time) % length);
      const last = candles.at(-1);
      if (last && ms(last.time) > start) return;
      if (last && ms(last.time) === start) {
        last.close = trade.price;
        if (Number(trade.price) > Number(last.high)) last.high = trade.price;
        if (Number(trade.price) < Number(last.low)) last.low = trade.price;
      } else candles.push({ time: new Date(start).toISOString(), open: trade.price, high: trade.price, low: trade.price, close: trade.price });
      show(empty, false);
      series.update(point(candles.at(-1)));
    },
    close() {
      closed = true;
      end();
      chart?.remove();
    },
  };
}
