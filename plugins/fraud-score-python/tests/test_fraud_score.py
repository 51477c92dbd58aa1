"""The rules, case by case; the same cases as in the other languages."""

import unittest

from weir import SettingsError
from weir.testing import Given, Judged, configure, judge

from fraud_score import FraudScore


def body(card: str, amount: str, mcc: str, country: str) -> str:
    return (
        f'{{"id":"t-1","card":"{card}","amount":{amount},"currency":"EUR","merchant":"m","mcc":"{mcc}",'
        f'"country":"{country}","home":"SE","ts":1,"more":[1]}}'
    )


def judged(*bodies: str | bytes | None) -> list[Judged]:
    return judge(configure(FraudScore), [Given(one) for one in bodies])


def reason(one: str | bytes | None) -> str | None:
    return judged(one)[0].reason


class Scores(unittest.TestCase):
    def test_points_add_up(self) -> None:
        marks = [
            (event.header("fraud.score"), event.header("fraud.verdict"))
            for event in judged(
                body("1", "10", "5411", "SE"), body("2", "10", "5411", "NO"), body("3", "500", "7995", "NO"), body("4", "2000.5", "7995", "NO")
            )
        ]
        self.assertEqual(marks, [("0.004", "approve"), ("0.204", "approve"), ("0.650", "review"), ("0.850", "refuse")])

    def test_a_card_used_again_and_again_gains_points_up_to_a_bound(self) -> None:
        scores = [event.header("fraud.score") for event in judged(*[body("1", "0", "5411", "SE")] * 6)]
        self.assertEqual(scores, ["0.000", "0.100", "0.200", "0.300", "0.300", "0.300"])

    def test_halves_are_rounded_up(self) -> None:
        self.assertEqual([event.header("fraud.score") for event in judged(body("1", "1.25", "5411", "SE"), body("2", "6.25", "5411", "SE"))], ["0.001", "0.003"])

    def test_what_is_no_transaction_is_rejected_with_the_reason(self) -> None:
        whole = body("1", "10", "5411", "SE")
        for none in (None, "", ' ["t","1",1]', '{"id":1}', whole + "x", whole[:-1], b"\xff", b"[" * 100_000):
            self.assertEqual(reason(none), "not a transaction: no `card`")
        self.assertEqual(reason(body("1", "-1", "5411", "SE")), "not a transaction: amount -1 is negative")
        for odd in ("1e999", "true", '"1"', "null"):
            self.assertEqual(reason(body("1", odd, "5411", "SE")), "not a transaction: no number `amount`", odd)
        for name in ("mcc", "country", "home"):
            self.assertEqual(reason(whole.replace(f'"{name}"', '"x"')), f"not a transaction: no `{name}`")

    def test_thresholds_must_make_sense(self) -> None:
        message = "`review_above` (0.9) must not be above `refuse_above` (0.8), and both between 0 and 1"
        with self.assertRaises(SettingsError) as caught:
            configure(FraudScore, {"review_above": "0.9"})
        self.assertEqual(str(caught.exception), message)
        with self.assertRaises(SettingsError):
            configure(FraudScore, {"amount_limit": "0"})


if __name__ == "__main__":
    unittest.main()
