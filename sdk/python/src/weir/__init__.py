"""Write a Weir interceptor in Python: a sandboxed WebAssembly component that judges events.

    from weir import KEEP, Event, Interceptor, Parameter, Settings, Verdict, reject


    class LargeOnes(Interceptor):
        parameters = [Parameter.optional("limit", "bytes above which an event is marked", "1000")]

        def __init__(self, settings: Settings) -> None:
            self.limit = settings.integer("limit")

        def intercept(self, event: Event) -> Verdict:
            body = event.body
            if body is None:
                return reject("no body")
            if len(body) > self.limit:
                event.set_header("large", "yes")
            return KEEP

`weir.testing` runs it natively, so that its tests need no WebAssembly; `weir.log` writes to the plugin's log.
"""

from . import log
from .batch import Batch, BodyRanges, Event
from .counters import count
from .interceptor import Interceptor
from .settings import Parameter, Settings, SettingsError
from .verdict import DISCARD, KEEP, Fault, Verdict, reject

__all__ = [
    "DISCARD",
    "KEEP",
    "Batch",
    "BodyRanges",
    "Event",
    "Fault",
    "Interceptor",
    "Parameter",
    "Settings",
    "SettingsError",
    "Verdict",
    "count",
    "log",
    "reject",
]
