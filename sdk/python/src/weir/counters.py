"""The plugin's own counters."""

from __future__ import annotations

from . import host


def count(name: str, by: int = 1) -> None:
    """Adds to the counter of this name, seen in the agent's metrics as `weir_plugin_counter_total`.

    A name is 1 to 64 of `a-z`, `0-9` and `_`, a letter first; a plugin has at most 64 of them. What does not fit is left out, and logged once.
    """
    if by < 0:
        raise ValueError(f"a counter only grows: `{name}` by {by}")
    host.current.add(name, by)
