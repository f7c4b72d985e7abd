# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Paths: address pairs, their validation, and how much may be sent before it.  RFC 9000 §8, §9, §13.3, §14.1.

    active      what we send on
    candidates  what is being validated beside it, and what was validated and is not used: at most three
    previous    the last validated one, to go back to if a migration does not hold

An address that was not validated gets at most three times the octets that came from it (§8.1).  A path is validated by a PATH_RESPONSE
with the octets of a PATH_CHALLENGE of ours, in whichever packet it comes (§8.2.2); a challenge is repeated after a probe time-out, and
given up after three of them.  If the limit left no room for a datagram of 1200 octets, the address is valid, but another challenge has to
show that such a datagram comes through (§8.2.1).
"""

from __future__ import annotations

from collections import deque
from typing import Final, final

from sws.base.datagrams import Address
from sws.crypto.system import Entropy

__all__ = ["AMPLIFICATION", "Path", "Paths"]

AMPLIFICATION: Final = 3
_CANDIDATES_MAXIMUM: Final = 3
_CHALLENGES: Final = 3
_RESPONSES_MAXIMUM: Final = 4


@final
class Path:
    """One address pair.

    Attributes:
      sequence:      of the peer's connection ID that is used on it.
      received, sent: octets, until it is validated.
      challenges:    octets of those on their way.
      challenge_at:  when the next is to leave; None: none wanted.
      is_expanded:   all those left in datagrams of 1200 octets.
      is_wanted:     the peer uses it, and so shall we once it is validated.
    """

    __slots__ = (
        "attempts",
        "challenge_at",
        "challenges",
        "is_expanded",
        "is_validated",
        "is_wanted",
        "local",
        "received",
        "remote",
        "responses",
        "sent",
        "sequence",
    )

    def __init__(self, local: Address, remote: Address, sequence: int) -> None:
        self.local = local
        self.remote = remote
        self.sequence = sequence
        self.is_validated = False
        self.received = 0
        self.sent = 0
        self.challenges: list[bytes] = []
        self.challenge_at: float | None = None
        self.attempts = 0
        self.is_expanded = True
        self.is_wanted = False
        self.responses: deque[bytes] = deque(maxlen=_RESPONSES_MAXIMUM)

    def allowance(self) -> int:
        """Octets that may be sent to the address now."""
        return 1 << 40 if self.is_validated else AMPLIFICATION * self.received - self.sent

    @property
    def wants_to_send(self) -> bool:
        """A challenge or a response is due."""
        return bool(self.responses) or self.challenge_at is not None


@final
class Paths:
    """The paths of one connection."""

    __slots__ = ("_entropy", "active", "candidates", "previous")

    def __init__(self, local: Address, remote: Address, entropy: Entropy) -> None:
        self.active = Path(local, remote, 0)
        self.previous: Path | None = None
        self.candidates: list[Path] = []
        self._entropy = entropy

    def find(self, local: Address, remote: Address) -> Path | None:
        """The path of an address pair, if there is one."""
        active = self.active
        if active.remote == remote and active.local == local:
            return active
        for path in self.candidates:
            if path.remote == remote and path.local == local:
                return path
        return None

    def has_remote(self, remote: Address) -> bool:
        """Whether an address is one of the peer's that we know."""
        return any(path is not None and path.remote == remote for path in (self.active, self.previous, *self.candidates))

    def add(self, path: Path) -> bool:
        """Another candidate; False if there are too many."""
        if len(self.candidates) >= _CANDIDATES_MAXIMUM:
            return False
        self.candidates.append(path)
        return True

    def make_room(self, kept: Path) -> Path | None:
        """If there can be no more candidates: the first that was validated and is not used, which is one no more; else None.

        Args:
          kept:  is to stay, whatever it is.
        """
        if len(self.candidates) >= _CANDIDATES_MAXIMUM:
            for path in self.candidates:
                if path.is_validated and path.challenge_at is None and path is not self.previous and path is not kept:
                    self.candidates.remove(path)
                    return path
        return None

    def challenge(self, path: Path, now: float) -> None:
        """Validate a path, from the next datagram on."""
        path.challenge_at = now
        path.attempts = 0
        path.is_expanded = True

    def settle(self, path: Path) -> None:
        """Nothing is asked of a path any more."""
        path.challenge_at = None
        path.challenges.clear()

    def take_challenge(self, path: Path, now: float, pto: float) -> bytes | None:
        """The octets of a challenge if one is due; the next follows after a time-out."""
        if path.challenge_at is None or path.challenge_at > now or path.attempts >= _CHALLENGES:
            return None
        octets = self._entropy(8)
        path.challenges.append(octets)
        path.attempts += 1
        path.challenge_at = now + pto
        return octets

    def on_response(self, octets: bytes) -> Path | None:
        """The path that a response validates, the first time."""
        for path in (self.active, *self.candidates):
            if octets in path.challenges:
                self.settle(path)
                path.is_validated = True
                return path
        return None

    def expired(self, now: float) -> list[Path]:
        """Paths whose last challenge had no answer in time."""
        return [
            path
            for path in (self.active, *self.candidates)
            if path.challenge_at is not None and path.attempts >= _CHALLENGES and path.challenge_at <= now
        ]

    def next_timeout(self) -> float | None:
        """When a challenge is to leave, or is given up."""
        times = [path.challenge_at for path in (self.active, *self.candidates) if path.challenge_at is not None]
        return min(times) if times else None
