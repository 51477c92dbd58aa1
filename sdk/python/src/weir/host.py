"""Where lines of the log and counters go: standard error and nowhere, until a component or a test says otherwise."""

from __future__ import annotations

import sys
from typing import Protocol


class Host(Protocol):
    """What a plugin may call outside a batch."""

    def write(self, level: str, message: str) -> None:
        """A line of the log; the level is `debug`, `info`, `warn` or `error`."""

    def add(self, name: str, by: int) -> None:
        """Adds to a counter."""


class NoHost:
    """Outside a host."""

    def write(self, level: str, message: str) -> None:
        """To standard error."""
        print(f"{level}: {message}", file=sys.stderr)

    def add(self, name: str, by: int) -> None:
        """Nobody counts."""


current: Host = NoHost()
