"""FIX 4.4 according to the standard: the fields and values allowed in the messages that we send. Written independently of our own table, to
check it.

Fields of components and groups are listed with their message; of the groups those matter here that we send.
"""

from xml.sax.saxutils import quoteattr

from protocol.fix44_names import FIX44_NAMES
from protocol.fix_messages import FixMessage, parse_timestamp

HEADER = "8 9 35 49 56 34 52 43 97 122 50 57 142 143 115 116 128 129 144 145 90-91 212-213 347 369 627-630"
HEADER_REQUIRED = "8 9 35 49 56 34 52"
# MsgType: (name, required, all)
MESSAGES = {
    "0": (
        "Heartbeat",
        "",
        "112 ",
    ),
    "1": (
        "TestRequest",
        "112",
        "112 ",
    ),
    "2": (
        "ResendRequest",
        "7 16",
        "7 16 ",
    ),
    "3": (
        "Reject",
        "45",
        "45 58 354-355 371-373 ",
    ),
    "4": (
        "SequenceReset",
        "36",
        "36 123 ",
    ),
    "5": (
        "Logout",
        "",
        "58 354-355 ",
    ),
    "8": (
        "ExecutionReport",
        "37 17 150 39 54 151 14 6",
        "1 6 11-15 17-19 21-22 29-32 37-41 44 48 54-55 58-60 63-66 75 77 99 103 106-107 110-111 113 118-120 126 136-139 150-152 "
        "155-159 167-168 192-195 198 200-202 206-207 210-211 218 220-260 305-313 315-318 336-337 348-351 354-355 362-365 375-378 "
        "381-382 388-389 423-427 432 435-438 442 447-448 452-463 468-472 479-481 483-485 494 497 513 515-516 518-521 523-529 538-539 "
        "541-545 548-549 551 555-556 564-566 581-584 587-625 635-639 641 651-652 654-655 660 662-663 667 669 683 687-691 693 696-699 "
        "701 711 738-740 761-764 775 788 790 797 802-805 810 835-851 854 864-868 873-879 882-889 891 898 911-922 941-943 947 955-956 ",
    ),
    "9": (
        "OrderCancelReject",
        "37 11 41 39 434",
        "1 11 37 39 41 58 60 66 75 102 198 229 354-355 434 526 581 583 586 636 660 ",
    ),
    "A": (
        "Logon",
        "98 108",
        "95-96 98 108 141 372 383-385 464 553-554 789 ",
    ),
    "B": (
        "News",
        "148 33",
        "22 33 42 48 55 58 61 65 95-96 106-107 146 148-149 167 200-202 206-207 215-217 223-228 231 239-257 305-313 315-318 348-351 "
        "354-355 358-359 362-365 435-436 454-463 470-472 541-543 555-556 592-624 667 691 711 739-740 762-764 810 864-868 873-879 "
        "882-889 941-942 947 955-956 ",
    ),
    "j": (
        "BusinessMessageReject",
        "372 380",
        "45 58 354-355 372 379-380 ",
    ),
    "r": (
        "OrderMassCancelReport",
        "37 530 531",
        "11 22 37 41 48 54-55 58 60 65 106-107 167 198 200-202 206-207 223-228 231 239-247 255-256 305-313 315-318 336 348-351 354-355 "
        "362-365 435-436 454-463 470-472 526 530-536 541-543 592-595 625 667 691 762-763 810 864-868 873-879 882-889 941 947 ",
    ),
}
_PARTIES = (453, (448, 447, 452))
# MsgType: (count, its members that we send), for each group
GROUPS = {
    "B": ((33, (58,)),), "AO": (_PARTIES,), "AP": (_PARTIES, (702, (703, 704, 705))), "BA": (_PARTIES,), "BG": (_PARTIES,),
}  # fmt: skip
REQUIRED_GROUPS = (33,)
_INSTRUMENT = "22 48 55 65 106-107 167 200-202 206-207 223-228 231 239-240 255 348-351 362-365 454-456 460-461 541 543 667 691 762"
MESSAGES |= {
    "AO": ("RequestForPositionsAck", "721 728 729 1 581", f"1 15 58 325 354-355 447-448 452-453 581 660 710 721 725-729 {_INSTRUMENT}"),
    "AP": (
        "PositionReport",
        "721 728 715 1 581 730 731 734",
        f"1 15 58 263 325 354-355 447-448 452-453 506 581 660 702-706 707-708 710 715-717 721 724 727-728 730-731 734 743 753 {_INSTRUMENT}",
    ),
    "BA": (
        "CollateralReport",
        "908 910",
        f"1 11 15 37 44 53-54 58 159 198 336 423 447-448 452-453 526 581 625 715-717 854 899-901 908-912 920-922 {_INSTRUMENT}",
    ),
    "BG": (
        "CollateralInquiryAck",
        "909 945",
        f"1 11 15 37 53 58 198 336 447-448 452-453 526 581 625 715-717 725-726 854 909 911 945-946 {_INSTRUMENT}",
    ),
}
MESSAGES["f"] = ("SecurityStatus", "55", f"15 31 58 60 291-292 324-334 336 354-355 625 668 869-871 {_INSTRUMENT}")
VALUES = {
    13: "1 2 3 4 5 6",
    39: "0 1 2 3 4 6 7 8 9 A B C D E",
    40: "1 2 3 4 6 7 8 9 D E G I J K L M P",
    54: "1 2 3 4 5 6 7 8 9 A B C D E F G",
    59: "0 1 2 3 4 5 6 7",
    98: "0 1 2 3 4 5 6",
    102: "0 1 2 3 4 5 6 99",
    103: "0 1 2 3 4 5 6 7 8 9 10 11 13 14 15 99",
    150: "0 3 4 5 6 7 8 9 A B C D E F G H I",
    373: "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 99",
    378: "0 1 2 3 4 5 6 7 8 9 10 99",
    380: "0 1 2 3 4 5 6 7",
    326: "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23",
    434: "1 2",
    530: "1 2 3 4 5 6 7",
    531: "0 1 2 3 4 5 6 7",
    532: "0 1 2 3 4 5 6 99",
    581: "1 2 3 4 6 7 8",
    703: "TQ IAS IES FIN SOD EX AS TX TA PIT TRF XM SPL RCV ALC DLV",
    724: "0 1 2 3",
    728: "0 1 2 3 4 99",
    729: "0 1 2",
    731: "1 2",
    851: "1 2 3",
    910: "0 1 2 3 4",
    912: "Y N",
    945: "0 1 2 3 4",
    946: "0 1 2 3 4 5 6 7 8 9 99",
}
TIMES = (52, 60, 122, 126)


def tags(text: str) -> set[int]:
    """The numbers of a list like "1 6 11-15"."""
    out: set[int] = set()
    for part in text.split():
        first, _, last = part.partition("-")
        out |= set(range(int(first), int(last or first) + 1))
    return out


def wrong_with(message: FixMessage, decimals: int = 3) -> list[str]:
    """What an engine with the standard's dictionary would reject in a message, as sentences."""
    kind = message.msg_type
    if kind not in MESSAGES:
        return [f"MsgType {kind} is unknown"]
    _, required, may = MESSAGES[kind]
    found = [tag for tag, _ in message.fields]
    out = [f"{tag} is missing" for tag in tags(HEADER_REQUIRED) | tags(required) if tag not in found]
    out += [f"{tag} is not of this message" for tag in found if tag not in tags(HEADER) | tags(may) | {10}]
    grouped = {tag for _, members in GROUPS.get(kind, ()) for tag in members}
    out += [f"{tag} appears twice" for tag in set(found) - grouped if found.count(tag) > 1]
    for count, members in GROUPS.get(kind, ()):
        after = found[found.index(count) + 1 :] if count in found else []
        inside = next((after[:i] for i, tag in enumerate(after) if tag not in members), after)
        out += [f"{tag} stands outside its group" for tag in members if found.count(tag) > inside.count(tag)]
        if count in found and inside.count(members[0]) != int(message.get(count)):
            out.append(f"{count} says {message.text(count)}, there are {inside.count(members[0])} entries")
    for tag, value in message.fields:
        text = value.decode()
        if tag in VALUES and text not in VALUES[tag].split():
            out.append(f"{tag}={text} is no value of it")
        if tag in TIMES and (parse_timestamp(value) is None or len(text) != 17 + (decimals and decimals + 1)):
            out.append(f"{tag}={text} has not {decimals} decimals")
    return out


def dictionary() -> str:
    """This table as a QuickFIX dictionary, as used by an engine without ours."""
    out = ['<fix type="FIX" major="4" minor="4" servicepack="0">', " <header>"]
    out += [_ref(tag, tag in tags(HEADER_REQUIRED)) for tag in sorted(tags(HEADER) - {627, 628, 629, 630})]
    out += [" </header>", " <trailer>", _ref(10, True), " </trailer>", " <messages>"]
    used = tags(HEADER) | {10}
    for kind, (name, required, may) in MESSAGES.items():
        category = "admin" if kind in "012345A" else "app"
        out.append(f'  <message name="{name}" msgtype="{kind}" msgcat="{category}">')
        groups = GROUPS.get(kind, ())
        apart = {tag for count, members in groups for tag in (count, *members)}
        out += [_ref(tag, tag in tags(required)) for tag in sorted(tags(may) - apart)]
        for count, members in groups:
            must = count in REQUIRED_GROUPS
            out += [f'   <group name="{FIX44_NAMES[count]}" required="{"Y" if must else "N"}">']
            out += [*(_ref(tag, must) for tag in members), "   </group>"]
        out.append("  </message>")
        used |= tags(may)
    out += [" </messages>", " <components/>", " <fields>"]
    for tag in sorted(used):
        values = "".join(f"<value enum={quoteattr(v)} description={quoteattr('V' + v)}/>" for v in VALUES.get(tag, "").split())
        kind = "UTCTIMESTAMP" if tag in TIMES else "NUMINGROUP" if tag in (33, 453, 702) else "STRING"
        out.append(f'  <field number="{tag}" name="{FIX44_NAMES[tag]}" type="{kind}">{values}</field>')
    return "\n".join([*out, " </fields>", "</fix>", ""])


def _ref(tag: int, required: bool) -> str:
    return f'   <field name="{FIX44_NAMES[tag]}" required="{"Y" if required else "N"}"/>'
