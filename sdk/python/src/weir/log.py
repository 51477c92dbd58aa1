"""Lines of the plugin's log. The host names the plugin and the pipeline, and writes no more than a hundred lines a second.

In a component `print` and everything else that goes to standard output or error becomes lines at `info` and `warn`.
"""

from __future__ import annotations

from . import host


def debug(message: str) -> None:
    """For whoever works on the plugin."""
    host.current.write("debug", message)


def info(message: str) -> None:
    """Worth knowing."""
    host.current.write("info", message)


def warn(message: str) -> None:
    """Odd, and handled."""
    host.current.write("warn", message)


def error(message: str) -> None:
    """Somebody must look."""
    host.current.write("error", message)
