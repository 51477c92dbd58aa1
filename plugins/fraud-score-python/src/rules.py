"""Points of a thousand, and what they mean."""

import math

from weir import SettingsError

from transaction import Transaction

# The most points there are.
ALL = 1000
AMOUNT = 400.0
AGAIN = 100
AGAIN_AT_MOST = 300
ABROAD = 200
RISKY = 250


class Rules:
    """The settings, made ready."""

    def __init__(self, amount_limit: float, review: float, refuse: float, risky_mccs: list[str]) -> None:
        if not (math.isfinite(amount_limit) and amount_limit > 0):
            raise SettingsError(f"`amount_limit` ({plain(amount_limit)}) must be above 0")
        if not 0 <= review <= refuse <= 1:
            raise SettingsError(
                f"`review_above` ({plain(review)}) must not be above `refuse_above` ({plain(refuse)}), and both between 0 and 1"
            )
        self.amount_limit = amount_limit
        self.review = rounded(review * ALL)
        self.refuse = rounded(refuse * ALL)
        self.risky_mccs = frozenset(risky_mccs)

    def score(self, transaction: Transaction, seen: int) -> int:
        """Points of a transaction whose card was seen so often before in the batch."""
        points = rounded(AMOUNT * min(transaction.amount / self.amount_limit, 1.0))
        points += min(seen * AGAIN, AGAIN_AT_MOST)
        if transaction.country != transaction.home:
            points += ABROAD
        if transaction.mcc in self.risky_mccs:
            points += RISKY
        return min(points, ALL)

    def verdict(self, points: int) -> str:
        """What the points mean."""
        if points >= self.refuse:
            return "refuse"
        return "review" if points >= self.review else "approve"


def rounded(number: float) -> int:
    """To the nearest whole number, halves up; Python's own `round` goes to the even one."""
    whole = math.floor(number)
    return whole + (number - whole >= 0.5)


def plain(number: float) -> str:
    """As the other languages write it: 1, not 1.0."""
    return repr(number).removesuffix(".0")
