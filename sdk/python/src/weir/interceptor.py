"""A plugin: made once an instance, asked about every event after that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from .batch import Batch, Event
from .settings import Parameter, Settings
from .verdict import Verdict


class Interceptor:
    """Derive one class of it in a plugin's entry module; `weir plugin build` finds it there.

    Several instances run in parallel, one a thread, and batches go to whichever is free. What one instance learns is a cache: it is lost
    when the host renews the instance, after an exception that stops it at the latest.
    """

    parameters: ClassVar[Sequence[Parameter]] = ()
    """The settings it takes. The host refuses others, asks for the required ones and fills in the defaults."""

    def __init__(self, settings: Settings) -> None:
        """Makes an instance. `SettingsError` is a sentence for whoever wrote the settings; the pipeline does not start."""

    def intercept(self, event: Event) -> Verdict:
        """Judges one event: looks at it, changes it through its methods, and returns `KEEP`, `DISCARD` or `reject(reason)`.

        An exception fails the batch, with its traceback; the host then finds the event and puts it to the dead letters.
        """
        raise NotImplementedError(f"{type(self).__name__} has neither `intercept` nor `intercept_batch`")

    def intercept_batch(self, batch: Batch) -> None:
        """Judges a whole batch, by default event by event.

        Override it to look at the events together; then say what becomes of each with `Event.decide`, once at most (an event about which
        nothing is said goes on). `Fault` fails the batch with its message.
        """
        intercept = self.intercept
        for event in batch:
            verdict = intercept(event)
            if not isinstance(verdict, Verdict):
                raise TypeError(f"`intercept` must return KEEP, DISCARD or reject(reason), not {verdict!r}")
            if verdict.kind != "keep":
                event.decide(verdict)
