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
    card = _text(event, "/card")
    amount = event.json_number("/amount")
    if amount is None:
        raise NotATransaction("no number `amount`")
    mcc = _text(event, "/mcc")
    country = _text(event, "/country")
    home = _text(event, "/home")
    if amount < 0:
        raise NotATransaction(f"amount {amount:.15g} is negative")
    return Transaction(card, amount, mcc, country, home)


def _text(event: Event, pointer: str) -> str:
    """A field that must be there."""
    text = event.json_text(pointer)
    if text is None:
        raise NotATransaction(f"no `{pointer[1:]}`")
    return text
