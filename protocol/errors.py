"""The refusal table: for every reason code of codes.py its name, text, cause and remedy.

One row per code, one text per code. `docs/errors.md` is generated from this table (scripts/make_docs.py). In the texts
{limit}, {used} and {asked} stand for the numbers in the event row (EVT_LIMIT, EVT_USED, EVT_ASKED): prices in
ticks in the client's terms, quantities in lots, money in minor units of its asset, times in ns (shown as
2026-07-19 21:40:00 UTC). On FIX, prices, quantities and money are shown as decimal numbers.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from . import codes, phases, units


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason. The fix_* numbers are sent in FIX 4.4 reports together with 58; None: the code is never sent in that field."""

    code: int
    name: str  # the constant's name in codes.py
    fix_103: int | None  # OrdRejReason, on ExecutionReport 39=8
    fix_102: int | None  # CxlRejReason, on OrderCancelReject
    fix_380: int | None  # BusinessRejectReason, on BusinessMessageReject
    fix_373: int | None  # SessionRejectReason, on Reject
    fix_378: int | None  # ExecRestatementReason, on unsolicited reports
    safe_to_resend: bool  # the ClOrdID is not used up: the same message may be sent again, unchanged
    template: str
    cause: str
    what_to_do: str


# FIX 4.4 values used below, from the field definitions of OrdRejReason, CxlRejReason, BusinessRejectReason and ExecRestatementReason.
# 103: 0 broker option, 1 unknown symbol, 2 exchange closed, 3 exceeds limit, 5 unknown order,
# 6 duplicate, 8 stale, 11 unsupported characteristic, 13 incorrect quantity, 15 unknown account, 99 other.
# 102: 0 too late, 1 unknown order, 2 broker option, 6 duplicate ClOrdID, 99 other. 380: 0 other, 1 unknown id, 2 unknown security,
# 3 unsupported type, 4 application not available, 5 required field missing, 6 not authorised; 8 throttle is not in FIX 4.4 and goes only to
# sessions without the standard dictionary. 378: 4 broker option, 6 cancel on trading halt, 8 market option, 99 other.
_ROWS: tuple[tuple[str, int | None, int | None, int | None, int | None, int | None, str, str, str], ...] = (
    # name, 103, 102, 380, 373, 378, text, cause, what to do
    # ---- session and account
    ("R_NOT_LOGGED_ON", 0, 2, 4, None, None, "the session is not logged on",
     "A command arrived for a session that has not logged on, or whose connection is lost.", "Log on, then send it again."),
    ("R_UNKNOWN_ACCOUNT", 15, 2, 1, None, None, "there is no account {asked} for this session",
     "Account (FIX 1) is unknown or belongs to another firm, or the message gives no account and the session has no default account.",
     "Use an account of your firm; ask the operator for its name."),
    ("R_ACCOUNT_NOT_ALLOWED", 15, 2, 6, None, None, "the account belongs to another firm",
     "An operator's record names an account that is not the firm's, or accounts of two firms. (A client that names another firm's account gets "
     "R_UNKNOWN_ACCOUNT.)", "Name accounts of one firm."),
    ("R_VENUE_NOT_ALLOWED", 0, 2, 6, None, None, "the venue does not admit this account or session",
     "The account is isolated to another venue, or the session belongs to another venue.", "Send through a session of that venue."),
    ("R_FIRM_CLOSED", 0, 2, 6, None, None, "your firm is closed",
     "The firm was closed: it enters no orders and moves no money.", "None: a closed firm stays closed. Cancels are accepted."),
    ("R_ACCOUNT_CLOSED", 15, 2, 6, None, None, "account {asked} is closed",
     "The account was closed: it enters no orders, and no money moves to or from it.", "Use another account of your firm. Cancels are accepted."),
    ("R_SESSION_CLOSED", 0, 2, 6, None, None, "this session is closed",
     "The session was closed: it enters no orders and cannot log on again.", "Use another session of your firm. Cancels are accepted while it is still connected."),
    # ---- duplicate table
    ("R_ID_USED", 6, 6, 1, None, None, "ClOrdID already used",
     "An order of the firm with different content used this ClOrdID within the retention time (72 h unless set otherwise).",
     "Use a new ClOrdID. An exact repeat of an order is answered with the order's state instead."),
    ("R_ID_USED_BEFORE", 6, 6, 1, None, None, "ClOrdID already used within the last {limit} h; what became of its order is no longer remembered",
     "The firm used this ClOrdID within the retention time, and so many of its orders have closed since that only the use is remembered. A ClOrdID stays used up for as long "
     "as a later one that is kept with it (its 4,096 numbers, or 63 others).",
     "Do not send the order again because of this answer: it was received. Its reports say what became of it. For another order use a new ClOrdID."),
    ("R_ID_TABLE_FULL", 0, 2, 4, None, None, "the table of used ClOrdIDs is full at {limit} rows, {used} are in use",
     "No longer sent. Servers before rules version 3 refused new orders when their table of closed ClOrdIDs was full.",
     "Resend; the server now forgets the firm's own oldest closed ClOrdIDs instead."),
    ("R_ORDER_TABLE_FULL", 0, 2, 4, None, None, "the table of open orders is full at {limit} rows, {used} are in use",
     "The number of open orders has reached the server's capacity.", "Cancel orders, or resend later. Operator: raise the capacity `orders`."),
    ("R_BAD_ID", 99, 99, 0, 5, None, "ClOrdID must be 1 to 64 printable ASCII characters, or an integer from 1 to 2^63-1",
     "The ClOrdID is empty, too long, not printable ASCII, or an integer outside the range.", "Send a valid ClOrdID."),
    ("R_TEXT_TABLE_FULL", 0, 2, 4, None, None, "the table of ClOrdID texts is full at {limit} rows, {used} are in use",
     "No longer sent. Servers before rules version 3 refused new orders when their table of ClOrdID texts was full.",
     "Resend; there is now room for the text of every ClOrdID."),
    ("R_ORDER_SHARE_FULL", 3, 2, 4, None, None, "your firm has {used} open orders, and its share of the table of open orders is {limit}",
     "A firm may have as many open orders as its guaranteed share, or as many as the table has rows left, whichever is more. This firm has reached that number; "
     "other firms are not affected.",
     "Cancel orders, then resend. Operator: give the firm a larger `share`, or raise the capacity `orders` and start again."),
    ("R_NODE_SHARE_FULL", 3, 2, 4, None, None,
     "your firm has {used} nodes of the order books, its share is {limit}, this order needs {asked} more",
     "Orders at widely scattered prices take many nodes of the order books. A firm may have its guaranteed share, or as many nodes as the table has left, "
     "whichever is more. This firm has reached that number. Other firms are not affected, and the firm's orders at prices near other orders are still accepted.",
     "Cancel orders at scattered prices, or use prices nearer to other orders. Operator: give the firm a larger `share`, or raise the capacity `nodes` "
     "and start again."),
    ("R_POSITION_SHARE_FULL", 3, 2, 4, None, None,
     "your firm has {used} words of positions, its share is {limit}, this event needs {asked} more",
     "An account keeps a row for each event in which it has traded, until the market is removed. All accounts of a firm together may use the firm's guaranteed share of the table, "
     "or as much as is left, whichever is more. This firm has reached that. Other firms, and events in which the account has traded before, are not affected.",
     "Trade the event from an account that has traded in it before. Operator: give the firm a larger `share`, or raise the capacity `collateral_words` "
     "and start again."),
    # ---- venue, instrument, phase, order type
    ("R_UNKNOWN_INSTRUMENT", 1, 1, 2, None, None, "there is no such instrument (id {asked})",
     "Symbol (55) or instrument id is unknown, or the session's venue does not list it.", "Use a symbol from the security list or the definitions stream."),
    ("R_MARKET_NOT_OPEN", 2, 2, 4, None, None, "the market is not open yet, it is {asked}",
     "The event is in draft or listed.", "Wait for the phase message `open`."),
    ("R_MARKET_PAUSED", 2, 2, 4, None, 6, "the market is paused",
     "The operator paused the event.", "Resend when the phase is `open` again; cancels are still accepted."),
    ("R_MARKET_CLOSED", 2, 0, 4, None, None, "the market takes no orders any more, it is {asked}",
     "The event is closed, determined or final: no order can trade or rest.", "None: trading in it has ended."),
    ("R_CANCEL_ONLY", 2, 2, 4, None, None, "the market accepts only cancels",
     "The event is in the phase cancel-only.", "Cancel, or wait for the phase `open`."),
    ("R_BAD_SIDE", 11, 99, 5, 5, None, "side must be 1 (buy) or 2 (sell), and contract side 1 (YES) or 2 (NO), not {asked}",
     "Side (54), or the contract side, is not one of the valid values.", "Send 1 or 2; contract side 1 (YES) or 2 (NO)."),
    ("R_BAD_TYPE", 11, 99, 5, 5, None, "order type {asked} is not accepted here",
     "This market does not accept the OrdType (40).", "Send 1 (market) or 2 (limit)."),
    ("R_BAD_TIF", 11, 99, 5, 5, None, "time in force {asked} is not accepted here",
     "This market does not accept the TimeInForce (59) in this phase.", "Send 0, 1, 3, 4 or 6 as documented for the phase."),
    ("R_BAD_FLAGS", 11, 99, 5, 5, None, "the order's flags {asked} contradict each other or are unknown",
     "ExecInst (18) or the flags contain an unknown value, or two values that exclude each other.", "Correct the flags."),
    ("R_FIELD_UNSUPPORTED", 11, 2, 5, None, None, "a field of this order (field {asked}) is not supported yet, or not with the value given",
     "The field, or its value, belongs to a feature that this server does not have. Fields: 2 front end, 9 MinQty, 10 DisplayQty, 11 StopPx, "
     "13 deadline, 14 order group, 15 cost cap, 18 stop orders, 19 at the open, 20 self-trade mode, 21 flags.", "Leave the field out."),
    ("R_EXPIRY_PAST", 99, 99, 5, None, None, "a GTD order needs an ExpireTime later than the server's time {limit}, got {asked}",
     "The GTD order would already have expired, or it has no ExpireTime.", "Send a later ExpireTime (126, UTC)."),
    ("R_EXPIRY_UNEXPECTED", 11, 99, 5, None, None, "ExpireTime {asked} is allowed only with time in force GTD",
     "ExpireTime was given with another TimeInForce.", "Send 59=6 with 126, or neither."),
    ("R_NO_ON_SPOT", 11, 99, 5, None, None, "a spot pair has no NO side",
     "Contract side NO was sent for a spot instrument.", "Leave the contract side out."),
    ("R_BAD_STP", 11, 99, 5, 5, None, "self-trade prevention mode {asked} is not known or not supported",
     "SelfMatchPreventionInstruction is not one of the valid values.", "Leave it out (cancel incoming) or send a valid value."),
    ("R_PRICE_ON_MARKET", 11, 99, 5, None, None, "a market order has no price, got {asked}",
     "Price (44) was given with OrdType 1.", "Leave Price out, or send a limit order."),
    ("R_POST_ONLY_IMMEDIATE", 11, 99, 5, None, None, "post-only cannot be combined with time in force IOC or FOK, or with a market order",
     "A post-only order must be able to rest.", "Remove the flag, or send Day, GTC or GTD."),
    ("R_MARKET_NEEDS_IMMEDIATE", 11, 99, 5, None, None, "a market order cannot rest: time in force {asked} is not accepted with it",
     "A market order was sent with a time in force that would let it rest.", "Send 59=3 (IOC), 59=4 (FOK) or 59=0."),
    # ---- kill switch
    ("R_KILLED_PLATFORM", 0, 2, 4, None, None, "the kill switch of the platform is on",
     "The platform's operator stopped all new orders.", "Resend when the kill switch is released; cancels are accepted."),
    ("R_KILLED_VENUE", 0, 2, 4, None, None, "the kill switch of the venue is on",
     "The venue's operator stopped new orders.", "Resend when the kill switch is released; cancels are accepted."),
    ("R_KILLED_FIRM", 0, 2, 4, None, None, "the kill switch of your firm is on",
     "A risk officer stopped the firm's new orders.", "Ask your risk officer; cancels are accepted."),
    ("R_KILLED_ACCOUNT", 0, 2, 4, None, None, "the kill switch of account {asked} is on",
     "A risk officer stopped the account's new orders.", "Ask your risk officer; cancels are accepted."),
    ("R_KILLED_SESSION", 0, 2, 4, None, None, "the kill switch of this session is on",
     "A risk officer stopped the session's new orders.", "Ask your risk officer; cancels are accepted."),
    ("R_VENUE_CANCEL_ONLY", 2, 2, 4, None, None, "the venue is frozen: only cancels are accepted",
     "The platform froze the venue of the order, or the venue that owns the market, at the level cancel_only.",
     "Cancel if you wish; resend when the freeze is over."),
    ("R_VENUE_SETTLE_ONLY", 2, 2, 4, None, None, "the venue is frozen: its markets are only settled",
     "The platform froze the venue of the order, or the venue that owns the market, at the level settle_only: not even cancels are accepted.",
     "Wait: open orders can neither trade nor be cancelled until the freeze is over or the market closes."),
    ("R_VENUE_FROZEN", 2, 2, 4, None, None, "the venue is frozen: nothing is accepted, not even cancels",
     "The platform froze the venue of the order, or the venue that owns the market, at the level nothing.",
     "Wait: open orders can neither trade nor be cancelled until the freeze is over."),
    # ---- throttle, freshness, conflict
    ("R_THROTTLED_SESSION", 3, 2, 8, None, None, "the session's throttle of {limit} messages per window is used up ({used} sent)",
     "The session sent more new orders and replaces within the window than it may.", "Resend after the window; cancels are not throttled."),
    ("R_THROTTLED_VENUE", 3, 2, 8, None, None, "the venue's throttle of {limit} messages per window is used up ({used} sent)",
     "All sessions of the venue together sent more than it may.", "Resend after the window; cancels are not throttled."),
    ("R_STALE", 8, 99, 0, None, None, "the deadline {limit} had passed when the order was handled at {asked}",
     "The order had a deadline, and the server handled it later.", "Decide again at the current price, then resend."),
    ("R_CONFLICT", 0, 2, 6, None, None, "your firm has a conflict of interest in event {asked}: only orders that reduce the position are accepted",
     "The firm creates, resolves or arbitrates the event, or is on its restricted list.", "Send only orders that reduce the position."),
    ("R_ACCOUNT_NOT_ISOLATED", 0, 2, 6, None, None,
     "the venue takes only accounts that are bound to it, and account {asked} is not: only orders that reduce the position are accepted",
     "The venue demands isolated accounts.", "Use an account that was opened for this venue (its `venue`)."),
    ("R_ACCESS_DENIED", 0, 2, 6, None, None, "access rule {limit} excludes your firm here: only orders that reduce the position are accepted",
     "A deny rule of the venue, or of the market, matches the tags of the firm (jurisdiction, KYC level, institution, free tags).",
     "Ask the venue's operator which tags the rule is about; cancels are accepted."),
    ("R_NOT_ADMITTED", 0, 2, 6, None, None, "no access rule admits your firm here: only orders that reduce the position are accepted",
     "The venue, or the market, has allow rules, and none of them matches the tags of the firm.",
     "Ask the venue's operator what is needed to be admitted; cancels are accepted."),
    ("R_QUOTA_MESSAGES", 3, 2, 8, None, None, "the venue's quota of {limit} messages a second is used up ({used} sent)",
     "All sessions of the venue together sent more new orders and replaces within a second than the platform grants the venue.",
     "Resend after a second; cancels are not counted."),
    ("R_QUOTA_JOURNAL", 3, 2, 8, None, None, "the venue's quota of {limit} journal bytes a second is used up ({used} used, {asked} more needed)",
     "The new orders and replaces of all sessions of the venue together take more of the journal within a second than the platform grants the venue.",
     "Resend after a second; cancels are not counted. Integer ClOrdIDs take half of what texts take."),
    # ---- price and size
    ("R_PRICE_OUT_OF_RANGE", 99, 99, 0, 5, None, "price {asked} is beyond the limit {limit}",
     "The price is below the lowest or above the highest price of the instrument.", "Send a price within the bands."),
    ("R_PRICE_OFF_GRID", 99, 99, 0, 5, None, "price {asked} is not on the grid: the increment there is {limit}",
     "The price is not a multiple of the increment of its band.", "Round to the grid given in the definition."),
    ("R_QTY_NOT_POSITIVE", 13, 99, 0, 5, None, "quantity {asked} must be at least {limit}",
     "OrderQty is zero or negative.", "Send a positive quantity."),
    ("R_QTY_LOT", 13, 99, 0, 5, None, "quantity {asked} is not a multiple of the lot {limit}",
     "The instrument trades in multiples of its lot.", "Round to the lot given in the definition."),
    ("R_QTY_TOO_SMALL", 13, 99, 0, None, None, "quantity {asked} is below the minimum {limit}",
     "The order is smaller than the instrument allows.", "Send at least the minimum."),
    ("R_QTY_TOO_LARGE", 13, 99, 0, None, None, "quantity {asked} is above the maximum {limit}",
     "The order is larger than the instrument allows.", "Send several smaller orders."),
    ("R_NOTIONAL_TOO_LARGE", 3, 99, 0, None, None, "the order is worth {asked}, above the maximum {limit}",
     "Price times quantity is above the instrument's maximum notional.", "Send a smaller order."),
    ("R_NO_LIQUIDITY", 99, 99, 0, None, None, "no liquidity: there is no opposite order to price a market order",
     "The opposite side of the book is empty.", "Send a limit order."),
    ("R_COLLAR", 99, 99, 0, None, None, "price {asked} is beyond the collar, which ends at {limit} (reference {used})",
     "The price is further from the reference price than the collar allows.", "Send a price nearer to the reference."),
    ("R_POSITION_LIMIT", 3, 99, 0, None, None, "the position could reach {asked}, the limit is {limit} (now {used}, open orders counted)",
     "Position and open orders on that side together would exceed the instrument's maximum position. All three numbers count YES contracts: "
     "one YES sold, or one NO bought, is -1.",
     "Reduce or cancel first, or send less."),
    ("R_QUOTA_ORDERS", 3, 2, 4, None, None, "the venue has {used} open orders, and its quota is {limit}",
     "Orders of all firms that came through the venue and are open have reached the number that the platform grants the venue.",
     "Cancel orders or wait; cancels, replaces, and orders that cannot rest (IOC, FOK, market) are accepted."),
    # ---- the budget of an account
    ("R_BUDGET_ACCOUNT", 15, 2, 6, None, None, "this session has a budget and acts for account {limit} only, not for {asked}",
     "The session's budget binds it to one account (docs/budgets.md). Cancels are accepted.", "Name that account, or none."),
    ("R_BUDGET_ASSET", 3, 2, 0, None, None, "the account's budget is in another asset than this market, or the market is a spot pair",
     "A budget is in one asset: the account trades contracts that are paid in it, and no spot pairs.", "Trade a market in the budget's asset; ask the operator."),
    ("R_BUDGET_MARKET", 3, 2, 0, None, None, "this market is not one of those that the account's budget allows",
     "The budget has a list of markets and series, and this market is not on it.", "`exos budget show` has the list; ask the operator."),
    ("R_BUDGET_QTY", 13, 99, 0, None, None, "quantity {asked} is above the budget's maximum {limit}",
     "The budget limits the quantity of one order (of a replace: the new total).", "Send a smaller order."),
    ("R_BUDGET_COST", 3, 99, 0, None, None, "the order may cost {asked}, and the budget allows {limit}",
     "Price times quantity and fees, for a sell P less the price times quantity and fees, is above the budget's maximum for one order. A split costs what its sets cost.", "Send a smaller order."),
    ("R_BUDGET_LOSS", 3, 99, 0, None, None, "the order may lose {asked}, and {used} of the budget of {limit} is used",
     "The most that the account could lose, open orders and positions counted at their worst, would exceed what its budget allows in all.",
     "Cancel or reduce; what comes back can be used again. `exos budget show` says what is left."),
    ("R_BUDGET_LOSS_DAY", 3, 99, 0, None, None, "the order may lose {asked}, and {used} of the budget of {limit} for this day (UTC) is used",
     "The most that the account could lose by what was entered today would exceed what its budget allows for a day.",
     "Cancel or reduce, or wait for the next day (00:00 UTC)."),
    ("R_BUDGET_APPROVAL", 0, 2, 6, None, None, "a person must approve this order: it waits as {asked}",
     "The order may cost more than the budget allows without a person. It was not entered: it waits, nothing is reserved for it, and `exos pending` shows it.",
     "Send the same order with the same ClOrdID again once it is approved (`exos approve`): then it is entered, once."),
    ("R_BUDGET_WAITING", 0, 2, 4, None, None, "{used} orders of this account wait for a person, and {limit} may",
     "The order may cost more than the budget allows without a person, and too many wait already.",
     "Wait until some are approved, refused or too old; or send a smaller order."),
    # ---- collateral, matching
    ("R_COLLATERAL", 3, 2, 0, None, None, "the order needs {asked}, and {limit} is available ({used} locked)",
     "Buying power in the asset would be negative and lower than before.", "Deposit, cancel or reduce, or send a smaller order."),
    ("R_POST_ONLY_WOULD_TRADE", 99, 99, 0, None, None, "a post-only order at {asked} would trade with the best price {limit}",
     "The order would have taken liquidity.", "Send a less aggressive price."),
    ("R_TABLE_FULL", 0, 2, 4, None, None, "a table of the server is full at {limit} rows ({used} in use)",
     "A table of the order books or of positions has no free row for this order; this affects all firms.",
     "Resend later; cancels are still accepted. Operator: raise the capacity that `exos status` shows as full."),
    # ---- cancel and replace
    ("R_UNKNOWN_ORDER", 5, 1, 1, None, None, "the firm has no order with this ClOrdID",
     "The firm has had no order with this OrigClOrdID within the retention time.", "Check OrigClOrdID (41)."),
    ("R_ORDER_FORGOTTEN", 5, 0, 0, None, None, "this ClOrdID was used, and is no longer open; what became of its order is no longer remembered",
     "The firm used this ClOrdID within the retention time, and so many of its orders have closed since that only the use is remembered. The order has closed or goes by a "
     "newer ClOrdID.",
     "Its reports say how it ended or what its newer ClOrdID is; a list of open orders has it under that one."),
    ("R_ORDER_CLOSED", 5, 0, 0, None, None, "too late: the order is no longer open",
     "The order was filled or cancelled or has expired, with this ClOrdID or a newer one that replaced it.",
     "See the order's status (39) and its last ClOrdID (41) in the answer."),
    ("R_ORDER_REPLACED", 99, 0, 0, None, None, "this ClOrdID was replaced: the order is open under the newer ClOrdID given as OrigClOrdID of this answer",
     "A replace gave the order a new ClOrdID; cancels and replaces must use the new one.", "Send it again with the ClOrdID given in 41 of the answer."),
    ("R_CANCEL_FIELD", 99, 99, 0, None, None, "field {asked} of the cancel differs from the order: the order has {limit}, the request has {used}",
     "The cancel gives an account, side or instrument that differs from the order with this OrigClOrdID. Fields: 1 account, 16 side, 17 contract side, "
     "22 instrument.", "Check OrigClOrdID (41), or leave the field out if it is optional."),
    ("R_QTY_BELOW_FILLED", 13, 99, 0, None, None, "the new total {asked} is below the filled quantity {limit}",
     "The quantity of a replace is the new total, including the filled quantity.", "Send a total of at least the filled quantity."),
    ("R_REPLACE_FIELD", 99, 99, 0, None, None, "a replace cannot change field {asked}: the order has {limit}, the request has {used}",
     "A replace can change only price and quantity; another field was given and differs from the order's. Fields: 1 account, 12 ExpireTime, 16 side, "
     "17 contract side, 18 type, 19 time in force, 20 self-trade mode, 21 flags, 22 instrument.",
     "Leave the field out or repeat the order's value. To change it, cancel and send a new order."),
    ("R_NOTHING_CHANGED", 99, 99, 0, None, None, "the replace changes nothing",
     "Price and total are the same as the order's.", "None needed."),
    ("R_BAD_SCOPE", 99, 99, 0, 5, None, "mass cancel scope {asked} is unknown",
     "The scope is not one of session, account, firm, instrument, event.", "Send a valid scope."),
    # ---- why an order was cancelled or expired
    ("R_USER_CANCEL", None, None, None, None, None, "cancelled by request", "A cancel named this order.", "None needed."),
    ("R_MASS_CANCEL", None, None, None, None, None, "cancelled by a mass cancel", "A mass cancel covered this order.", "None needed."),
    ("R_IOC_REST", None, None, None, None, 8, "the rest of an immediate-or-cancel order was cancelled",
     "The quantity that could not trade at once does not rest.", "None needed."),
    ("R_FOK_NOT_FILLABLE", None, None, None, None, 8, "fill-or-kill: the whole quantity could not trade at once",
     "Less than the whole quantity was available within the limit.", "Send less, a better price, or IOC."),
    ("R_SELF_TRADE", None, None, None, None, 8, "cancelled, because it would have traded with your own firm's order",
     "Self-trade prevention, mode cancel incoming.", "Cancel the resting order first."),
    ("R_EXPIRED", None, None, None, None, 8, "the order has expired", "Its ExpireTime or the end of the trading day was reached.", "None needed."),
    ("R_DISCONNECT", None, None, None, None, 4, "cancelled, because the session's connection was lost",
     "The session has cancel on disconnect.", "Enter the order again after logging on."),
    ("R_MARKET_CLOSING", None, None, None, None, 6, "cancelled, because the market closed", "Closing a market cancels all its open orders.", "None: trading in it has ended."),
    ("R_KILL_SWITCH", None, None, None, None, 4, "cancelled by a kill switch", "The kill switch of the account, firm, venue or platform was used.",
     "Ask your risk officer or the operator."),
    ("R_REPLACED_TO_FILLED", None, None, None, None, None, "cancelled, because a replace lowered the total to the filled quantity",
     "The new total equals the filled quantity.", "None needed."),
    ("R_MARKET_REST", None, None, None, None, 8, "the rest of a market order was cancelled at its protection price",
     "No more opposite orders within the protection price.", "Send a limit order for the rest."),
    ("R_USER_REPLACE", None, None, None, None, None, "replaced by request of another session of the firm",
     "A replace from another session of the firm named this order (it stays open with the new ClOrdID).", "None needed."),
    ("R_VENUE_FREEZE", None, None, None, None, 6, "cancelled because the venue through which it was entered was frozen",
     "The platform froze the venue, and the order rested in a market of another venue.", "Enter it through another venue, or when the freeze is over."),
    ("R_LAPSED", None, None, None, None, 8, "cancelled, because the market went live and the order is not marked to persist",
     "By the rules of this market only orders marked persist (FIX 5018=Y, FLAG_PERSIST) stay in the book when it goes live.",
     "Enter it again, or mark it persist when you enter it before the market goes live."),
    ("R_GOING_LIVE", None, None, None, None, 8, "cancelled, because the market went live",
     "By the rules of this market going live cancels all its open orders.", "Enter it again."),
    ("R_MARKET_PAUSING", None, None, None, None, 6, "cancelled, because the market paused",
     "By the rules of this market a pause cancels all its open orders.", "Enter it again when the market is open or live."),
    ("R_OFF_NEW_GRID", None, None, None, None, 8, "cancelled, because its price is not on the market's new price grid",
     "The owner changed the price bands of this market.", "Enter it again at a price of the new bands."),
    ("R_CONTRACT_DECIDED", None, None, None, None, 8, "cancelled, because this contract is determined ahead of the others",
     "What it pays is known, so it trades no more; the other contracts of its group go on.", "None: its challenge window runs, then positions in it are paid."),
    ("R_OUTCOME_SPLIT", None, None, None, None, 8, "cancelled, because a new outcome was split out of this one",
     "The contract means less than before: the new outcome is not part of it any more. Positions in it have become positions in both.",
     "Enter it again at a price for what the contract now means."),
    # ---- changes of a live market
    ("R_BANDS_TOO_HIGH", None, None, 0, None, None, "books for the new prices need {asked} more nodes, {limit} are free",
     "The new price bands reach higher than the books were made for, and the table of book nodes is nearly full.",
     "Keep the highest price, or ask the platform for more room."),
    ("R_NO_SPARE_CONTRACT", None, None, 0, None, None, "the market has room for {limit} contracts, all are used",
     "Room for new outcomes is fixed when a market is listed (max_contracts).", "List another market, with more room."),
    ("R_OUTCOME_FIXED", None, None, 0, None, None, "this kind of market gets no new outcome in this way",
     "An outcome is added to an at-most group, and split out of another outcome in an exactly-1 group.", "Use the act that fits the market."),
    ("R_NOT_AHEAD", None, None, 0, None, None, "a contract is ahead only of a market that has opened and has no result",
     "A single contract is determined, paid or withdrawn while the rest of its group is open, live, paused, cancel-only or closed.", "Record the result of the whole market."),
    ("R_AHEAD_DECIDES", None, None, 0, None, None, "with contract {asked} nothing is left open: {limit} winners among {used} contracts",
     "A contract is determined ahead of its group only while the rest is undecided; a market of one contract has no rest.", "Close the market and record the result of all its contracts."),
    ("R_AHEAD_DIFFERS", None, None, 0, None, None, "contract {used} was paid {limit} ahead of its group, asked {asked}",
     "The result of the whole market must agree with what accounts have been paid already. A correction of a final result may differ, unless sets were made or taken apart after the contract was paid: then nobody has the other side of the difference.", "Correct the payouts. What was paid wrongly is corrected when the market is final, as far as that is possible."),
    ("R_AHEAD_UNCOVERED", None, None, 0, None, None, "contract {asked} cannot be paid ahead of its group: an account that is short in it counts on what the rest is worth to it",
     "An account is short in the winner and owns more of the rest than can lose. What the rest is worth to it for certain becomes cash only with the whole result, so it could not pay now.", "Withdraw the contract, or leave it determined: it is paid with the result of the whole market."),
    ("R_OUTCOME_UNKNOWN", None, None, 1, None, None, "the event has no contract {asked}",
     "The outcome to split is not a contract of this event.", "Name one of its contracts."),
    # ---- split, merge, transfer, settlement
    ("R_NOT_SPLITTABLE", None, None, 0, None, None, "split and merge are possible only in exactly-k groups that are open",
     "The event is a spot pair, a binary, at-most-k, or is not open.", "Trade the contracts instead."),
    ("R_MERGE_TOO_MANY", None, None, 0, None, None, "cannot merge {asked} sets: the account holds only {limit} of every contract",
     "A merge takes one of each contract per set.", "Merge fewer sets."),
    ("R_WITHDRAW_TOO_MUCH", None, None, 0, None, None, "cannot withdraw {asked}: {limit} is available ({used} locked)",
     "The amount is above the buying power.", "Withdraw less, or cancel orders first."),
    ("R_AMOUNT_NOT_POSITIVE", None, None, 0, None, None, "amount {asked} must be at least 1",
     "An amount or number of sets is zero or negative.", "Send a positive amount."),
    ("R_UNKNOWN_ASSET", None, None, 1, None, None, "there is no asset {asked}", "The asset is not defined.", "Define it first, or correct the name."),
    ("R_BAD_TRANSITION", None, None, 0, None, None, "an event that is {used} cannot become {asked}",
     "The lifecycle has no step from the one phase to the other.", "Use a step that phases.md lists."),
    ("R_PAYOUT_COUNT", None, None, 0, None, None, "{asked} payouts were given, the event has {limit} contracts",
     "A determination has one payout per contract.", "Give a payout for each contract."),
    ("R_PAYOUT_RANGE", None, None, 0, None, None, "payout {asked} is outside 0 to {limit}", "A contract pays between 0 and P.", "Correct the payout."),
    ("R_PAYOUT_SUM", None, None, 0, None, None, "the payouts sum to {asked}, the product requires {limit}",
     "Exactly-k events pay k times P in all, at-most-k events at most that.", "Correct the payouts."),
    ("R_NOT_DETERMINED", None, None, 0, None, None, "the event is not determined, it is {asked}", "Finalising needs a determination.", "Determine it first."),
    ("R_CHALLENGE_WINDOW", None, None, 0, None, None, "the challenge window ends at {limit}, the time is {asked}",
     "A determination can be disputed until then.", "Finalise after the window."),
    ("R_ALREADY_FINAL", None, None, 0, None, None, "the event is final: it has been paid", "A second settlement was requested.", "None: an event is paid only once."),
    ("R_UNKNOWN_EVENT", None, None, 1, None, None, "there is no event {asked}",
     "The event is not defined, or the venue of the session does not list it.", "Correct the name or id."),
    ("R_IDEMPOTENCY", None, None, 0, None, None, "this idempotency key was used with other content",
     "An earlier transfer, hold or withdrawal with different content used this key.", "Use a new key for a new act."),
    ("R_OVERFLOW", None, None, 0, None, None, "the result {asked} would exceed the range of amounts ({limit})",
     "A product of price, quantity or position, or a balance, could reach 2^62.", "Lower the maximum quantity or position, or the amount."),
    ("R_BAD_DEFINITION", None, None, 0, None, None, "the definition is not valid (field {asked}, limit {limit})",
     "An operator's record breaks a listing rule; the answer's text names the key.", "Correct the record."),
    ("R_NOT_CLOSED", None, None, 0, None, None, "the event must be closed first, it is {asked}", "Only a closed event can be determined.", "Close it, then determine."),
    ("R_OPEN_ORDERS", None, None, 0, None, None, "{asked} orders are still open", "The action needs an empty book.", "Close the market or cancel the orders first."),
    ("R_BAD_COMMAND", 99, 99, 3, None, None, "the command {asked} is unknown or not allowed here",
     "The server does not know the operator's record or command.", "Use a client of the server's version."),
    ("R_SANDBOX", None, None, 0, None, None, "a sandbox and other configurations do not mix in one data folder",
     "The sandbox's passwords are published. A sandbox configuration is accepted only in a folder that was created with one, and such a folder accepts no other.",
     "Use a separate data folder for each."),
    ("R_WEAK_SECRET", None, None, 0, None, None, "the secret is too weak",
     "A chosen secret is shorter than 16 characters, has few different ones, holds the login's names, or is published. The answer says which.",
     "Let the server make one (`exos key create`), or better use an Ed25519 key."),
    ("R_QUOTA", None, None, 0, None, None, "the venue's quota of {limit} is used up: {used} are in use, {asked} more were requested",
     "The platform grants the venue so many sessions, instruments or listings; the answer names which.",
     "Ask the platform's operator for a larger quota. What exists stays as it is."),
    ("R_UNKNOWN_HOLD", None, None, 1, None, None, "there is no hold or withdrawal {asked}", "The number is of no hold, or of a hold where a withdrawal is asked for.",
     "Correct the number: `exos account show` lists an account's holds."),
    ("R_HOLD_ENDED", None, None, 0, None, None, "the hold or withdrawal {asked} has ended", "It was released, paid, cancelled, or its time came.", "None: the money is no longer set aside."),
    ("R_NOT_EMPTY", None, None, 0, None, None, "it cannot be closed: {asked} things are still in use",
     "An account to be closed has open orders, positions, money or holds; a firm has accounts that are open, or a session that is logged on. The text names them.",
     "Cancel, settle, withdraw or release what the text names, then close."),
    ("R_SETTLING", None, None, 0, None, None, "event {asked} is being settled", "Its accounts are being paid, a slice in each turn; until the last one it takes no command.",
     "Wait until it is final."),
    ("R_NOT_FINAL", None, None, 0, None, None, "event {asked} is not final", "What was asked is for a market whose accounts have been paid.",
     "Before it is final, determine it again, or let the arbiter correct it."),
    ("R_SAME_RESULT", None, None, 0, None, None, "event {asked} has been paid by these payouts", "A correction has to change at least one payout.", "Correct the payouts."),
    ("R_NOTHING_OWED", None, None, 0, None, None, "no account owes anything from event {asked}", "Only the debts that a correction or bust left are recovered.", "None is needed."),
    ("R_UNKNOWN_TRADE", None, None, 0, None, None, "trade {asked} is not known", "No trade has this id, or its market is not yours to see.", "Correct the id: it is in every report of a fill."),
    ("R_ALREADY_BUST", None, None, 0, None, None, "trade {asked} is bust already", "A trade is taken back once.", "None: it has been taken back."),
    ("R_BUST_FINAL", None, None, 0, None, None, "the market of trade {asked} is final", "A trade is taken back only before its market is paid.", "Correct the result, if it was wrong."),
    ("R_BUST_SPENT", None, None, 0, None, None, "account {used} has {limit} free, {asked} would have to come back",
     "A trade of a spot pair is taken back only whole: who got something must still have it free.", "Cancel the account's orders or deposit what is missing, or agree on a trade the other way."),
    ("R_BUST_SPLIT", None, None, 0, None, None, "an outcome was split out of the contract of trade {asked} after the trade",
     "Who held the contract got as much of the new outcome, and may have traded it; such trades are not taken back.", "Agree on trades the other way, in both contracts."),
    ("R_AHEAD_DISPUTED", None, None, 0, None, None, "contract {asked} is disputed", "What a contract pays ahead of its group is not paid while a party disputes it.",
     "The arbiter upholds or corrects it, or withdraws it (exos market uphold, correct, ahead --withdraw)."),
    ("R_TRADE_CROSS", None, None, 0, None, None, "trade {asked} has more than two sides or several contracts", "Other terms are given only to a trade of two sides in one contract; any other is taken back whole.",
     "Take it back (exos market bust), and agree on a trade at the right terms."),
    ("R_TRADE_SAME", None, None, 0, None, None, "trade {asked} has these terms already", "A correction changes the price or the quantity.", "Check which trade is meant."),
    ("R_TRADE_CHANGED", None, None, 0, None, None, "trade {asked} was corrected meanwhile", "The act was proposed when the trade had other terms.", "Propose it again: it then begins from the terms of now."),
    ("R_PAID_ELSEWHERE", None, None, 0, None, None, "event {asked} was paid on another server", "It came here when it was final, without the positions that it was paid for, so nobody here could be paid the difference.",
     "Correct it on the server that paid it, or move money by transfers."),
    # ---- acts in time
    ("R_SCHEDULE_PAST", None, None, None, None, None, "the time {asked} is not after now, {limit}", "An act is scheduled for a time that has passed.", "Give a later time, or do it now."),
    ("R_UNKNOWN_SCHEDULE", None, None, None, None, None, "no act is scheduled as {asked}", "The number is of no scheduled act, or of one that is forgotten or not yours to see.",
     "Correct the number: `exos schedule list` shows them."),
    ("R_SCHEDULE_ENDED", None, None, None, None, None, "the scheduled act {asked} has ended", "It was carried out, has failed or was cancelled; the text says which and when.",
     "None, or schedule it again."),
    ("R_SCHEDULE_EARLY", None, None, None, None, None, "it is due at {limit}, the time is {asked}", "The record run_due was sent by hand for an act whose time has not come.",
     "Wait: the server carries it out by itself. Do it now with the record of the act itself."),
    ("R_TIMES_ORDER", None, None, None, None, None, "the time {asked} is not after {limit}, the one before it", "A market opens, goes live, closes and is determined in this order.",
     "Correct the times that the text names."),
    ("R_SERIES_CLOSED", None, None, None, None, None, "the series is closed", "A series that was closed is defined or closed again.", "Define another one: its markets stay as they are."),
    # ---- wires and gateway
    ("R_WIRE_MALFORMED", 99, 99, 0, 6, None, "the message is malformed at byte {asked}", "The bytes are not a valid message of this protocol.", "Correct the encoder."),
    ("R_WIRE_TOO_LONG", 99, 99, 0, 99, None, "the message has {asked} bytes, the limit is {limit}", "A message is longer than the limit.", "Send shorter messages."),
    ("R_WIRE_UNKNOWN_MESSAGE", None, None, 3, 11, None, "message type {asked} is unknown", "This session does not support the message type.", "See the table of messages."),
    ("R_WIRE_FIELD", 99, 99, 5, 6, None, "field {asked} is missing, unknown, given twice or has a bad value", "One field is wrong; the answer names it.", "Correct the field."),
    ("R_SLOW_READER", None, None, None, None, None, "cut off as a slow reader: {asked} bytes were waiting, the limit is {limit}",
     "The client did not read what was sent to it.", "Read faster, or subscribe to less; then log on and request the missed reports."),
    ("R_LOGON_TIMEOUT", None, None, None, None, None, "no logon within {limit} ms", "The connection did not log on in time.", "Send the logon first."),
    ("R_BAD_CREDENTIALS", None, None, 6, None, None, "unknown session or wrong credentials", "Name, key or secret is wrong; the answer does not tell which.", "Check them with the operator."),
    ("R_ALREADY_LOGGED_ON", None, None, 6, None, None, "the session is logged on already", "A second connection used the same session.", "Close the first connection."),
    ("R_CLOCK_SKEW", None, None, 0, 10, None, "SendingTime differs by {asked} ms from the server's clock, the limit is {limit} ms",
     "The two clocks disagree, or the message was delayed.", "Synchronise the clock (NTP)."),
    ("R_SEQUENCE_LOW", None, None, None, None, None, "sequence number {asked} is too low, expected {limit}",
     "A number was used twice without PossDupFlag.", "Log on with the right number, or reset with 141=Y."),
    ("R_HEARTBEAT_LOST", None, None, None, None, None, "nothing was received for {asked} ms, the limit is {limit} ms", "The peer was silent, also after a test request.", "Log on again."),
    ("R_SHUTDOWN", 2, 2, 4, None, None, "the server is shutting down", "The operator stopped the server.", "Log on again when it is back; nothing acknowledged is lost."),
    ("R_RESUME_UNKNOWN", None, None, 1, None, None, "cannot resume from number {asked}: {limit} is the last one sent",
     "The client requested reports that this session never sent.", "Resume from the last number received on this session."),
    ("R_DISK_RESERVE", 0, 2, 4, None, None, "the journal's disk is nearly full: new orders are not accepted",
     "Less space is left than the reserve kept for cancels.", "Resend later; cancels are accepted. Operator: free space."),
    ("R_OVERLOAD", 0, 2, 4, None, None, "the server is overloaded: the order was not handled", "More output was waiting for the disk than the limit allows.", "Resend later; cancels are accepted."),
    ("R_CLOCK_JUMP", 0, 2, 4, None, None, "the server's clock has jumped forward: new orders are not accepted until it is right again",
     "The time of day of the server's machine moved further than the time that has passed, so no order may be entered or expire by it.",
     "Resend later; cancels are accepted. Operator: correct the clock, or run `exos clock accept` if it is right now."),
    ("R_CLOCK_NOT_HELD", None, None, None, None, None, "the clock has not jumped: there is nothing to accept",
     "`exos clock accept` was run while the server follows the machine's time of day.", "None: `exos status` shows the clock."),
    ("R_BAD_COMP_ID", None, None, 6, 9, None, "SenderCompID or TargetCompID is wrong", "49 or 56 differs from the session's.", "Correct the CompIDs."),
    ("R_BAD_HEARTBEAT", None, None, 0, 5, None, "heartbeat interval {asked} s is outside the range that ends at {limit} s", "HeartBtInt (108), or heartbeat_ms of the binary Logon, is outside the server's `heartbeat_min` to `heartbeat_max`.", "Send an interval within the range given in the answer."),
    ("R_REPORTS_REBUILDING", None, None, 4, None, None, "the requested reports are being rebuilt from the journal: ask again in a second",
     "The server's store of past reports was damaged or had no room; the reports are being rebuilt from the journal.",
     "Ask again after a second; the SDK does. On FIX just wait: they follow by themselves."),
    ("R_REPORTS_LOST", None, None, 4, None, None, "some of the requested reports are lost",
     "The store of past reports is damaged and the journal no longer reaches back far enough. The text names the reports.",
     "Request the state of your orders (FIX H, OrderStatusRequest) and compare positions; resume after the lost reports."),
    ("R_REPORTS_EXPIRED", None, None, 4, None, None, "some of the requested reports are older than the exchange keeps them",
     "Reports older than the server's setting `event_retention` are removed. The text names the reports. On FIX their numbers are gap-filled.",
     "Request the state of your orders (FIX H, OrderStatusRequest) and compare positions. Operator: `exos journal fetch` gets the journal of that time back."),
    ("R_LOGON_DELAYED", None, None, 4, None, None, "too many failed logons from this address: try again in some seconds",
     "Several logons with wrong credentials came from this address (IPv6: from its /64), and the maximum number of logons with this name are already waiting. "
     "This logon was not checked.", "Correct the name or the secret of the client at that address, then try again. Other addresses are not affected."),
    ("R_LOGON_REPEATED", None, None, 6, 8, None, "this Logon was accepted before", "A Logon with the same SendingTime, MsgSeqNum and CheckSum was already accepted: this one may be a copy.",
     "Send a new Logon with the current time."),
    ("R_TOO_MANY_DECIMALS", 99, 99, 0, 5, None, "tag {used} has {asked} decimals, this instrument allows at most {limit}",
     "A price or quantity has more decimals than the instrument; nothing is rounded. The ClOrdID is not used up.", "Round to the decimals of the instrument."),
    ("R_TOO_MANY_DIGITS", 99, 99, 0, 5, None, "tag {used} has {asked} digits before the point, at most {limit} are allowed",
     "A price or quantity is too large to be read. The ClOrdID is not used up.", "Send a number within the instrument's range."),
    ("R_NEXT_EXPECTED", None, None, 6, 5, None, "NextExpectedMsgSeqNum {asked} is beyond the last number sent, {limit}",
     "The Logon (789) expects a number that we have not reached: one side has lost its numbers.", "Compare the numbers, or restart them with 141=Y."),
    ("R_KEY_REVOKED", None, None, 6, None, None, "the key was revoked",
     "The operator has revoked the key of this logon, or of this live session. Told only to who proved to have the key.", "Log on with another key of the session."),
    ("R_KEY_EXPIRED", None, None, 6, None, None, "the key has expired",
     "The key's time is over (`until`). A live session ends when its key expires.", "Log on with another key of the session; ask the operator for a new one in time."),
    ("R_KEY_ADDRESS", None, None, 6, None, None, "the key may not be used from this address",
     "The key has a list of networks, and the connection comes from none of them.", "Connect from an address of the list, or have the operator change it."),
    ("R_KEY_SCOPE", 0, 2, 6, None, None, "the key of this logon does not permit this",
     "The key has the scope `read` or `market_data`, and the message needs another one; or its scopes were changed while the session was live.",
     "Log on with a key whose scopes permit it (`exos key show`)."),
    # ---- roles and approvals
    ("R_NOT_AUTHORISED", None, None, 6, None, None, "no role of the asker allows this here",
     "A principal may do what its grants allow, for the venue or events that they name. The sentence says which roles would allow it.",
     "Ask an operator of the venue or the platform for the role (`exos role grant`)."),
    ("R_FOREIGN_NAME", None, None, 6, None, None, "the name does not begin with that of the venue",
     "Whoever acts for a venue creates only names that begin with `<VENUE>.`, so that names of different venues never meet.", "Choose a name that begins so."),
    ("R_GRANT_BEYOND", None, None, 6, None, None, "the grant goes beyond what the asker holds",
     "A role is given on only within an own grant: a role that it may give, the same or a narrower scope, no later end.",
     "Give less, or ask somebody who holds more."),
    ("R_UNKNOWN_PENDING", None, None, 1, None, None, "no act waits under this number",
     "It was approved, refused, or never proposed, or it is not for the asker to see.", "`exos pending` lists what waits."),
    ("R_PENDING_EXPIRED", None, None, 0, None, None, "the act waited longer than approvals may take",
     "An act that needs a second person is approved within the time set by the record `approvals`.", "Propose it again."),
    ("R_OWN_ACT", None, None, 6, None, None, "nobody approves an act of one's own",
     "An act on the list of approvals is carried out only by a second person who may do it.", "Ask another principal to approve it."),
    # ---- revisions of the configuration
    ("R_REVISION_MOVED", None, None, 6, None, None, "the plan was made against revision {asked}, the server runs {limit}",
     "Another configuration was applied after the plan was made.", "Make the plan again (`exos config plan`), look at it, apply it."),
    ("R_PLAN_DIFFERS", None, None, 6, None, None, "what the plan says is not what would be done now",
     "A definition that the plan names was changed after the plan was made, without a new revision (a single record).", "Make the plan again (`exos config plan`), look at it, apply it."),
    ("R_UNKNOWN_REVISION", None, None, 6, None, None, "there is no revision {asked}",
     "The number is above that of the running revision, or what the revision changed is no longer kept.", "`exos config history` lists the revisions."),
    ("R_CANNOT_UNDO", None, None, 6, None, None, "the rollback cannot undo all of it",
     "Definitions that were created stay, and so do deposits and secrets that were replaced: the sentence names them.",
     "Close or change these by hand, or roll back what can be (`--partial`)."),
    # ---- results: disputes, voids, sources
    ("R_MARKET_VOIDED", None, None, None, None, 6, "cancelled, because the market was voided", "A void ends a market without a result and cancels all its open orders.",
     "None: trading in it has ended."),
    ("R_RESULT_VERSION", None, None, 0, None, None, "the version {asked} was named, it must be {limit}",
     "A determination, correction or void has the next version; a dispute and its answer name the newest one.", "Look at the market (`exos market show`) and name the version again."),
    ("R_NOT_DISPUTABLE", None, None, 0, None, None, "the event has no result that can be disputed, it is {asked}",
     "Only a result or void that is recorded and not final can be disputed.", "None, before a result is recorded; after it is final, ask the arbiter for a correction."),
    ("R_DISPUTE_LATE", None, None, 0, None, None, "the challenge window ended at {limit}, the time is {asked}",
     "A version can be disputed until its window ends.", "None: ask the arbiter for a correction."),
    ("R_NO_PARTY", None, None, 6, None, None, "the firm has no position in the event", "Only a firm that holds a position in the event may dispute its result.", "None."),
    ("R_DISPUTED_BEFORE", None, None, 0, None, None, "the firm has disputed version {limit} already",
     "Each party may dispute a version once.", "None: the arbiter upholds or corrects it."),
    ("R_NOT_DISPUTED", None, None, 0, None, None, "the event is not disputed, it is {asked}", "Only a disputed result is upheld.", "None: a result that nobody disputes becomes final by itself."),
    ("R_NOTHING_TO_UPHOLD", None, None, 0, None, None, "there is no result to uphold: the declared sources differ",
     "The sources named different results before any was recorded.", "Decide it: record the result as a correction (`exos market correct`), or void the market."),
    ("R_NOT_VOIDABLE", None, None, 0, None, None, "the event cannot be voided, it is {asked}",
     "A market can be voided from its opening until it is final, once.", "Correct the void (`exos market correct`), or nothing if the market is final."),
    ("R_NO_VOID_POLICY", None, None, 0, None, None, "the market declares no void policy", "A void goes by the prices that the market declared before it was listed.",
     "Record a result instead."),
    ("R_VOID_POLICY", None, None, 0, None, None, "the declared void policy cannot be paid",
     "Everybody's own entry price is not what the event's pool holds, or the fixed prices are not those of the contracts.", "Declare `time_weighted_mid`, or one fixed price for each contract."),
    ("R_VOID_TRIGGER", None, None, 0, None, None, "the trigger {asked} is later than the time, {limit}", "A void goes by the prices before its trigger.", "Name the time of the trigger, or none."),
    ("R_VOID_HISTORY", None, None, 0, None, None, "the prices before {asked} are no longer kept, the earliest trigger is {limit}",
     "A contract keeps its prices of the last 120 minutes in which its book changed.", "Name a later trigger, or record a result instead."),
    ("R_UNKNOWN_SOURCE", None, None, 1, None, None, "the result is not from a declared source", "The market declares the sources that decide it.", "Name one of them; the answer lists them."),
    ("R_TWO_SOURCES", None, None, 0, None, None, "two sources decide the market: it cannot be paid with the result of one",
     "Both declared sources are recorded one by one; the result counts when they agree.", "Record each without paying (`--determine-only`)."),
    ("R_JUDGE_IS_PARTY", None, None, 6, None, None, "nobody decides about a market in which the own firm is a party",
     "The principal's firm has a position, an open order or a conflict of interest in the event.", "Ask another resolver or arbiter."),
    ("R_NOT_CORRECTABLE", None, None, 0, None, None, "the event has no result to correct, it is {asked}",
     "A correction replaces a result or void.", "Determine it first."),
    ("R_ARBITER_DECIDES", None, None, 0, None, None, "only the arbiter replaces this result: the event is {asked}",
     "A resolver records and replaces a result until it is disputed or the market is voided.", "Ask the arbiter for a correction."),
    # ---- a venue that moves here from another server
    ("R_OPENING_VENUE", None, None, 6, None, None, "the venue exists on this server",
     "An archive of a venue opens only where its name is free.", "Import it on another server."),
    ("R_OPENING_SUM", None, None, 0, None, None, "positions do not sum: {asked} instead of {limit}",
     "In an archive of a venue, long less short of a contract is not the number of sets.", "Export the venue again."),
    ("R_OPENING_MONEY", None, None, 0, None, None, "{asked} is required, {limit} is there",
     "An account lacks the money that its positions and open orders in the archive require. The money of accounts that are not the venue's own is not in its archive.",
     "Deposit it first (`exos account deposit`), or let the import deposit what guests need (`--deposit-guests`)."),
    ("R_OPENING_ID", None, None, 1, None, None, "a ClOrdID of the archive is in use",
     "The order's firm exists on this server and has used the ClOrdID within the retention time, or the archive has it twice.",
     "Cancel the order at the old server, or wait until the retention time is over."),
    ("R_OPENING_MARKET", None, None, 0, None, None, "a market of the archive cannot be opened",
     "Its phase, result, sets or positions do not fit together, or need what this version does not carry; the sentence says which.", "Export the venue again, or settle the market there first."),
    ("R_OPENING_ORDER", None, None, 0, None, None, "an open order of the archive cannot be opened",
     "Its price, quantity, fills or place do not fit its market or the book; the sentence says which.", "Export the venue again."),
    ("R_MARKET_REMOVED", None, None, 0, None, None, "the market was removed", "A market that was removed stays in the history; nobody sees it, and it takes no act any more.",
     "Define another market under another name."),
    ("R_VENUE_UNSETTLED", None, None, 0, None, None, "the venue cannot leave: a market still has debts, blocked credits or accounts to pay",
     "An archive has no place for what a correction or bust left, nor for half of a settlement.", "Wait for the settlement, `exos market recover`, then export."),
    # ---- the HTTP gateway
    ("R_SERVER_DOWN", None, None, None, None, None, "the exchange cannot be reached at the moment",
     "The web process runs, but its connection to the exchange is lost.", "Ask again after Retry-After; the process connects by itself."),
    ("R_ANSWER_UNKNOWN", None, None, None, None, None, "no answer came within {limit} ms: it is not known whether the request was carried out",
     "The exchange did not answer in time, or the connection to it was lost after the request had been sent.",
     "Ask for the order by its client order id. If there is none, send the same order again, with the same id: there is never a second one."),
    ("R_HTTP_THROTTLED", None, None, None, None, None, "more requests than {limit} a second",
     "An address or a logged-on client sends HTTP requests faster than the web process allows.", "Wait for Retry-After; the headers RateLimit-* say how many are left."),
    ("R_NO_RESOURCE", None, None, None, None, None, "there is nothing at this address",
     "The path or method is not one of the API, or names something that is not there.", "See /openapi.json for what there is."),
    ("R_KEY_REUSED", None, None, None, None, None, "the Idempotency-Key was used for another request",
     "A request with the same Idempotency-Key had another method, path or body.", "Use a new key for a new request."),
    ("R_CSRF", None, None, None, None, None, "the request has the cookie, but not the session's X-CSRF-Token",
     "A page that is logged on by cookie sends a request that changes something without the header X-CSRF-Token, or with another session's.",
     "Send the `csrf_token` of the logon; `GET /v1/sessions/current` tells it again."),
    ("R_ORIGIN", None, None, None, None, None, "pages of this origin may not use the API",
     "The header Origin of a request that changes something, or of a WebSocket, is neither the process's own address nor one that it allows.",
     "Open the page at the address of the web process, or start it with `--public-url` or `--origin`."),
    ("R_CHALLENGE_OVER", None, None, None, None, None, "the challenge is unknown, was used, or is over",
     "A challenge is good for one logon, of the login and key that it was asked for, for a few seconds.", "Ask for a new one and answer it at once."),
    ("R_REQUEST_LATE", None, None, None, None, None, "the request was not complete within {limit} s",
     "Headers and body of a request must arrive in time.", "Send the request again, in one piece."),
    ("R_WEB_RIGHT", None, None, None, None, None, "the web process may not ask the exchange what this needs",
     "The principal as which `exos web --server` asks the exchange lacks a right; the exchange is not down, and it is not the client's right that is missing.",
     "Its operator grants the principal of the web process the role `support`."),
    ("R_NOT_OVER_HTTP", None, None, None, None, None, "this is not offered over HTTP",
     "An act of many steps that its operator must be able to follow and go on with.", "The answer says with which command: it takes the same principal with `--server`."),
)  # fmt: skip

# The numbers of these are times of day in ns since 1970 UTC; 0: none was given.
TIMES: frozenset[int] = frozenset(
    (
        codes.R_EXPIRY_PAST,
        codes.R_EXPIRY_UNEXPECTED,
        codes.R_STALE,
        codes.R_CHALLENGE_WINDOW,
        codes.R_DISPUTE_LATE,
        codes.R_VOID_TRIGGER,
        codes.R_VOID_HISTORY,
        codes.R_SCHEDULE_PAST,
        codes.R_SCHEDULE_EARLY,
        codes.R_TIMES_ORDER,
    )
)

# The numbers of these are phases (codes.PH_*), shown by name.
PHASES: frozenset[int] = frozenset(
    (
        codes.R_MARKET_NOT_OPEN,
        codes.R_MARKET_CLOSED,
        codes.R_BAD_TRANSITION,
        codes.R_NOT_DETERMINED,
        codes.R_NOT_CLOSED,
        codes.R_NOT_DISPUTABLE,
        codes.R_NOT_DISPUTED,
        codes.R_NOT_VOIDABLE,
        codes.R_NOT_CORRECTABLE,
        codes.R_ARBITER_DECIDES,
    )
)

# The units of the other reasons' numbers; a reason in none of these sets has plain numbers.
PRICES: frozenset[int] = frozenset(  # ticks, in the client's terms
    (codes.R_PRICE_OUT_OF_RANGE, codes.R_PRICE_OFF_GRID, codes.R_COLLAR, codes.R_PRICE_ON_MARKET, codes.R_POST_ONLY_WOULD_TRADE)
)
QUANTITIES: frozenset[int] = frozenset(  # lots
    (
        codes.R_QTY_NOT_POSITIVE,
        codes.R_QTY_LOT,
        codes.R_QTY_TOO_SMALL,
        codes.R_QTY_TOO_LARGE,
        codes.R_POSITION_LIMIT,
        codes.R_QTY_BELOW_FILLED,
        codes.R_FOK_NOT_FILLABLE,
        codes.R_BUDGET_QTY,
    )
)
MONEY: frozenset[int] = frozenset(
    (codes.R_COLLATERAL, codes.R_BUDGET_COST, codes.R_BUDGET_LOSS, codes.R_BUDGET_LOSS_DAY)
)  # minor units of the asset that is reserved (for a spot sell the base asset)
NOTIONALS: frozenset[int] = frozenset((codes.R_NOTIONAL_TOO_LARGE,))  # minor units of the asset that prices are in

SAFE_TO_RESEND: frozenset[int] = frozenset(
    (
        codes.R_NOT_LOGGED_ON,
        codes.R_ID_TABLE_FULL,
        codes.R_ORDER_TABLE_FULL,
        codes.R_TEXT_TABLE_FULL,
        codes.R_ORDER_SHARE_FULL,
        codes.R_NODE_SHARE_FULL,
        codes.R_POSITION_SHARE_FULL,
        codes.R_MARKET_PAUSED,
        codes.R_KILLED_PLATFORM,
        codes.R_KILLED_VENUE,
        codes.R_KILLED_FIRM,
        codes.R_KILLED_ACCOUNT,
        codes.R_KILLED_SESSION,
        codes.R_VENUE_CANCEL_ONLY,
        codes.R_VENUE_SETTLE_ONLY,
        codes.R_VENUE_FROZEN,
        codes.R_THROTTLED_SESSION,
        codes.R_THROTTLED_VENUE,
        codes.R_QUOTA_MESSAGES,
        codes.R_QUOTA_JOURNAL,
        codes.R_QUOTA_ORDERS,
        codes.R_STALE,
        codes.R_TABLE_FULL,
        codes.R_BUDGET_APPROVAL,
        codes.R_BUDGET_WAITING,
        # never reach the duplicate table at all
        codes.R_SHUTDOWN,
        codes.R_DISK_RESERVE,
        codes.R_OVERLOAD,
        codes.R_CLOCK_JUMP,
    )
)

RETIRED: frozenset[int] = frozenset((codes.R_ID_TABLE_FULL, codes.R_TEXT_TABLE_FULL))  # still found in old journals and event stores

REFUSALS: dict[int, Refusal] = {}
for _name, _103, _102, _380, _373, _378, _text, _cause, _todo in _ROWS:
    _code: int = getattr(codes, _name)
    REFUSALS[_code] = Refusal(_code, _name, _103, _102, _380, _373, _378, _code in SAFE_TO_RESEND, _text, _cause, _todo)

_PLACE = re.compile(r"\{(limit|used|asked)\}")


def text(code: int, limit: int | None = None, used: int | None = None, asked: int | None = None, show: Callable[[int], str] = str) -> str:
    """The sentence for a refusal with its numbers filled in, and "(safe to resend)" appended if it is. If a number used in the text is not
    given, the cause is returned instead, which uses no numbers. show: writes a number that is not a time, e.g. ticks as a decimal price.
    Never fails: an unknown code gives a sentence with the code."""
    row = REFUSALS.get(code)
    if row is None:
        return f"refused with the unknown code {code}"
    values = {"limit": limit, "used": used, "asked": asked}
    if any(values[name] is None for name in numbers_used(code)):
        sentence = row.cause.removesuffix(".")
    else:
        sentence = _PLACE.sub(lambda match: shown(code, values[match.group(1)] or 0, show), row.template)
    return f"{sentence} (safe to resend)" if row.safe_to_resend else sentence


def shown(code: int, value: int, show: Callable[[int], str] = str) -> str:
    """One of a refusal's numbers as its text has it: a phase by name, a time as a time, all else as `show` writes it."""
    if code in PHASES:
        return phases.name(value)
    if code not in TIMES:
        return show(value)
    return units.instant(value) if value else "none"


def short_name(code: int) -> str:
    """The name without its prefix, in lower case, as logs and the command line show it: 20 -> "unknown_instrument"."""
    row = REFUSALS.get(code)
    return row.name[2:].lower() if row else f"code_{code}"


def numbers_used(code: int) -> tuple[str, ...]:
    """Which of "limit", "used" and "asked" the text of `code` shows, in order. The wires fill them from the event row."""
    row = REFUSALS.get(code)
    return tuple(_PLACE.findall(row.template)) if row else ()
