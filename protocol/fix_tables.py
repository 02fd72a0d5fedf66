"""The FIX table: every message, field, type and enumeration supported on a session kind, and since which version.

Parsing, checking, the QuickFIX dictionary (protocol/dict/FIX44-OE.xml), the page docs/fix.md and the tests are based on it.
Session kind here: OE (order entry), FIX.4.4. Names, types and enumeration values are those of the field definitions of FIX 4.4 (volume 6),
of which the enumerations list the values that are used here. Custom tags are in 5000-9999, the range for user-defined fields. A field that
only a later version has on a message (1138, 2964) keeps its later tag, and we do not send it.
"""

from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

FIX44 = "FIX.4.4"
VERSIONS = (FIX44,)


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `values`: the enumeration, wire value -> name; empty: any value of the type. `unsupported`: the field is known, so that a
    refusal can name it; the core answers it with R_FIELD_UNSUPPORTED (or R_BAD_FLAGS)."""

    tag: int
    name: str
    type: str  # the FIX data type (volume 1, "Data Types"), in capitals as in QuickFIX dictionaries
    values: dict[str, str] = field(default_factory=dict)
    since: str = FIX44
    unsupported: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a session kind. `fields`: (tag, required) of the body, in the order in which we write them."""

    msg_type: str
    name: str
    admin: bool
    incoming: bool  # clients send it
    outgoing: bool  # we send it
    fields: tuple[tuple[int, bool], ...]
    since: str = FIX44
    groups: tuple[tuple[int, tuple[int, ...]], ...] = ()  # (count field, members), all of them also in `fields`

    def tags(self) -> dict[int, bool]:
        return dict(self.fields)


_F: tuple[Field, ...] = (
    # ---- header and trailer
    Field(8, "BeginString", "STRING"),
    Field(9, "BodyLength", "LENGTH"),
    Field(35, "MsgType", "STRING"),
    Field(49, "SenderCompID", "STRING"),
    Field(56, "TargetCompID", "STRING"),
    Field(34, "MsgSeqNum", "SEQNUM"),
    Field(52, "SendingTime", "UTCTIMESTAMP"),
    Field(43, "PossDupFlag", "BOOLEAN"),
    Field(97, "PossResend", "BOOLEAN"),
    Field(122, "OrigSendingTime", "UTCTIMESTAMP"),
    Field(50, "SenderSubID", "STRING"),
    Field(57, "TargetSubID", "STRING"),
    Field(142, "SenderLocationID", "STRING"),
    Field(143, "TargetLocationID", "STRING"),
    Field(347, "MessageEncoding", "STRING"),  # accepted without effect: it applies to Encoded... fields only, and none is accepted here
    Field(369, "LastMsgSeqNumProcessed", "SEQNUM"),
    Field(10, "CheckSum", "STRING"),
    # ---- session
    Field(7, "BeginSeqNo", "SEQNUM"),
    Field(16, "EndSeqNo", "SEQNUM"),
    Field(36, "NewSeqNo", "SEQNUM"),
    Field(45, "RefSeqNum", "SEQNUM"),
    Field(95, "RawDataLength", "LENGTH"),
    Field(96, "RawData", "DATA"),
    Field(98, "EncryptMethod", "INT", {"0": "NONE"}),
    Field(108, "HeartBtInt", "INT"),
    Field(112, "TestReqID", "STRING"),
    Field(123, "GapFillFlag", "BOOLEAN"),
    Field(141, "ResetSeqNumFlag", "BOOLEAN"),
    Field(371, "RefTagID", "INT"),
    Field(372, "RefMsgType", "STRING"),
    Field(373, "SessionRejectReason", "INT", {
        "0": "INVALID_TAG_NUMBER", "1": "REQUIRED_TAG_MISSING", "2": "TAG_NOT_DEFINED_FOR_THIS_MESSAGE_TYPE", "3": "UNDEFINED_TAG",
        "4": "TAG_SPECIFIED_WITHOUT_A_VALUE", "5": "VALUE_IS_INCORRECT", "6": "INCORRECT_DATA_FORMAT_FOR_VALUE", "7": "DECRYPTION_PROBLEM",
        "8": "SIGNATURE_PROBLEM", "9": "COMPID_PROBLEM", "10": "SENDINGTIME_ACCURACY_PROBLEM", "11": "INVALID_MSGTYPE", "12": "XML_VALIDATION_ERROR",
        "13": "TAG_APPEARS_MORE_THAN_ONCE", "14": "TAG_SPECIFIED_OUT_OF_REQUIRED_ORDER", "15": "REPEATING_GROUP_FIELDS_OUT_OF_ORDER",
        "16": "INCORRECT_NUMINGROUP_COUNT", "17": "NON_DATA_VALUE_INCLUDES_FIELD_DELIMITER", "99": "OTHER",
    }),
    Field(379, "BusinessRejectRefID", "STRING"),
    Field(380, "BusinessRejectReason", "INT", {
        "0": "OTHER", "1": "UNKNOWN_ID", "2": "UNKNOWN_SECURITY", "3": "UNSUPPORTED_MESSAGE_TYPE", "4": "APPLICATION_NOT_AVAILABLE",
        "5": "CONDITIONALLY_REQUIRED_FIELD_MISSING", "6": "NOT_AUTHORIZED", "7": "DELIVERTO_FIRM_NOT_AVAILABLE_AT_THIS_TIME",
        "8": "THROTTLE_LIMIT_EXCEEDED",
    }),
    Field(148, "Headline", "STRING"),
    Field(33, "NoLinesOfText", "NUMINGROUP"),
    Field(383, "MaxMessageSize", "LENGTH"),
    Field(464, "TestMessageIndicator", "BOOLEAN"),
    Field(789, "NextExpectedMsgSeqNum", "SEQNUM"),
    Field(1137, "DefaultApplVerID", "STRING"),
    Field(553, "Username", "STRING"),
    Field(554, "Password", "STRING"),
    Field(58, "Text", "STRING"),
    # ---- orders
    Field(1, "Account", "STRING"),
    Field(6, "AvgPx", "PRICE"),
    Field(11, "ClOrdID", "STRING"),
    Field(12, "Commission", "AMT"),
    Field(13, "CommType", "CHAR", {"3": "ABSOLUTE"}),
    Field(14, "CumQty", "QTY"),
    Field(17, "ExecID", "STRING"),
    Field(19, "ExecRefID", "STRING"),
    Field(18, "ExecInst", "MULTIPLEVALUESTRING", {"6": "PARTICIPATE_DONT_INITIATE"}),
    Field(21, "HandlInst", "CHAR", {"1": "AUTOMATED_EXECUTION_NO_INTERVENTION", "2": "AUTOMATED_EXECUTION_INTERVENTION_OK"}),
    Field(22, "SecurityIDSource", "STRING", {"8": "EXCHANGE_SYMBOL"}),
    Field(31, "LastPx", "PRICE"),
    Field(32, "LastQty", "QTY"),
    Field(37, "OrderID", "STRING"),
    Field(38, "OrderQty", "QTY"),
    Field(39, "OrdStatus", "CHAR", {
        "0": "NEW", "1": "PARTIALLY_FILLED", "2": "FILLED", "4": "CANCELED", "8": "REJECTED", "A": "PENDING_NEW", "C": "EXPIRED",
    }),
    Field(40, "OrdType", "CHAR", {"1": "MARKET", "2": "LIMIT", "3": "STOP", "4": "STOP_LIMIT"}),
    Field(41, "OrigClOrdID", "STRING"),
    Field(44, "Price", "PRICE"),
    Field(48, "SecurityID", "STRING"),
    Field(54, "Side", "CHAR", {"1": "BUY", "2": "SELL"}),
    Field(55, "Symbol", "STRING"),
    Field(59, "TimeInForce", "CHAR", {
        "0": "DAY", "1": "GOOD_TILL_CANCEL", "2": "AT_THE_OPENING", "3": "IMMEDIATE_OR_CANCEL", "4": "FILL_OR_KILL", "6": "GOOD_TILL_DATE",
    }),
    Field(60, "TransactTime", "UTCTIMESTAMP"),
    Field(99, "StopPx", "PRICE", unsupported=True),
    Field(102, "CxlRejReason", "INT", {
        "0": "TOO_LATE_TO_CANCEL", "1": "UNKNOWN_ORDER", "2": "BROKER", "3": "ORDER_ALREADY_IN_PENDING_STATUS",
        "6": "DUPLICATE_CLORDID", "99": "OTHER",
    }),
    Field(103, "OrdRejReason", "INT", {
        "0": "BROKER", "1": "UNKNOWN_SYMBOL", "2": "EXCHANGE_CLOSED", "3": "ORDER_EXCEEDS_LIMIT", "4": "TOO_LATE_TO_ENTER", "5": "UNKNOWN_ORDER",
        "6": "DUPLICATE_ORDER", "8": "STALE_ORDER", "11": "UNSUPPORTED_ORDER_CHARACTERISTIC", "13": "INCORRECT_QUANTITY",
        "15": "UNKNOWN_ACCOUNT", "99": "OTHER",
    }),
    Field(110, "MinQty", "QTY", unsupported=True),
    Field(126, "ExpireTime", "UTCTIMESTAMP"),
    Field(150, "ExecType", "CHAR", {
        "0": "NEW", "4": "CANCELED", "5": "REPLACED", "8": "REJECTED", "C": "EXPIRED", "F": "TRADE", "G": "TRADE_CORRECT", "H": "TRADE_CANCEL",
        "I": "ORDER_STATUS",
    }),
    Field(151, "LeavesQty", "QTY"),
    Field(378, "ExecRestatementReason", "INT", {"4": "BROKER_OPTION", "6": "CANCEL_ON_TRADING_HALT", "8": "MARKET_OPTION", "99": "OTHER"}),
    Field(434, "CxlRejResponseTo", "CHAR", {"1": "ORDER_CANCEL_REQUEST", "2": "ORDER_CANCEL_REPLACE_REQUEST"}),
    Field(530, "MassCancelRequestType", "CHAR", {"1": "CANCEL_ORDERS_FOR_A_SECURITY", "7": "CANCEL_ALL_ORDERS"}),
    Field(531, "MassCancelResponse", "CHAR", {
        "0": "CANCEL_REQUEST_REJECTED", "1": "CANCEL_ORDERS_FOR_A_SECURITY", "7": "CANCEL_ALL_ORDERS",
    }),
    Field(532, "MassCancelRejectReason", "INT", {
        "0": "MASS_CANCEL_NOT_SUPPORTED", "1": "INVALID_OR_UNKNOWN_SECURITY", "99": "OTHER",
    }),
    Field(527, "SecondaryExecID", "STRING"),  # the trade's id: the same on both sides
    Field(533, "TotalAffectedOrders", "INT"),
    Field(790, "OrdStatusReqID", "STRING"),
    Field(851, "LastLiquidityInd", "INT", {"1": "ADDED_LIQUIDITY", "2": "REMOVED_LIQUIDITY"}),
    Field(1138, "DisplayQty", "QTY", unsupported=True),
    Field(2964, "SelfMatchPreventionInstruction", "INT", {
        "1": "CANCEL_AGGRESSIVE", "2": "CANCEL_PASSIVE", "3": "CANCEL_AGGRESSIVE_AND_PASSIVE", "4": "DECREMENT",
    }),
    # ---- own state
    Field(15, "Currency", "CURRENCY"),
    Field(263, "SubscriptionRequestType", "CHAR", {
        "0": "SNAPSHOT", "1": "SNAPSHOT_PLUS_UPDATES", "2": "DISABLE_PREVIOUS_SNAPSHOT_PLUS_UPDATE_REQUEST",
    }),
    Field(324, "SecurityStatusReqID", "STRING"),
    Field(325, "UnsolicitedIndicator", "BOOLEAN"),
    Field(326, "SecurityTradingStatus", "INT", {
        "2": "TRADING_HALT", "17": "READY_TO_TRADE", "18": "NOT_AVAILABLE_FOR_TRADING", "21": "PRE_OPEN", "23": "FAST_MARKET",
    }),
    Field(447, "PartyIDSource", "CHAR"),
    Field(448, "PartyID", "STRING"),
    Field(452, "PartyRole", "INT"),
    Field(453, "NoPartyIDs", "NUMINGROUP"),
    Field(581, "AccountType", "INT", {
        "1": "CARRIED_CUSTOMER_SIDE", "2": "CARRIED_NON_CUSTOMER_SIDE", "3": "HOUSE_TRADER", "4": "FLOOR_TRADER", "6": "NON_CUSTOMER_SIDE_CROSS_MARGINED",
        "7": "HOUSE_TRADER_CROSS_MARGINED", "8": "JOINT_BACK_OFFICE_ACCOUNT",
    }),
    Field(584, "MassStatusReqID", "STRING"),
    Field(585, "MassStatusReqType", "INT", {"1": "STATUS_FOR_ORDERS_FOR_A_SECURITY", "7": "STATUS_FOR_ALL_ORDERS"}),
    Field(702, "NoPositions", "NUMINGROUP"),
    Field(703, "PosType", "STRING", {"TQ": "TRANSACTION_QUANTITY"}),
    Field(704, "LongQty", "QTY"),
    Field(705, "ShortQty", "QTY"),
    Field(710, "PosReqID", "STRING"),
    Field(715, "ClearingBusinessDate", "LOCALMKTDATE"),
    Field(721, "PosMaintRptID", "STRING"),
    Field(724, "PosReqType", "INT", {"0": "POSITIONS"}),
    Field(727, "TotalNumPosReports", "INT"),
    Field(728, "PosReqResult", "INT", {"0": "VALID_REQUEST", "1": "INVALID_OR_UNSUPPORTED_REQUEST", "2": "NO_POSITIONS_FOUND_THAT_MATCH_CRITERIA", "99": "OTHER"}),
    Field(729, "PosReqStatus", "INT", {"0": "COMPLETED", "2": "REJECTED"}),
    Field(730, "SettlPrice", "PRICE"),
    Field(731, "SettlPriceType", "INT", {"1": "FINAL", "2": "THEORETICAL"}),
    Field(734, "PriorSettlPrice", "PRICE"),
    Field(899, "MarginExcess", "AMT"),
    Field(901, "CashOutstanding", "AMT"),
    Field(908, "CollRptID", "STRING"),
    Field(909, "CollInquiryID", "STRING"),
    Field(910, "CollStatus", "INT", {"0": "UNASSIGNED", "1": "PARTIALLY_ASSIGNED", "3": "ASSIGNED"}),
    Field(911, "TotNumReports", "INT"),
    Field(912, "LastRptRequested", "BOOLEAN"),
    Field(945, "CollInquiryStatus", "INT", {"0": "ACCEPTED", "4": "REJECTED"}),
    Field(946, "CollInquiryResult", "INT", {"0": "SUCCESSFUL", "99": "OTHER"}),
    # ---- our own
    Field(5001, "SettlementReports", "BOOLEAN"),
    Field(5002, "CancelOnDisconnect", "BOOLEAN"),
    Field(5003, "SkipPendingReports", "BOOLEAN"),
    Field(5010, "ContractSide", "BOOLEAN"),  # Y: YES contracts (default), N: NO contracts, prices in NO terms
    Field(5011, "MassCancelScope", "CHAR", {"S": "SESSION", "A": "ACCOUNT", "F": "FIRM", "I": "INSTRUMENT", "E": "EVENT"}),
    Field(5012, "FrontEnd", "INT", unsupported=True),
    Field(5013, "GoodUntil", "UTCTIMESTAMP"),  # freshness deadline
    Field(5014, "CostCap", "QTY", unsupported=True),  # in minor units of the settlement asset
    Field(5015, "OrderGroup", "INT", unsupported=True),
    Field(5016, "PostOnlySlide", "BOOLEAN", unsupported=True),
    Field(5017, "ReduceOnly", "BOOLEAN", unsupported=True),
    Field(5018, "PersistWhenLive", "BOOLEAN"),
    Field(5101, "EventID", "INT"),
    Field(5102, "Payout", "PRICE"),  # per contract
    Field(5103, "SettledPosition", "QTY"),  # negative: short
    Field(5104, "SettledAmount", "AMT"),
    Field(5105, "BalanceAfter", "AMT"),
    Field(5106, "DeterminationVersion", "INT"),
    Field(5120, "SplitFrom", "STRING"),  # symbol
    Field(5121, "SplitPosition", "QTY"),  # in both contracts; negative: short
    Field(5107, "Locked", "AMT"),  # of the cash, by requirements
    Field(5130, "ReversalEntry", "INT", {"10": "CORRECTION", "11": "OWED", "12": "RECOVERY", "13": "COVER"}),
    Field(5131, "PreviousPayout", "PRICE"),  # per contract, before the correction
    Field(5132, "OwedAmount", "AMT"),  # by the account, in this event
    Field(5133, "BlockedAmount", "AMT"),  # credited to the account in this event, and locked until it is covered
    Field(5108, "ResultRule", "STRING"),
    Field(5109, "ResultSource", "STRING"),
    Field(5110, "ObservedValue", "STRING"),
    Field(5111, "ObservedTime", "UTCTIMESTAMP"),
    Field(5112, "EvidenceHash", "STRING"),  # SHA-256, hexadecimal
    Field(5113, "EvidenceName", "STRING"),
)  # fmt: skip

FIELDS: dict[int, Field] = {f.tag: f for f in _F}
assert len(FIELDS) == len(_F)

# (tag, required), in the order in which we write them
HEADER: tuple[tuple[int, bool], ...] = (
    (8, True), (9, True), (35, True), (49, True), (56, True), (34, True), (52, True), (43, False), (97, False), (122, False),
    (50, False), (57, False), (142, False), (143, False), (347, False), (369, False),
)  # fmt: skip
TRAILER: tuple[tuple[int, bool], ...] = ((10, True),)
HEADER_TAGS = frozenset(tag for tag, _ in HEADER)

_INSTRUMENT = ((55, True), (48, False), (22, False))
_EXTRAS = (
    (99, False), (126, False), (58, False), (110, False), (1138, False), (2964, False), (5010, False), (5012, False), (5013, False), (5014, False),
    (5015, False), (5016, False), (5017, False), (5018, False),
)  # fmt: skip

_PARTIES = ((453, False), (448, False), (447, False), (452, False))
_PARTY_GROUP = ((453, (448, 447, 452)),)

_M: tuple[Message, ...] = (
    Message("0", "Heartbeat", True, True, True, ((112, False),)),
    Message("1", "TestRequest", True, True, True, ((112, True),)),
    Message("2", "ResendRequest", True, True, True, ((7, True), (16, True))),
    Message("3", "Reject", True, True, True, ((45, True), (371, False), (372, False), (373, False), (58, False))),
    Message("4", "SequenceReset", True, True, True, ((123, False), (36, True))),
    Message("5", "Logout", True, True, True, ((58, False),)),
    Message("A", "Logon", True, True, True, (
        (98, True), (108, True), (95, False), (96, False), (141, False), (789, False), (383, False), (464, False), (553, False), (554, False),
        (1137, False), (5001, False), (5002, False), (5003, False), (58, False),
    )),
    Message("B", "News", False, False, True, ((148, True), (33, True), (58, True)), groups=((33, (58,)),)),
    Message("j", "BusinessMessageReject", False, True, True, ((45, False), (372, True), (379, False), (380, True), (58, False))),
    Message("D", "NewOrderSingle", False, True, False, (
        (11, True), (1, False), (21, False), (18, False), *_INSTRUMENT, (54, True), (60, True), (38, True), (40, True), (44, False), (59, False), *_EXTRAS,
    )),
    Message("F", "OrderCancelRequest", False, True, False, (
        (41, True), (37, False), (11, True), (1, False), *_INSTRUMENT, (54, True), (60, True), (38, False), (58, False), (5010, False),
    )),
    Message("G", "OrderCancelReplaceRequest", False, True, False, (
        (41, True), (37, False), (11, True), (1, False), (21, False), (18, False), *_INSTRUMENT, (54, True), (60, True), (38, True), (40, True),
        (44, False), (59, False), *_EXTRAS,
    )),
    Message("H", "OrderStatusRequest", False, True, False, (
        (37, False), (11, True), (790, False), (1, False), *_INSTRUMENT, (54, True), (5010, False),
    )),
    Message("q", "OrderMassCancelRequest", False, True, False, (
        (11, True), (530, True), (1, False), (55, False), (48, False), (22, False), (54, False), (60, True), (58, False), (5011, False),
    )),
    Message("AF", "OrderMassStatusRequest", False, True, False, (
        (584, True), (585, True), *_PARTIES, (1, False), (55, False),
    ), groups=_PARTY_GROUP),
    Message("AN", "RequestForPositions", False, True, False, (
        (710, True), (724, True), (263, False), *_PARTIES, (1, True), (581, True), (55, False), (715, True), (60, True), (58, False),
    ), groups=_PARTY_GROUP),
    Message("BB", "CollateralInquiry", False, True, False, (
        (909, False), (263, False), *_PARTIES, (1, False), (581, False), (58, False),
    ), groups=_PARTY_GROUP),
    Message("e", "SecurityStatusRequest", False, True, False, ((324, True), *_INSTRUMENT, (263, True), (5011, False))),
    Message("f", "SecurityStatus", False, False, True, ((324, False), (55, True), (325, False), (326, False), (60, False), (58, False))),
    Message("AO", "RequestForPositionsAck", False, False, True, (
        (721, True), (710, False), (727, False), (728, True), (729, True), *_PARTIES, (1, True), (581, True), (55, False), (58, False),
    ), groups=_PARTY_GROUP),
    Message("AP", "PositionReport", False, False, True, (
        (721, True), (710, False), (724, False), (727, False), (728, True), (715, True), *_PARTIES, (1, True), (581, True), (55, False), (15, False),
        (730, True), (731, True), (734, True), (702, True), (703, False), (704, False), (705, False),
    ), groups=(*_PARTY_GROUP, (702, (703, 704, 705)))),
    Message("BG", "CollateralInquiryAck", False, False, True, (
        (909, True), (945, True), (946, False), (911, False), *_PARTIES, (1, False), (581, False), (58, False),
    ), groups=_PARTY_GROUP),
    Message("BA", "CollateralReport", False, False, True, (
        (908, True), (909, False), (910, True), (911, False), (912, False), *_PARTIES, (1, False), (581, False), (15, False), (899, False), (901, False),
        (5107, False),
    ), groups=_PARTY_GROUP),
    Message("8", "ExecutionReport", False, False, True, (
        (584, False), (911, False), (912, False), (37, True), (11, False), (41, False), (790, False), (17, True), (150, True), (19, False), (39, True), (378, False), (103, False), (1, False), (55, True), (54, True),
        (5010, False), (38, False), (40, False), (44, False), (59, False), (126, False), (5018, False), (32, False), (31, False), (151, True), (14, True), (6, True),
        (60, False), (12, False), (13, False), (851, False), (527, False), (58, False),
    )),
    Message("9", "OrderCancelReject", False, False, True, (
        (37, True), (11, True), (41, True), (39, True), (1, False), (60, False), (434, True), (102, False), (58, False),
    )),
    Message("r", "OrderMassCancelReport", False, False, True, (
        (11, False), (37, True), (530, True), (531, True), (532, False), (533, False), (55, False), (54, False), (60, False), (5011, False), (58, False),
    )),
    Message("UMS", "MarketSettlement", False, False, True, (
        (17, True), (1, True), (55, True), (5101, True), (5106, True), (5102, True), (5103, True), (5104, True), (5105, True), (5130, False), (5131, False),
        (5132, False), (5133, False), (60, True), (5108, False), (5109, False), (5110, False), (5111, False), (5112, False), (5113, False),
    )),
    Message("UPS", "PositionSplit", False, False, True, (
        (17, True), (1, True), (55, True), (5101, True), (5120, True), (5121, True), (60, True),
    )),
)  # fmt: skip

MESSAGES: dict[str, Message] = {m.msg_type: m for m in _M}
ADMIN_TYPES = frozenset(m.msg_type for m in _M if m.admin)
# Types of FIX 4.4 that this session kind does not support: BusinessMessageReject 380=3 instead of Reject 373=11 (volume 2, test cases 2r and 2q).
KNOWN_TYPES = frozenset(
    "6 7 8 9 B C E J K L M N P Q R S T V W X Y Z a b c d e f g h i k l m n o p r s t u v w x y z AA AB AC AD AE AF AG AH AI AJ AK AL AM AN AO AP "
    "AQ AR AS AT AU AV AW AX AY AZ BA BB BC BD BE BF BG BH".split()
)
# Length fields that precede a data field: length tag -> data tag (volume 1, data type "data": it may contain SOH).
DATA_FIELDS = {93: 89, **{tag: tag + 1 for tag in (90, 95, 212, 348, 350, 352, 354, 356, 358, 360, 362, 364, 445, 618, 621)}}

MAX_MESSAGE_BYTES = 4096  # a longer message is garbled
MAX_COMP_ID = 64
OUR_MESSAGE_BYTES = 1536  # the longest message that we send
HEARTBEAT_MIN_S = 2
HEARTBEAT_MAX_S = 60
TEXT_MAX = 64  # ClOrdID and the other ids


def dictionary(version: str = FIX44) -> str:
    """The XML dictionary of the order entry session kind in QuickFIX format. Byte for byte the same at every call."""
    major, minor = version.removeprefix("FIX.").split(".")
    out = [f'<fix type="FIX" major="{major}" minor="{minor}" servicepack="0">', " <header>"]
    out += [_xml_ref(tag, required) for tag, required in HEADER]
    out += [" </header>", " <trailer>", *(_xml_ref(tag, required) for tag, required in TRAILER), " </trailer>", " <messages>"]
    used = {tag for tag, _ in HEADER + TRAILER}
    for message in _M:
        if VERSIONS.index(message.since) > VERSIONS.index(version):
            continue
        category = "admin" if message.admin else "app"
        out.append(f'  <message name="{message.name}" msgtype="{message.msg_type}" msgcat="{category}">')
        out += _xml_fields(message)
        out.append("  </message>")
        used |= {tag for tag, _ in message.fields}
    out += [" </messages>", " <components/>", " <fields>"]
    for tag in sorted(used):
        f = FIELDS[tag]
        head = f'  <field number="{tag}" name="{f.name}" type="{f.type}"'
        if f.values:
            out.append(head + ">")
            out += [f"   <value enum={quoteattr(value)} description={quoteattr(name)}/>" for value, name in f.values.items()]
            out.append("  </field>")
        else:
            out.append(head + "/>")
    out += [" </fields>", "</fix>", ""]
    return "\n".join(out)


def _xml_fields(message: Message) -> list[str]:
    """The body's fields; the members of a group are inside it."""
    groups = dict(message.groups)
    inside = {tag for tags in groups.values() for tag in tags}
    out = []
    for tag, required in message.fields:
        if tag in groups:
            out.append(f'   <group name="{FIELDS[tag].name}" required="{"Y" if required else "N"}">')
            out += [f"  {_xml_ref(member, message.tags()[member])}" for member in groups[tag]]
            out.append("   </group>")
        elif tag not in inside:
            out.append(" " + _xml_ref(tag, required))
    return out


def _xml_ref(tag: int, required: bool) -> str:
    return f'  <field name="{FIELDS[tag].name}" required="{"Y" if required else "N"}"/>'


if __name__ == "__main__":  # python -m protocol.fix_tables > protocol/dict/FIX44-OE.xml
    import sys

    sys.stdout.write(dictionary())
