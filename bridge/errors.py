"""Everything that can go wrong, in one tree; the class decides what happens next.

    BridgeError
    ├── ConfigError                the operator is told at start-up, and nothing starts
    ├── Refused                    an incoming request is answered with its status, and nothing is kept
    │   ├── NotAuthentic           401: signature, token or age is wrong
    │   ├── NotAllowed             403: authentic, but not for us
    │   ├── NotFound               404: no such source or hook
    │   ├── TooLarge               413
    │   └── Malformed              400: not what the hook's documents say, beyond reading
    ├── Unavailable                503: the store is away; whoever asked asks again
    └── DeliveryError              a delivery did not end as sent
        ├── RetryAfter             it was not taken, and we were told when to ask again
        ├── RetryLater             it was not taken; again with backoff
        ├── OutcomeUnknown         it may have been taken: look before it is repeated, else ask a human
        └── Rejected               it is not taken as it is: the agent is told why
            └── Forbidden          this person may not do it: they alone are told

Each carries `problem` (what went wrong) and `remedy`, in words for the person who has to act; `where` and
`detail` are for the log and `bridge trace`. Never the text of a message, never a secret.
"""

from __future__ import annotations


class BridgeError(Exception):
    """`problem` in one clause; `where` it was found; `remedy`: what to do; `detail`: the problem in the other
    side's own terms, such as an error code. All but the first may be empty."""

    def __init__(self, problem: str, *, where: str = "", remedy: str = "", detail: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.where = where
        self.remedy = remedy
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.where}: {self.technical}" if self.where else self.technical

    @property
    def told(self) -> str:
        """For people in Slack, to whom a code or the address of a call says nothing."""
        return f"{self.problem}. {self.remedy}" if self.remedy else self.problem

    @property
    def technical(self) -> str:
        """For whoever runs the bridge."""
        problem = self.detail or self.problem
        return f"{problem}. {self.remedy}" if self.remedy else problem

    def add(self, words: str) -> None:
        """Let the problem go on with `words`."""
        self.problem += words
        self.detail = self.detail and self.detail + words


class ConfigError(BridgeError):
    """The configuration cannot be used."""


class Refused(BridgeError):
    """An incoming request is refused, with `status` and `code` for the machine that sent it."""

    status = 400
    code = "refused"


class NotAuthentic(Refused):
    status = 401
    code = "not_authentic"


class NotAllowed(Refused):
    status = 403
    code = "not_allowed"


class NotFound(Refused):
    status = 404
    code = "not_found"


class TooLarge(Refused):
    status = 413
    code = "too_large"


class Malformed(Refused):
    status = 400
    code = "malformed"


class Unavailable(BridgeError):
    """The store cannot be reached now; nothing was kept, so nobody may be told it was."""

    status = 503
    code = "unavailable"


class DeliveryError(BridgeError):
    """One attempt at a delivery did not end as sent."""


class RetryAfter(DeliveryError):
    """Not taken: the other side is busy, and wants `seconds` of peace."""

    def __init__(
        self, problem: str, *, seconds: float, where: str = "", remedy: str = "", detail: str = ""
    ) -> None:
        super().__init__(problem, where=where, remedy=remedy, detail=detail)
        self.seconds = seconds


class RetryLater(DeliveryError):
    """Not taken, for a reason that may pass."""


class OutcomeUnknown(DeliveryError):
    """Sent, but no answer that says what became of it."""


class Rejected(DeliveryError):
    """Will not be taken, however often it is tried, until a person changes something.

    `can_retry`: whether the same may be taken then. What needs a new message cannot be tried again.
    """

    def __init__(
        self,
        problem: str,
        *,
        where: str = "",
        remedy: str = "",
        detail: str = "",
        can_retry: bool = True,
    ) -> None:
        super().__init__(problem, where=where, remedy=remedy, detail=detail)
        self.can_retry = can_retry


class Forbidden(Rejected):
    """The person who wants it may not do it. It concerns no colleague of theirs."""

    def __init__(self, problem: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(problem, where=where, remedy=remedy, can_retry=False)
