"""A card transaction, read from the body."""

import json
import math
from typing import Any, NamedTuple


class NotATransaction(Exception):
    """Why not, for the dead letter."""


class Transaction(NamedTuple):
    """The fields the rules look at."""

    card: str
    amount: float
    mcc: str
    country: str
    home: str


def _refuse(constant: str) -> None:
    # Python takes `NaN` and `Infinity` for JSON.
    raise ValueError(f"{constant} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)
_TEXTS = ("card", "currency", "merchant", "mcc", "country", "home")
_FIELDS = ("id", "card", "amount", "currency", "merchant", "mcc", "country", "home", "ts")
_SMALLEST, _LARGEST = -(1 << 63), (1 << 63) - 1


def read(body: bytes | None) -> Transaction:
    """Reads a body; raises `NotATransaction`."""
    if body is None:
        raise NotATransaction("no body")
    if not body:
        raise NotATransaction("empty body")
    try:
        fields = _DECODER.decode(body.decode())
    except (ValueError, RecursionError) as error:
        raise NotATransaction(error) from None
    if type(fields) is not dict:
        raise NotATransaction("an array, not an object" if type(fields) is list else "not an object")
    _check(fields)
    amount = fields["amount"]
    if amount < 0:
        raise NotATransaction(f"amount {amount} is negative")
    return Transaction(fields["card"], amount, fields["mcc"], fields["country"], fields["home"])


def _check(fields: dict[str, Any]) -> None:
    for name in _FIELDS:
        if name not in fields:
            raise NotATransaction(f"missing field `{name}`")
    for name in _TEXTS:
        if type(fields[name]) is not str:
            raise NotATransaction(f"`{name}` is not a string")
    if type(fields["id"]) is not str and not _whole(fields["id"], (1 << 64) - 1):
        raise NotATransaction("`id` is neither a string nor an integer")
    amount = fields["amount"]
    if type(amount) not in (int, float) or not _finite(amount):
        raise NotATransaction("`amount` is not a number")
    if not _whole(fields["ts"], _LARGEST):
        raise NotATransaction("`ts` is not an integer")


def _whole(value: Any, largest: int) -> bool:
    # A bool is an int in Python.
    return type(value) is int and _SMALLEST <= value <= largest


def _finite(amount: int | float) -> bool:
    try:
        return math.isfinite(amount)
    except OverflowError:
        return False
