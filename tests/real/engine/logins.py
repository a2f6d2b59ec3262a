"""Who may ask: tokens of the single sign-on, which end after some requests or some time."""

import base64
import binascii
import secrets
import time
from dataclasses import dataclass, field

from tests.real.engine.faults import Faults


@dataclass
class _Token:
    issued: float
    requests: int = 0


@dataclass
class Logins:
    """The one user of an engine, and the tokens it has."""

    username: str
    password: str = field(repr=False)
    _tokens: dict[str, _Token] = field(default_factory=dict, repr=False)

    def issue(self, username: str, password: str) -> str | None:
        """A new token, or None for a wrong name or password."""
        if (username, password) != (self.username, self.password):
            return None
        token = secrets.token_urlsafe(48)
        self._tokens[token] = _Token(time.monotonic())
        return token

    def revoke(self, token: str) -> None:
        self._tokens.pop(token, None)

    def allows(self, authorization: str, faults: Faults) -> bool:
        """Whether the header lets a request pass; it counts as one of the token's requests."""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "basic":
            try:
                username, _, password = base64.b64decode(value).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return False
            return (username, password) == (self.username, self.password)
        token = self._tokens.get(value) if scheme.lower() == "bearer" else None
        if token is None:
            return False
        token.requests += 1
        aged = time.monotonic() - token.issued
        if (faults.token_requests is not None and token.requests > faults.token_requests) or (
            faults.token_seconds is not None and aged > faults.token_seconds
        ):
            self.revoke(value)
            return False
        return True
