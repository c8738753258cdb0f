"""The only exceptions callers may rely on: the class says how to react, `code` what happened."""


class OrcaError(Exception):
    """Carries a stable `code`, a sentence for the person who can act, and extra members."""

    def __init__(self, code: str, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.code, self.detail, self.extra = code, detail, extra


class Malformed(OrcaError): ...  # it cannot be read at all: send it in the right form


class Invalid(OrcaError): ...  # it can be read, but not done: change the request


class Unauthenticated(OrcaError): ...  # say who you are


class Denied(OrcaError): ...  # ask someone with more rights


class NotFound(OrcaError): ...  # there is no such thing


class Gone(OrcaError): ...  # there was such a thing


class Conflict(OrcaError): ...  # look again, then decide


class TooLarge(OrcaError): ...  # send less


class UnsupportedMedia(OrcaError): ...  # send another format


class TooMany(OrcaError): ...  # slow down


class Unavailable(OrcaError): ...  # something we depend on is down: retry


class TimedOut(OrcaError): ...  # something we depend on is too slow: retry, or wait longer


class NoSpace(OrcaError): ...  # free some disk, then retry
