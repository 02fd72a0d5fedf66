// What the server wrote into the page: whose it is, and where.

const about = document.documentElement.dataset;

export const NAME = about.name;
export const BASE = about.base;
export const STATIC = about.static;
export const VENUES = about.venues ? about.venues.split(",") : [];

/** Whether a market belongs on this page. */
export const shown = (market) => !VENUES.length || VENUES.includes(market.venue);
export const pathOf = (market, contract = "") => `${BASE}/m/${encodeURIComponent(market)}${contract ? `?c=${encodeURIComponent(contract)}` : ""}`;
