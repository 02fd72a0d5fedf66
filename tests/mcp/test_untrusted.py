from exchange_server.mcp.api import part, problem_text
from exchange_server.mcp.untrusted import NOTE, envelope


def test_texts_of_people_are_marked_wherever_they_are_and_nothing_else():
    answer = {
        "market": "CUP", "title": "Who\u200b wins?\x1b[31m", "rules": "", "sources": ["a", "b"], "phase": "open",
        "contracts": [{"contract": "CUP-A", "outcome": "A", "bid": None}], "versions": [{"observed": "2-1", "version": 1}],
    }  # fmt: skip
    assert envelope(answer) == {
        "note": NOTE,
        "data": {
            "market": "CUP",
            "title": {"untrusted_text": "Who  wins? [31m"},
            "rules": "",
            "sources": [{"untrusted_text": "a"}, {"untrusted_text": "b"}],
            "phase": "open",
            "contracts": [{"contract": "CUP-A", "outcome": {"untrusted_text": "A"}, "bid": None}],
            "versions": [{"observed": {"untrusted_text": "2-1"}, "version": 1}],
        },
    }


def test_a_refusal_has_all_its_numbers():
    found = {"detail": "too many", "name": "MAX", "code": 5, "limit": "10", "used": "0", "asked": "20", "at": "quantity"}
    assert problem_text(422, found) == "refused: too many (at quantity) [limit 10, used 0, asked 20]. Reason MAX (5), status 422"
    assert problem_text(500, None) == problem_text(500, {}) == "the API answered with status 500"


def test_names_in_paths_stay_one_part():
    assert part("../x?y#z") == "..%2Fx%3Fy%23z"
