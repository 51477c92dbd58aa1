"""Settings are typed, and what is wrong with one is told with its name, in the words the other SDKs use."""

from __future__ import annotations

import unittest

from weir import Settings, SettingsError

SETTINGS = Settings(
    [("limit", " 12 "), ("ratio", "much"), ("names", "a, b,,c"), ("deep", "-inf"), ("on", "true"), ("empty", ""), ("huge", "9223372036854775808")]
)


class SettingsAre(unittest.TestCase):
    def test_typed(self) -> None:
        self.assertEqual(SETTINGS.integer("limit"), 12)
        self.assertEqual(SETTINGS.number("limit"), 12.0)
        self.assertEqual(SETTINGS.number("deep"), float("-inf"))
        self.assertIs(SETTINGS.boolean("on"), True)
        self.assertIsNone(SETTINGS.find_integer("other"))
        self.assertEqual(SETTINGS.list("names"), ["a", "b", "c"])
        self.assertEqual(SETTINGS.list("other"), [])

    def test_told_with_their_name_where_they_do_not_parse(self) -> None:
        cases = [
            (SETTINGS.number, "ratio", "`ratio` cannot be `much`: invalid float literal"),
            (SETTINGS.integer, "ratio", "`ratio` cannot be `much`: invalid digit found in string"),
            (SETTINGS.boolean, "ratio", "`ratio` cannot be `much`: provided string was not `true` or `false`"),
            (SETTINGS.integer, "empty", "`empty` cannot be ``: cannot parse integer from empty string"),
            (SETTINGS.integer, "huge", "`huge` cannot be `9223372036854775808`: number too large to fit in target type"),
            (SETTINGS.number, "other", "`other` is required"),
        ]
        for get, name, message in cases:
            with self.assertRaises(SettingsError) as caught:
                get(name)
            self.assertEqual(str(caught.exception), message)

    def test_no_numbers_in_the_ways_only_python_writes_them(self) -> None:
        odd = Settings([("a", "1_000"), ("b", "\u0661"), ("c", "1_0.5"), ("d", "0x10")])
        for name in "abcd":
            with self.assertRaises(SettingsError):
                odd.integer(name)
            with self.assertRaises(SettingsError):
                odd.number(name)


if __name__ == "__main__":
    unittest.main()
