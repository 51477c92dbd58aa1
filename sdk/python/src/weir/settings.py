"""Settings: what a plugin takes, and what it was given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

_T = TypeVar("_T")

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(inf|infinity|nan|([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?)", re.IGNORECASE)


@dataclass(frozen=True)
class Parameter:
    """A setting a plugin takes. The host refuses others, asks for the required ones and fills in the defaults."""

    name: str
    """Its name."""
    description: str
    """What it means, its unit and its values, for people."""
    is_required: bool = False
    """Whether it must be given."""
    default: str | None = None
    """What it is when nobody gives it."""

    @staticmethod
    def required(name: str, description: str) -> Parameter:
        """One that must be given."""
        return Parameter(name, description, is_required=True)

    @staticmethod
    def optional(name: str, description: str, default: str) -> Parameter:
        """One with a default."""
        return Parameter(name, description, default=default)

    @staticmethod
    def absent(name: str, description: str) -> Parameter:
        """One that may be absent; read it with the `find_` methods of `Settings`."""
        return Parameter(name, description)


class SettingsError(Exception):
    """A sentence for whoever wrote the settings; the pipeline does not start. Raise it in `__init__`."""


class Settings:
    """What a plugin was given; the host has filled in the defaults.

    The getters raise `SettingsError` where a setting is not there or not of its type; those that begin with `find_` return `None` where
    it is not there.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._texts = dict(pairs)

    def text(self, name: str) -> str:
        """The text of a setting, as it was given."""
        return self._there(name, self.find_text(name))

    def integer(self, name: str) -> int:
        """A setting that is a whole number of at most 64 bits."""
        return self._there(name, self.find_integer(name))

    def number(self, name: str) -> float:
        """A setting that is a number."""
        return self._there(name, self.find_number(name))

    def boolean(self, name: str) -> bool:
        """A setting that is `true` or `false`."""
        return self._there(name, self.find_boolean(name))

    def find_text(self, name: str) -> str | None:
        """As `text`, for one that may be absent."""
        return self._texts.get(name)

    def find_integer(self, name: str) -> int | None:
        """As `integer`, for one that may be absent."""
        return self._find(name, _integer)

    def find_number(self, name: str) -> float | None:
        """As `number`, for one that may be absent."""
        return self._find(name, _number)

    def find_boolean(self, name: str) -> bool | None:
        """As `boolean`, for one that may be absent."""
        return self._find(name, _boolean)

    def list(self, name: str) -> list[str]:
        """A setting that is a list, split at commas; empty items are left out."""
        items = self._texts.get(name, "").split(",")
        return [item.strip() for item in items if item.strip()]

    @staticmethod
    def _there(name: str, value: _T | None) -> _T:
        if value is None:
            raise SettingsError(f"`{name}` is required")
        return value

    def _find(self, name: str, parse: Callable[[str], _T]) -> _T | None:
        text = self._texts.get(name)
        if text is None:
            return None
        try:
            return parse(text.strip())
        except ValueError as error:
            raise SettingsError(f"`{name}` cannot be `{text}`: {error}") from None


def _integer(text: str) -> int:
    if not text:
        raise ValueError("cannot parse integer from empty string")
    if not _INTEGER.fullmatch(text):
        raise ValueError("invalid digit found in string")
    # Longer than any 64-bit number and its sign, zeros in front aside.
    value = int(text) if len(text) < 1000 else 1 << 64
    if value >= 1 << 63:
        raise ValueError("number too large to fit in target type")
    if value < -(1 << 63):
        raise ValueError("number too small to fit in target type")
    return value


def _number(text: str) -> float:
    if not text:
        raise ValueError("cannot parse float from empty string")
    if not _NUMBER.fullmatch(text):
        raise ValueError("invalid float literal")
    return float(text)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("provided string was not `true` or `false`")
    return text == "true"
