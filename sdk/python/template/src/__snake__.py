"""Marks large events with a header, and rejects those without a body."""

from weir import KEEP, Event, Interceptor, Parameter, Settings, Verdict, reject


class {{pascal}}(Interceptor):
    """One instance of the plugin."""

    parameters = [Parameter.optional("limit", "bytes above which an event is marked", "1000")]

    def __init__(self, settings: Settings) -> None:
        self.limit = settings.integer("limit")

    def intercept(self, event: Event) -> Verdict:
        body = event.body
        if body is None:
            return reject("no body")
        if len(body) > self.limit:
            event.set_header("large", str(len(body)))
        return KEEP
