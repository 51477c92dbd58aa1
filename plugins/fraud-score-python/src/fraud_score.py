"""Scores card transactions; see the README for fields, rules and settings."""

from weir import KEEP, Batch, Event, Interceptor, Parameter, Settings, Verdict, reject

from rules import Rules
from transaction import NotATransaction, read


class FraudScore(Interceptor):
    """One instance of the plugin."""

    parameters = [
        Parameter.optional("amount_limit", "amount that gives all of the amount's points", "1000"),
        Parameter.optional("review_above", "scores of at least this are marked `review`, 0 to 1", "0.5"),
        Parameter.optional("refuse_above", "scores of at least this are marked `refuse`, 0 to 1", "0.8"),
        Parameter.optional("risky_mccs", "merchant category codes that give points, separated by commas", "4829,5933,6051,6211,7995"),
    ]

    def __init__(self, settings: Settings) -> None:
        self.rules = Rules(
            settings.number("amount_limit"),
            settings.number("review_above"),
            settings.number("refuse_above"),
            settings.list("risky_mccs"),
        )
        # Transactions of a card so far in this batch.
        self.seen: dict[str, int] = {}

    def intercept_batch(self, batch: Batch) -> None:
        self.seen = {}
        super().intercept_batch(batch)

    def intercept(self, event: Event) -> Verdict:
        try:
            transaction = read(event)
        except NotATransaction as error:
            return reject(f"not a transaction: {error}")
        seen = self.seen.get(transaction.card, 0)
        self.seen[transaction.card] = seen + 1
        points = self.rules.score(transaction, seen)
        event.set_header("fraud.score", f"{points // 1000}.{points % 1000:03}")
        event.set_header("fraud.verdict", self.rules.verdict(points))
        return KEEP
