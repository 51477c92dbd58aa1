"""Between the contract's three functions and an author's class. A component and the tests go through the same code."""

from __future__ import annotations

import linecache
import traceback

from . import contract
from .batch import Batch
from .changes import Changes
from .interceptor import Interceptor
from .settings import Settings, SettingsError
from .verdict import Fault

# A message must not outgrow what the host takes back; what matters of a traceback is at its end.
_MESSAGE = 16 * 1024


class Refused(Exception):
    """A call that failed; the message is for the host."""


class Runner:
    """An instance of the plugin."""

    def __init__(self, kind: type[Interceptor], name: str, version: str) -> None:
        self._kind = kind
        self._name = name
        self._version = version
        self._interceptor: Interceptor | None = None

    def describe(self) -> contract.Description:
        parameters = [
            contract.Parameter(parameter.name, parameter.description, parameter.is_required, parameter.default)
            for parameter in self._kind.parameters
        ]
        return contract.Description(self._name, self._version, parameters)

    def configure(self, pairs: list[tuple[str, str]]) -> None:
        """The contract's `configure`; raises `Refused`."""
        try:
            self._interceptor = self._kind(Settings(pairs))
        except SettingsError as error:
            raise Refused(str(error)) from None
        except Exception as error:
            raise Refused(_told(error)) from None

    def intercept(self, events: contract.Batch) -> None:
        """The contract's `intercept`; raises `Refused`."""
        if self._interceptor is None:
            raise Refused("it was not configured")
        changes = Changes()
        try:
            self._interceptor.intercept_batch(Batch(events, changes))
        except Fault as fault:
            raise Refused(str(fault)) from None
        except Exception as error:
            raise Refused(_told(error)) from None
        edits = changes.finish()
        if edits is not None:
            events.apply(edits)


def _told(error: BaseException) -> str:
    """The message, and under it the traceback: the author's frames, the innermost last."""
    message = traceback.format_exception_only(error)[-1].strip()
    return f"{message}\n{_trace(error)[-_MESSAGE:]}"


def _trace(error: BaseException) -> str:
    """As Python prints it, without marks under the lines: for those it compiles the line, and that may want a file, which ends a component."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = "" if cause is None else f"{_trace(cause)}\nAfter that:\n\n"
    lines = ["Traceback (most recent call last):"]
    for frame, number in traceback.walk_tb(error.__traceback__):
        file, name = frame.f_code.co_filename, frame.f_code.co_qualname if hasattr(frame.f_code, "co_qualname") else frame.f_code.co_name
        lines.append(f'  File "{file}", line {number}, in {name}')
        source = linecache.getline(file, number).strip()
        if source:
            lines.append(f"    {source}")
    lines += [line.rstrip() for line in traceback.format_exception_only(error)]
    return before + "\n".join(lines)
