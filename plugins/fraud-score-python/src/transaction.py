"""A card transaction, as far as the rules look at it. The host reads the bodies; only these fields come over."""

from typing import NamedTuple

from weir import Event


class NotATransaction(Exception):
    """Why not, for the dead letter."""


class Transaction(NamedTuple):
    """The fields the rules look at."""

    card: str
    amount: float
    mcc: str
    country: str
    home: str


def read(event: Event) -> Transaction:
    """Reads an event; raises `NotATransaction`. A body that is no JSON has no field."""
    card = event.json_text("/card")
    if card is None:
        raise NotATransaction("no `card`")
    amount = event.json_number("/amount")
    if amount is None:
        raise NotATransaction("no number `amount`")
    mcc = event.json_text("/mcc")
    if mcc is None:
        raise NotATransaction("no `mcc`")
    country = event.json_text("/country")
    if country is None:
        raise NotATransaction("no `country`")
    home = event.json_text("/home")
    if home is None:
        raise NotATransaction("no `home`")
    if amount < 0:
        raise NotATransaction(f"amount {amount:.15g} is negative")
    return Transaction(card, amount, mcc, country, home)
