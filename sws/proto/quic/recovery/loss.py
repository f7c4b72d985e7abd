# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Loss detection.  RFC 9002 §5, §6, §7.6, appendix A.

A packet is in one of three *spaces* (Initial, Handshake, application data), which number and acknowledge by themselves but share one path's
round-trip time, window and probe count.  Per packet there is one tuple:

    (time sent, octets, flags, frames)         frames = ((owner, a, b, c), …); no octets: sent on a path that was left

Whoever put a frame into the packet is its *owner* and hears `acknowledged(a, b, c)` or `lost(a, b, c)`, once each, and perhaps `lost` when
a probe is to carry the frame again, though it may still arrive.  Packets that hold nothing but acknowledgements leave no tuple.

A packet is lost once a packet sent after it was acknowledged, and it is three numbers below that (§6.1.1) or 9/8 round-trip times old
(§6.1.2); more of both where the path is seen to reorder packets (`recovery.reordering`).  Nothing acknowledged at all for a while: probe
(§6.2).

Some packet numbers are never sent.  Whoever acknowledges one has not seen our packets (optimistic ACK, RFC 9000 §21.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import inf
from typing import Final, Protocol, TypeAlias, final

from sws.base.errors import QuicTransportError
from sws.proto.quic.errors import ErrorCode
from sws.proto.quic.frames.types import FrameType
from sws.proto.quic.recovery.congestion import CongestionController
from sws.proto.quic.recovery.ecn import EcnValidator
from sws.proto.quic.recovery.mtu import MtuSearch
from sws.proto.quic.recovery.pacer import Pacer
from sws.proto.quic.recovery.reordering import GivenUp, Reordering
from sws.proto.quic.recovery.rtt import RttEstimate

__all__ = ["ELICITING", "IN_FLIGHT", "MARKED", "PROBE", "Delivery", "FrameRecord", "LossDetection", "Owner", "SentSpace"]

PERSISTENT_THRESHOLD: Final = 3
_PTO_EXPONENT_MAXIMUM: Final = 10
_SKIPPED_KEPT: Final = 4
_ROUNDING: Final = 1e-9  # a timer may fire by this much before its time

ELICITING: Final = 1
IN_FLIGHT: Final = 2
MARKED: Final = 4  # sent with ECT(0)
PROBE: Final = 8  # of the path's MTU


class Owner(Protocol):
    """Whoever put a frame into a packet."""

    def acknowledged(self, first: int, second: int, third: int) -> None:
        """It arrived."""

    def lost(self, first: int, second: int, third: int) -> None:
        """It did not, or is wanted again by a probe."""


FrameRecord: TypeAlias = tuple[Owner, int, int, int]
Delivery: TypeAlias = tuple[float, int, int, Sequence[FrameRecord]]


@final
class SentSpace:
    """What was sent in one packet number space and is neither acknowledged nor lost.

    Attributes:
      sent:          by packet number, ascending.
      next_number:   of the next packet.
      loss_time:     when the next packet is lost for its age; None: none waits.
      last_eliciting: when the last packet that asks for acknowledgement left.
      eliciting:     how many of those are in `sent`.
      given_up:      those that were taken for lost last.
    """

    __slots__ = ("eliciting", "given_up", "is_discarded", "largest_acked", "last_eliciting", "loss_time", "next_number", "sent", "skipped")

    def __init__(self) -> None:
        self.sent: dict[int, Delivery] = {}
        self.next_number = 0
        self.largest_acked = -1
        self.loss_time: float | None = None
        self.last_eliciting = -inf
        self.eliciting = 0
        self.skipped: list[int] = []
        self.given_up = GivenUp()
        self.is_discarded = False

    def skip(self) -> None:
        """Leave one number out."""
        self.skipped.append(self.next_number)
        del self.skipped[:-_SKIPPED_KEPT]
        self.next_number += 1


@final
class LossDetection:
    """One connection's, for the path that it uses.

    Args:
      is_client:  anti-deadlock probes are the client's affair (§6.2.2.1).

    Attributes:
      in_flight:     octets.
      is_limited:    the last time we could send, the window or pacing stopped us, not a lack of data.
      peer_validated: the peer has validated our address: a server is sure of that by nature.
    """

    __slots__ = (
        "_first_sample",
        "congestion",
        "ecn",
        "has_handshake_keys",
        "in_flight",
        "is_blocked",
        "is_client",
        "is_confirmed",
        "is_limited",
        "losses",
        "mtu",
        "pacer",
        "peer_validated",
        "pto_count",
        "reordering",
        "rtt",
        "spaces",
        "timeouts",
    )

    def __init__(
        self, is_client: bool, rtt: RttEstimate, congestion: CongestionController, pacer: Pacer, ecn: EcnValidator, mtu: MtuSearch
    ) -> None:
        self.is_client = is_client
        self.rtt = rtt
        self.congestion = congestion
        self.pacer = pacer
        self.ecn = ecn
        self.mtu = mtu
        self.spaces = (SentSpace(), SentSpace(), SentSpace())
        self.in_flight = 0
        self.pto_count = 0
        self.is_limited = False
        self.is_confirmed = False
        self.peer_validated = not is_client
        self.has_handshake_keys = False
        self.is_blocked = False
        self.losses = 0
        self.reordering = Reordering()
        self.timeouts = 0
        self._first_sample: float | None = None

    # --- sending -----------------------------------------------------------------------------------------------------

    def on_sent(self, space: SentSpace, number: int, now: float, size: int, flags: int, frames: Sequence[FrameRecord]) -> None:
        """A packet that is in flight left."""
        space.sent[number] = (now, size, flags, frames)
        self.in_flight += size
        if flags & ELICITING:
            space.last_eliciting = now
            space.eliciting += 1

    # --- acknowledgements --------------------------------------------------------------------------------------------

    def on_ack(
        self, space: SentSpace, ranges: Sequence[tuple[int, int]], delay: float, counts: tuple[int, int, int] | None, now: float
    ) -> None:
        """An ACK frame.

        Args:
          ranges:  (lowest, highest), the highest first.
          delay:   seconds that the peer waited; 0 outside of application data.
          counts:  of ECN.
        Raises: QuicTransportError PROTOCOL_VIOLATION for packets that were not sent.
        """
        largest = ranges[0][1]
        if largest >= space.next_number:
            raise QuicTransportError(ErrorCode.PROTOCOL_VIOLATION, "acknowledgement of a packet that was not sent", FrameType.ACK)
        for number in space.skipped:
            if any(low <= number <= high for low, high in ranges):
                raise QuicTransportError(ErrorCode.PROTOCOL_VIOLATION, "acknowledgement of a packet that was not sent", FrameType.ACK)
        newest = space.sent.get(largest)
        previous = space.largest_acked
        round_trip = max(self.rtt.smoothed, self.rtt.latest)
        for number, when in space.given_up.take(ranges, now, round_trip):
            self.reordering.learn(previous - number, now - when, round_trip)
        if largest > previous:
            space.largest_acked = largest
        octets, grown, marked, eliciting = self._take(space, ranges, now)
        if eliciting < 0:
            return
        if newest is not None and newest[1] and eliciting:
            if self._first_sample is None:
                self._first_sample = now
            self.rtt.update(now - newest[0], delay, self.is_confirmed)
            self.congestion.on_round(largest, space.next_number - 1, self.rtt, now)
        sent = newest[0] if newest is not None else now
        if largest > previous and self.ecn.on_ack(marked, counts):
            self.congestion.on_congestion(sent, now)
        is_limited = self.is_limited or (octets + self.in_flight) * 2 >= self.congestion.window
        if self._detect(space, now, ranges, previous):
            self.congestion.on_persistent_congestion()
            self.rtt.minimum = self.rtt.latest
        elif grown:
            self.congestion.on_acknowledged(grown, sent, now, self.rtt, is_limited)
        if self.peer_validated:
            self.pto_count = 0
        self._pace()

    def _take(self, space: SentSpace, ranges: Sequence[tuple[int, int]], now: float) -> tuple[int, int, int, int]:
        """Takes acknowledged packets out: octets, those that let the window grow, marked packets, eliciting packets; -1 for none at all."""
        sent = space.sent
        recovery_start = self.congestion.recovery_start
        octets = grown = marked = eliciting = 0
        owner: Owner | None = None
        first = second = third = 0
        found = False
        for low, high in ranges:
            oldest = next(iter(sent), None)
            if oldest is None or high < oldest:
                break
            low = max(low, oldest)
            numbers: Sequence[int] = range(low, high + 1)
            if len(numbers) > len(sent):
                numbers = [number for number in sent if low <= number <= high]
            for number in numbers:
                packet = sent.pop(number, None)
                if packet is None:
                    continue
                found = True
                when, size, flags, frames = packet
                octets += size
                if when > recovery_start:
                    grown += size
                if flags & ELICITING:
                    eliciting += 1
                if flags & MARKED:
                    marked += 1
                if flags & PROBE:
                    self.mtu.on_probe_acknowledged(size, now)
                    self.congestion.on_datagram_size(self.mtu.size)
                elif size > 1200:
                    self.mtu.on_acknowledged(size)
                for new_owner, a, b, c in frames:
                    if new_owner is owner and a == second and not third:  # the next octets of the same stream: one word for both
                        second, third = b, c
                        continue
                    if owner is not None:
                        owner.acknowledged(first, second, third)
                    owner, first, second, third = new_owner, a, b, c
        if owner is not None:
            owner.acknowledged(first, second, third)
        self.in_flight -= octets
        space.eliciting -= eliciting
        return (octets, grown, marked, eliciting) if found else (0, 0, 0, -1)

    # --- losses ------------------------------------------------------------------------------------------------------

    def _detect(self, space: SentSpace, now: float, ranges: Sequence[tuple[int, int]], previous: int) -> bool:
        """§6.1: what is lost now, and when the next packet will be.  True: persistent congestion."""
        space.loss_time = None
        largest = space.largest_acked
        delay = self.rtt.loss_delay(self.reordering.share)
        furthest = largest - self.reordering.packets
        too_old = now - delay + _ROUNDING
        lost: list[tuple[int, Delivery]] = []
        for number, packet in space.sent.items():
            if number > largest:
                break
            if packet[0] <= too_old or number <= furthest:
                lost.append((number, packet))
            elif space.loss_time is None or packet[0] + delay < space.loss_time:
                space.loss_time = packet[0] + delay
        if not lost:
            return False
        self._lose(space, lost, now)
        return bool(ranges) and self._is_persistent(lost, ranges, previous)

    def _lose(self, space: SentSpace, lost: Sequence[tuple[int, Delivery]], now: float) -> None:
        newest = -inf
        marked = largest = 0
        for number, (when, size, flags, frames) in lost:
            del space.sent[number]
            if size:
                space.given_up.add(number, when)
            self.in_flight -= size
            if flags & ELICITING:
                space.eliciting -= 1
            if flags & PROBE:
                self.mtu.on_probe_lost(now)
            else:
                newest = max(newest, when)
                largest = max(largest, size)
                if flags & MARKED:
                    marked += 1
            for owner, first, second, third in frames:
                owner.lost(first, second, third)
        self.losses += len(lost)
        if marked:
            self.ecn.on_lost(marked)
        if newest > -inf:
            if self.mtu.on_lost(largest, now):
                self.congestion.on_datagram_size(self.mtu.size)
            self.congestion.on_congestion(newest, now)
            self._pace()

    def _is_persistent(self, lost: Sequence[tuple[int, Delivery]], ranges: Sequence[tuple[int, int]], previous: int) -> bool:
        """Whether all that was sent over three probe time-outs is lost: nothing between two lost packets was acknowledged.  §7.6.2"""
        if self._first_sample is None:
            return False
        period = (self.rtt.probe_timeout() + self.rtt.max_ack_delay) * PERSISTENT_THRESHOLD
        gaps = [(below + 1, low - 1) for (low, _), (_, below) in pairwise(ranges)]
        gaps.append((previous + 1, ranges[-1][0] - 1))
        for low, high in gaps:
            times = [
                packet[0] for number, packet in lost if low <= number <= high and packet[2] & ELICITING and packet[0] > self._first_sample
            ]
            if times and times[-1] - times[0] > period:
                return True
        return False

    # --- timer -------------------------------------------------------------------------------------------------------

    def next_timeout(self, now: float) -> float | None:
        """When `on_timeout` is due.  Appendix A.8"""
        times = [space.loss_time for space in self.spaces if space.loss_time is not None]
        if times:
            return min(times)
        if self.is_blocked:
            return None
        found = self._probe_time(now)
        return None if found is None else found[0]

    def _probe_time(self, now: float) -> tuple[float, int] | None:
        backoff = 1 << min(self.pto_count, _PTO_EXPONENT_MAXIMUM)
        duration = self.rtt.probe_timeout() * backoff
        best: tuple[float, int] | None = None
        for index, space in enumerate(self.spaces):
            if not space.eliciting:
                continue
            if index == 2:
                if not self.is_confirmed:
                    continue
                duration += self.rtt.max_ack_delay * backoff
            when = space.last_eliciting + duration
            if best is None or when < best[0]:
                best = (when, index)
        if best is None and not self.peer_validated:  # §6.2.2.1: the server may wait for us
            index = 1 if self.has_handshake_keys else 0
            last = max(space.last_eliciting for space in self.spaces[:2])
            best = ((now if last == -inf else last) + duration, index)
        return best

    def on_timeout(self, now: float) -> int | None:
        """The time of `next_timeout` has come: losses are declared, or the space to probe is returned.  Appendix A.9"""
        due = [space for space in self.spaces if space.loss_time is not None and space.loss_time <= now + _ROUNDING]
        if due:
            for space in due:
                self._detect(space, now, (), -1)
            return None
        found = self._probe_time(now)
        if found is None or found[0] > now + _ROUNDING:
            return None
        self.pto_count += 1
        self.timeouts += 1
        index = found[1]
        self._offer_again(self.spaces[index])
        return index

    def hurry(self, now: float) -> bool:
        """A client still sends Initial packets although we have answered: it lacks our flight, and need not wait for our probes.  §6.2.3

        Returns: whether the oldest frames of the first two spaces are offered again; not more often than once a round trip.
        """
        space = self.spaces[0]
        if not space.eliciting or now - space.last_eliciting < self.rtt.smoothed:
            return False
        for index in (0, 1):
            self._offer_again(self.spaces[index])
        return True

    def _offer_again(self, space: SentSpace) -> None:
        """The frames of the two oldest packets are to go into the probes.  §6.2.4"""
        count = 0
        for when, _, flags, frames in list(space.sent.values())[:8]:
            if not flags & ELICITING or flags & PROBE or not frames or when == -inf:
                continue
            for owner, first, second, third in frames:
                owner.lost(first, second, third)
            count += 1
            if count == 2:
                return

    # --- changes -----------------------------------------------------------------------------------------------------

    def discard(self, index: int) -> None:
        """The keys of a space are gone.  §6.4"""
        space = self.spaces[index]
        self.in_flight -= sum(packet[1] for packet in space.sent.values())
        space.sent.clear()
        space.eliciting = 0
        space.loss_time = None
        space.is_discarded = True
        self.pto_count = 0

    def lose_all(self, index: int) -> None:
        """All that was sent in a space has to be sent again: after Retry, or 0-RTT that was refused.  No sign of congestion."""
        space = self.spaces[index]
        packets = list(space.sent.values())
        space.sent.clear()
        space.eliciting = 0
        space.loss_time = None
        for _, size, _, frames in packets:
            self.in_flight -= size
            for owner, first, second, third in frames:
                owner.lost(first, second, third)

    def forget(self, index: int) -> None:
        """What was sent in a space does not count any more, and neither do acknowledgements of it."""
        space = self.spaces[index]
        self.in_flight -= sum(packet[1] for packet in space.sent.values())
        space.sent.clear()
        space.given_up.clear()
        space.eliciting = 0
        space.loss_time = None

    def change_path(self, rtt: RttEstimate, congestion: CongestionController, pacer: Pacer, ecn: EcnValidator, mtu: MtuSearch) -> None:
        """Another path: what was learned of the old one is no guide, and what is still under way there adds nothing.  RFC 9000 §9.4"""
        ecn.follow(self.ecn)
        self.rtt, self.congestion, self.pacer, self.ecn, self.mtu = rtt, congestion, pacer, ecn, mtu
        self.reordering = Reordering()
        self.pto_count = 0
        self._first_sample = None
        for space in self.spaces:
            space.given_up.clear()
            for number, (when, size, flags, frames) in space.sent.items():
                self.in_flight -= size
                congestion.recovery_start = max(congestion.recovery_start, when)
                space.sent[number] = (when, 0, flags & ELICITING, frames)

    def _pace(self) -> None:
        congestion = self.congestion
        window = congestion.window
        if self.rtt.has_sample:
            self.pacer.set_rate(window, self.rtt.smoothed, window < congestion.threshold, 10 * self.mtu.size)
