"""The table is consistent, and the dictionary file is generated from it."""

import xml.etree.ElementTree as ET
from pathlib import Path

from protocol import codes, fix_tables
from protocol.fix_tables import FIELDS, HEADER, MESSAGES, TRAILER, dictionary

FILE = Path(fix_tables.__file__).parent / "dict" / "FIX44-OE.xml"


def test_the_dictionary_file_is_up_to_date():
    assert FILE.read_text() == dictionary(), "python -m protocol.fix_tables > protocol/dict/FIX44-OE.xml"


def test_the_dictionary_names_every_field_once_and_only_known_ones():
    root = ET.fromstring(dictionary())
    defined = {f.get("name"): int(f.get("number")) for f in root.find("fields")}
    assert len(defined) == len(root.find("fields"))
    used = {f.get("name") for part in ("header", "trailer", "messages") for f in root.find(part).iter() if f.tag in ("field", "group")}
    assert used == defined.keys()
    assert {m.get("msgtype") for m in root.find("messages")} == MESSAGES.keys()
    assert {m.get("msgtype") for m in root.find("messages") if m.get("msgcat") == "admin"} == set("012345A")


def test_messages_use_tabled_fields_once_and_none_of_the_header():
    frame = {tag for tag, _ in HEADER + TRAILER}
    for message in MESSAGES.values():
        tags = [tag for tag, _ in message.fields]
        assert len(tags) == len(set(tags)), message.name
        assert set(tags) <= FIELDS.keys() - frame, message.name
        assert message.incoming or message.outgoing
    for tag, f in FIELDS.items():
        assert tag == f.tag and (tag < 5000 or 5000 <= tag <= 9999) and f.name


def test_enumerations_are_those_of_the_codes():
    assert FIELDS[39].values.keys() == set(codes.ORD_STATUS_FIX.values())
    assert "5" not in FIELDS[39].values and 20 not in FIELDS, "FIX 4.4 has neither"
    for tag, values in (
        (54, (codes.BUY, codes.SELL)),
        (40, (codes.MARKET, codes.LIMIT, codes.STOP, codes.STOP_LIMIT)),
        (59, (codes.DAY, codes.GTC, codes.AT_OPEN, codes.IOC, codes.FOK, codes.GTD)),
        (2964, (codes.STP_CANCEL_INCOMING, codes.STP_CANCEL_RESTING, codes.STP_CANCEL_BOTH, codes.STP_DECREMENT)),
    ):
        assert FIELDS[tag].values.keys() == {str(v) for v in values}
