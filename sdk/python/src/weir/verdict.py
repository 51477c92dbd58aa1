"""What an interceptor says of an event."""

from __future__ import annotations

from typing import Final, final


@final
class Verdict:
    """What becomes of an event: `KEEP`, `DISCARD`, or `reject(reason)`. Changes are made through the event's methods."""

    __slots__ = ("kind", "reason")

    def __init__(self, kind: str, reason: str = "") -> None:
        self.kind: Final = kind
        self.reason: Final = reason

    def __repr__(self) -> str:
        return f"reject({self.reason!r})" if self.kind == "reject" else self.kind.upper()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Verdict) and (self.kind, self.reason) == (other.kind, other.reason)

    def __hash__(self) -> int:
        return hash((self.kind, self.reason))


KEEP: Final = Verdict("keep")
"""It goes on, with the changes made to it."""

DISCARD: Final = Verdict("discard")
"""It is dropped, on purpose; it counts as delivered. Events derived from it go on."""


def reject(reason: str) -> Verdict:
    """It goes to the dead letters as it came, with this reason, which a person will read."""
    if not isinstance(reason, str):
        raise TypeError(f"a reason is text, not {type(reason).__name__}")
    return Verdict("reject", reason)


class Fault(Exception):
    """Raise it where a whole batch cannot be judged; the host gets its message alone, without a traceback.

    The host then asks again about ever smaller parts of the batch, until it knows over which events. So this is for what an event did,
    and `reject` is the better way to say so.
    """
