"""Lookups, what they add, and what becomes of what cannot be looked up."""

import unittest

from weir import SettingsError
from weir.testing import Given, Judged, configure, judge

from geo_enrich import GeoEnrich

TABLE = "192.0.2.0/24,SE,Umeå; 192.0.2.128/25,NO,Oslo\n192.0.2.200,FI,Åbo\n# documentation\n2001:db8::/32,DK,Århus"
BASE = {"table": TABLE, "columns": "country,city"}


def look(body: str | None, settings: dict[str, str] | None = None, **given: object) -> Judged:
    return judge(configure(GeoEnrich, {**BASE, **(settings or {})}), [Given(body, **given)])[0]  # type: ignore[arg-type]


def country(ip: str) -> str | None:
    return look(f'{{"ip":"{ip}"}}').header("geo.country")


class Lookups(unittest.TestCase):
    def test_the_longest_prefix_counts(self) -> None:
        self.assertEqual([country(f"192.0.2.{last}") for last in (1, 129, 200, 201)], ["SE", "NO", "FI", "NO"])
        self.assertEqual(country("2001:db8::1"), "DK")
        self.assertEqual(country("::ffff:192.0.2.1"), "SE")
        self.assertIsNone(country("203.0.113.9"))

    def test_postcodes_are_found_by_how_they_begin(self) -> None:
        settings = {"table": "90,Västerbotten;9032,Holmsund", "columns": "region", "kind": "text", "from": "header:postcode"}
        for postcode, region in (("903 21", "Holmsund"), ("901 00", "Västerbotten"), ("111 22", None), ("9", None)):
            judged = look("", settings, headers={"postcode": postcode})
            self.assertEqual(judged.header("geo.region"), region, postcode)

    def test_an_object_goes_to_the_end_of_the_body_and_all_else_stays_as_written(self) -> None:
        judged = look('{ "ip": "192.0.2.1", "n": 1.50 }\n', {"into": "body"})
        self.assertEqual((judged.body or b"").decode(), '{ "ip": "192.0.2.1", "n": 1.50 ,"geo":{"country":"SE","city":"Umeå"}}')
        self.assertEqual(judged.headers, [])
        taken = look('{"ip":"192.0.2.1","geo":1}', {"into": "body"})
        self.assertEqual(taken.reason, "the body has a field `geo` already")

    def test_what_cannot_be_looked_up_goes_where_the_settings_say(self) -> None:
        self.assertEqual(look('{"ip":"nowhere"}').reason, "`nowhere` is not an IP address")
        self.assertEqual(look('{"ip":"nowhere"}', {"malformed": "discard"}).fate, "discarded")
        self.assertEqual(look("no json").fate, "kept")
        self.assertEqual(look("{}", {"missing": "reject"}).reason, "nothing to look up at `/ip`")
        self.assertEqual(look('{"ip":"203.0.113.9"}', {"unknown": "reject"}).reason, "`203.0.113.9` is in no row of the table")
        self.assertEqual(look(None, {"from": "header:ip", "into": "body"}, headers={"ip": "192.0.2.1"}).reason, "the body is no JSON")

    def test_a_table_that_makes_no_sense_is_refused_with_its_row(self) -> None:
        cases = {
            "192.0.2.0/24,SE": "row 1 of `table` has 1 values, `columns` names 2: `192.0.2.0/24,SE`",
            "192.0.2.0/24,SE,a;192.0.2.0/24,NO,b": "row 2 of `table` names `192.0.2.0/24` again",
            "192.0.2.1/24,SE,a": "`table`: 192.0.2.1/24 has host bits set",
        }
        for table, message in cases.items():
            with self.assertRaises(SettingsError) as caught:
                configure(GeoEnrich, {**BASE, "table": table})
            self.assertEqual(str(caught.exception), message)
        for wrong in ({"kind": "zip"}, {"from": "ip"}, {"from": "header:"}, {"unknown": "drop"}, {"columns": ""}):
            with self.assertRaises(SettingsError):
                configure(GeoEnrich, {**BASE, **wrong})


if __name__ == "__main__":
    unittest.main()
