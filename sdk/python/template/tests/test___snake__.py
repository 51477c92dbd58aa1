"""Runs without WebAssembly: `weir.testing` stands in for the agent."""

import unittest

from weir.testing import Given, configure, judge

from {{snake}} import {{pascal}}


class LargeEvents(unittest.TestCase):
    def test_are_marked_with_their_size(self) -> None:
        large, small = judge(configure({{pascal}}, {"limit": "3"}), ["four", Given(body="two", key="k")])
        self.assertEqual(large.header("large"), "4")
        self.assertEqual((small.fate, small.headers), ("kept", []))

    def test_without_a_body_are_rejected(self) -> None:
        (judged,) = judge(configure({{pascal}}), [None])
        self.assertEqual((judged.fate, judged.reason), ("rejected", "no body"))


if __name__ == "__main__":
    unittest.main()
