"""The native stand-in for the host: what an author's own tests rely on."""

from __future__ import annotations

import unittest
from typing import Any

from weir import DISCARD, KEEP, Batch, Event, Fault, Interceptor, Parameter, Settings, SettingsError, Verdict, count, log, reject
from weir.testing import BatchFailed, Given, Judged, configure, judge, watched


class Everything(Interceptor):
    """Does a little of everything, as the body says."""

    parameters = [Parameter.optional("mark", "value of the header `mark`", "yes"), Parameter.absent("note", "nothing")]

    def __init__(self, settings: Settings) -> None:
        self.mark = settings.text("mark")

    def intercept(self, event: Event) -> Verdict:
        match event.body:
            case None:
                return reject("no body")
            case b"mark":
                event.set_header("mark", self.mark)
            case b"drop":
                return DISCARD
            case b"clear":
                event.clear_body()
                event.set_key("k")
                event.clear_key()
            case b"replace":
                event.set_body("first thought")
                event.set_body("second thought")
                event.set_key(b"\xff")
            case b"derive":
                event.derive("child", {"of": b"derive"})
            case b"rename":
                event.set_header("new", event.header_text("old") or "?")
                event.remove_header("old")
            case b"regret":
                event.derive("child")
                return reject("regretted")
            case b"forget":
                return None  # type: ignore[return-value]
            case b"say":
                log.warn("careful")
                count("said", 2)
                count("said")
            case _:
                event.set_header("field", event.json_text("/a/0") or "none")
        return KEEP


def one(given: Given | bytes | str | None) -> Judged:
    return judge(configure(Everything), ["mark", given])[1]


class TheStandIn(unittest.TestCase):
    def test_an_event_is_kept_dropped_or_rejected_with_its_reason(self) -> None:
        self.assertEqual(one("mark").header("mark"), "yes")
        self.assertEqual(one("drop").fate, "discarded")
        self.assertEqual((one(None).fate, one(None).reason), ("rejected", "no body"))

    def test_of_two_bodies_the_last_counts(self) -> None:
        judged = one(Given("replace", timestamp=5))
        self.assertEqual((judged.body, judged.key, judged.timestamp), (b"second thought", b"\xff", 5))
        self.assertEqual((one("clear").body, one("clear").key), (None, None))

    def test_derived_events_follow_and_go_with_a_rejected_parent(self) -> None:
        (child,) = one("derive").derived
        self.assertEqual((child.body, child.header("of")), (b"child", "derive"))
        self.assertEqual((one("regret").reason, one("regret").derived), ("regretted", []))

    def test_headers_and_json_fields_are_read_by_name(self) -> None:
        judged = one(Given("rename", headers=[("old", "1"), ("old", "2")]))
        self.assertEqual((judged.header("new"), judged.header("old")), ("2", None))
        self.assertEqual(one('{"a":["x"]}').header("field"), "x")
        self.assertEqual(one("not json").header("field"), "none")

    def test_settings_are_checked_as_the_host_does(self) -> None:
        self.assertEqual(configure(Everything, {"mark": "no"}).mark, "no")
        with self.assertRaisesRegex(SettingsError, "^`marc` is unknown$"):
            configure(Everything, {"marc": "no"})

        class Strict(Interceptor):
            parameters = [Parameter.required("key", "any")]

        with self.assertRaisesRegex(SettingsError, "^`key` is required$"):
            configure(Strict)

    def test_a_verdict_that_was_forgotten_is_an_error_with_the_place_it_was_forgotten_at(self) -> None:
        with self.assertRaises(BatchFailed) as caught:
            one("forget")
        message = str(caught.exception)
        self.assertTrue(message.startswith("TypeError: `intercept` must return KEEP, DISCARD or reject(reason), not None\nTraceback"))

    def test_a_fault_is_its_message_alone_any_other_exception_has_its_traceback(self) -> None:
        class Failing(Interceptor):
            def intercept(self, event: Event) -> Verdict:
                if event.body == b"fault":
                    raise Fault("it broke")
                try:
                    raise ValueError("first")
                except ValueError:
                    return dict[str, Verdict]()["second"]

        with self.assertRaisesRegex(BatchFailed, "^it broke$"):
            judge(configure(Failing), ["fault"])
        with self.assertRaises(BatchFailed) as caught:
            judge(configure(Failing), ["other"])
        message = str(caught.exception)
        for part in ("KeyError: 'second'\nTraceback", "ValueError: first\nAfter that:", 'return dict[str, Verdict]()["second"]', "test_sdk.py"):
            self.assertIn(part, message)

    def test_lines_of_the_log_and_counters_are_seen(self) -> None:
        with watched() as seen:
            one("say")
        self.assertEqual((seen.log, seen.counters), ([("warn", "careful")], {"said": 3}))
        with self.assertRaises(ValueError):
            count("said", -1)

    def test_a_batch_may_be_gone_through_in_any_order(self) -> None:
        class TwoPasses(Interceptor):
            def intercept_batch(self, batch: Batch) -> None:
                lengths = [len(event.body or b"") for event in batch]
                if not lengths:
                    raise Fault("all empty")
                for index in reversed(range(len(batch))):
                    batch[index].set_header("share", f"{lengths[index]}/{max(lengths)}")
                batch[1].decide(DISCARD)

        judged = judge(configure(TwoPasses), ["a", "bbb"])
        self.assertEqual([event.header("share") for event in judged], ["1/3", "3/3"])
        self.assertEqual([event.fate for event in judged], ["kept", "discarded"])
        with self.assertRaisesRegex(BatchFailed, "^all empty$"):
            judge(configure(TwoPasses), [])

    def test_an_event_is_decided_on_once(self) -> None:
        class Twice(Interceptor):
            def intercept_batch(self, batch: Batch) -> None:
                batch[0].decide(DISCARD)
                batch[0].decide(reject("no"))

        with self.assertRaisesRegex(BatchFailed, "event 0 was decided on already"):
            judge(configure(Twice), ["a"])

    def test_a_headers_name_is_text_that_is_not_empty(self) -> None:
        class Nameless(Interceptor):
            def intercept(self, event: Event) -> Verdict:
                event.set_header(event.body_text or "", "x")
                return KEEP

        for name in ("", "a\0b"):
            with self.assertRaisesRegex(BatchFailed, "cannot name a header"):
                judge(configure(Nameless), [name])

    def test_every_events_headers_key_and_time_are_there_and_byte_ranges_are_cut_at_the_end(self) -> None:
        class Reads(Interceptor):
            seen: list[Any]

            def intercept_batch(self, batch: Batch) -> None:
                ranges = batch.body_ranges(2, 4)
                self.seen = [(event.headers(), event.key, event.timestamp, ranges.of(event)) for event in batch]

        reads = configure(Reads)
        judge(reads, [Given("0123456789", headers=[(b"\xff", None), ("a", "")]), Given("012", key="k", timestamp=7), None])
        wanted = [([(b"\xff", None), (b"a", b"")], None, None, b"2345"), ([], b"k", 7, b"2"), ([], None, None, None)]
        self.assertEqual(reads.seen, wanted)


if __name__ == "__main__":
    unittest.main()
