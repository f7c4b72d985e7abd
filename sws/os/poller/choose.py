# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which poller: the best that this system has, and the next one when it fails.

The healthy case pays nothing for the second half.  The loop holds a plain poller and catches PollerBroken:

    try:
        ready = poller.poll(timeout)
    except PollerBroken:
        poller = fallback(poller)

The successor knows all interests that the broken one had in force.  Candidates are those after the broken one in ORDER, and
at last a new one of its own kind: a descriptor closed by mistake breaks an epoll instance, not epoll.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Final, cast, final

from sws.base.errors import LimitExceeded, SwsError, UsageError
from sws.os.poller.base import Poller, PollerBroken, PollerUnavailable

__all__ = ["ORDER", "NoPollerLeft", "choose_poller", "fallback"]

ORDER: Final = ("epoll", "kqueue", "iocp", "select")
"""Best first; a kind that the platform lacks says so when it is constructed."""

_KINDS: Final = {
    "epoll": "EpollPoller",
    "kqueue": "KqueuePoller",
    "iocp": "IocpPoller",
    "select": "SelectPoller",
    "stub": "StubPoller",
}


@final
class NoPollerLeft(SwsError):
    """None of the pollers could be had; the message has every reason."""


def create_poller(name: str) -> Poller:
    """One poller of a kind; the module is only imported when it is wanted.

    Raises: PollerUnavailable if this system lacks it, UsageError if nobody has it.
    """
    try:
        kind = _KINDS[name]
    except KeyError:
        raise UsageError(f"no poller is called {name!r}: {', '.join(_KINDS)} are") from None
    factory = cast("Callable[[], Poller]", getattr(import_module(f"sws.os.poller.{name}"), kind))
    return factory()


def choose_poller(preference: Sequence[str] | None = None, create: Callable[[str], Poller] = create_poller) -> Poller:
    """The first poller that can be had.

    Args:
      preference:  the kinds to try, best first; ORDER unless given.
      create:      makes one by name.
    Raises:  NoPollerLeft with all reasons; UsageError for an unknown name.
    """
    return _first(ORDER if preference is None else preference, {}, create)


def fallback(broken: Poller, preference: Sequence[str] | None = None, create: Callable[[str], Poller] = create_poller) -> Poller:
    """The successor of a poller that raised PollerBroken, which is closed; interests in force are armed again.

    Descriptors that were closed meanwhile are left out.  A successor without room for all (select) is passed over.

    Args:
      broken:      the poller that failed.
      preference:  as for choose_poller.
    Raises:  NoPollerLeft with all reasons.
    """
    order = list(ORDER if preference is None else preference)
    name = broken.name
    later = order[order.index(name) + 1 :] if name in order else order
    armed = broken.armed()
    broken.close()
    return _first([*later, name], armed, create)


def _first(names: Sequence[str], armed: Mapping[int, int], create: Callable[[str], Poller]) -> Poller:
    reasons = []
    for name in names:
        try:
            poller = create(name)
        except PollerUnavailable as error:
            reasons.append(f"{name}: {error}")
            continue
        try:
            _arm_all(poller, armed)
        except (PollerBroken, LimitExceeded) as error:
            poller.close()
            reasons.append(f"{name}: {error}")
            continue
        return poller
    raise NoPollerLeft(f"no poller can be had ({'; '.join(reasons) or 'none was asked for'})")


def _arm_all(poller: Poller, armed: Mapping[int, int]) -> None:
    for fd, mask in armed.items():
        try:
            poller.arm(fd, mask)
        except UsageError:  # closed meanwhile
            pass
