"""The stand-in finds what the host finds, as it is written."""

from __future__ import annotations

import unittest

from weir.json_pointer import number, text


class Pointers(unittest.TestCase):
    def test_find_what_rfc_6901_section_5_says(self) -> None:
        body = rb' {"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8} '
        wanted = {"/foo": '["bar","baz"]', "/foo/0": "bar", "/": "0", "/a~1b": "1", "/c%d": "2", "/e^f": "3", "/g|h": "4"}
        wanted |= {"/i\\j": "5", '/k"l': "6", "/ ": "7", "/m~0n": "8"}
        for pointer, value in wanted.items():
            self.assertEqual(text(body, pointer), value, pointer)

    def test_find_values_as_they_are_written(self) -> None:
        body = b'{ "n": 1.50, "o": { "a" : [1, 2.0] }, "t": "t\\u00e9", "z": null, "n": 12e1 }'
        self.assertEqual(text(body, "/n"), "12e1")
        self.assertEqual(text(body, "/o"), '{ "a" : [1, 2.0] }')
        self.assertEqual(text(body, "/o/a/1"), "2.0")
        self.assertIsNone(text(body, "/o/a/01"))
        self.assertEqual(text(body, "/t"), "té")
        self.assertIsNone(text(body, "/z"))
        self.assertEqual(number(body, "/n"), 120.0)
        self.assertIsNone(number(body, "/t"))

    def test_find_nothing_where_there_is_no_json_and_must_be_pointers(self) -> None:
        for body in (None, b"{", b"\xff", b"", b'{"a":NaN}'):
            self.assertIsNone(text(body, "/a"))
        for pointer in ("a", "/~2"):
            with self.assertRaisesRegex(ValueError, "is not a JSON pointer"):
                text(b"{}", pointer)


if __name__ == "__main__":
    unittest.main()
