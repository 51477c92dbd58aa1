"""A command or two; the conformance suite has them all."""

import unittest

from weir.testing import BatchFailed, Given, configure, judge, watched

from conformance import Conformance


def one(body: bytes | str | None, do: str, mode: str = "event", **headers: bytes | str):
    (judged,) = judge(configure(Conformance, {"label": "here", "mode": mode}), [Given(body, headers={"do": do, **headers})])
    return judged


class Commands(unittest.TestCase):
    def test_that_are_not_known_reject_the_event(self) -> None:
        self.assertEqual(one("", "dance").reason, "unknown command `dance`")

    def test_an_echo_says_everything_of_an_event(self) -> None:
        self.assertEqual(one("b" * 65, "echo", x=b"\xff").body, b"key=null;timestamp=null;body=len:65;headers=646f=6563686f,78=ff")

    def test_numbers_are_rounded_half_away_from_zero(self) -> None:
        for number, wanted in (("-0.0005", "-1"), ("0.0005", "1"), ("0.0004", "0"), ("1e300", str((1 << 63) - 1))):
            self.assertEqual(one(f'{{"a":{number}}}', "json", pointer="/a").header("number"), wanted)

    def test_a_whole_batch_is_numbered_first(self) -> None:
        judged = one("0123456789", "range", "batch")
        self.assertEqual((judged.header("index"), judged.header("of"), judged.header("range")), ("0", "1", "2345"))

    def test_errors_and_counts_reach_the_host(self) -> None:
        with self.assertRaisesRegex(BatchFailed, "^no$"):
            one("no", "error")
        with watched() as seen:
            one("", "count")
        self.assertEqual(seen.counters, {"seen": 1})


if __name__ == "__main__":
    unittest.main()
