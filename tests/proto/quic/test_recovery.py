# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Recovery against the formulae of RFC 9002, 9438, 9406, 8899, computed here by themselves."""

from __future__ import annotations

import random
from math import inf

import pytest

from sws.base.errors import QuicTransportError
from sws.proto.quic.config import QuicConfig
from sws.proto.quic.recovery.congestion import CongestionController, initial_window
from sws.proto.quic.recovery.cubic import Cubic
from sws.proto.quic.recovery.ecn import ECT0, EcnState, EcnValidator
from sws.proto.quic.recovery.hystart import HyStart, Phase
from sws.proto.quic.recovery.loss import ELICITING, IN_FLIGHT, MARKED, PROBE, LossDetection
from sws.proto.quic.recovery.mtu import MtuSearch
from sws.proto.quic.recovery.newreno import NewReno
from sws.proto.quic.recovery.pacer import Pacer
from sws.proto.quic.recovery.rtt import RttEstimate
from tests.kit.quic import Conditions, Download, Network, Serve, make_client, make_endpoint


def test_round_trip_times() -> None:
    """RFC 9002 §5.3"""
    rtt = RttEstimate()
    assert rtt.probe_timeout() == pytest.approx(0.333 + 4 * 0.1665)
    rtt.update(0.1, 0.05, False)
    assert (rtt.smoothed, rtt.variation, rtt.minimum) == (0.1, 0.05, 0.1)
    rtt.update(0.2, 0.5, True)  # the delay counts for 25 ms at most
    assert rtt.variation == pytest.approx(0.75 * 0.05 + 0.25 * abs(0.1 - 0.175))
    assert rtt.smoothed == pytest.approx(0.875 * 0.1 + 0.125 * 0.175)
    smoothed = rtt.smoothed
    rtt.update(0.09, 0.02, True)  # below the minimum with the delay taken off: it is left on
    assert rtt.minimum == 0.09
    assert rtt.smoothed == pytest.approx(0.875 * smoothed + 0.125 * 0.09)
    assert rtt.loss_delay() == pytest.approx(1.125 * rtt.smoothed)


def grow(controller: CongestionController, octets: int, rtt: RttEstimate, now: float = 1.0) -> None:
    controller.on_acknowledged(octets, now - rtt.smoothed, now, rtt, True)


def sampled(seconds: float) -> RttEstimate:
    rtt = RttEstimate()
    rtt.update(seconds, 0.0, True)
    return rtt


def test_initial_windows() -> None:
    """RFC 9002 §7.2"""
    assert initial_window(1200) == 12000
    assert initial_window(1472) == 14720
    assert initial_window(9000) == 18000


def test_new_reno() -> None:
    """RFC 9002 §7.3, appendix B"""
    reno, rtt = NewReno(1200), sampled(0.1)
    grow(reno, 12000, rtt)
    assert reno.window == 24000
    reno.on_acknowledged(12000, 0.9, 1.0, rtt, False)
    assert reno.window == 24000
    reno.on_congestion(0.5, 2.0)
    assert (reno.window, reno.threshold, reno.recovery_start) == (12000, 12000, 2.0)
    reno.on_congestion(1.9, 2.1)
    assert reno.window == 12000
    for _ in range(10):
        grow(reno, 1200, rtt)
    assert reno.window == 13200
    for sent in range(3, 20):
        reno.on_congestion(sent, sent + 0.5)
    assert reno.window == 2400
    reno.on_persistent_congestion()
    assert (reno.window, reno.recovery_start) == (2400, -inf)
    reno.on_datagram_size(4000)
    assert reno.window == 8000


def test_cubic_follows_its_curve() -> None:
    """RFC 9438 §4.2, §4.4: ten seconds after a loss at 1000 datagrams the window is what W_cubic says."""
    datagram, rtt = 1000, sampled(0.1)
    cubic = Cubic(datagram)
    grow(cubic, 1_000_000 - cubic.window, rtt)
    assert cubic.window == 1_000_000
    cubic.on_congestion(0.5, 1.0)
    assert cubic.window == 700_000
    now = 1.0
    k = ((1000 - 700) / 0.4) ** (1 / 3)
    for _ in range(200):
        now += 0.1
        cubic.on_acknowledged(cubic.window, now - 0.1, now, rtt, True)
        if now > 2:
            curve = (0.4 * (now - 1.1 - k) ** 3 + 1000) * datagram
            ahead = (0.4 * (now - 1.0 - k) ** 3 + 1000) * datagram
            assert min(curve, ahead) * 0.97 <= cubic.window <= ahead * 1.03
    assert cubic.window > 1_000_000


def test_cubic_is_no_slower_than_reno() -> None:
    """RFC 9438 §4.3: on short paths the window grows like W_est, 0.53 datagrams a round trip."""
    datagram, rtt = 1000, sampled(0.01)
    cubic = Cubic(datagram)
    grow(cubic, 8000, rtt)
    cubic.on_congestion(0.5, 1.0)
    start = cubic.window
    now = 1.0
    for _ in range(10):
        now += 0.01
        cubic.on_acknowledged(cubic.window, now - 0.01, now, rtt, True)
    assert cubic.window == pytest.approx(start + 10 * datagram * 3 * 0.3 / 1.7, rel=0.02)


def test_cubic_gives_way_faster_to_those_who_come() -> None:
    """RFC 9438 §4.7: W_max below the last one is lowered further; §5.8: idle time does not count."""
    datagram, rtt = 1000, sampled(0.1)
    cubic = Cubic(datagram)
    grow(cubic, 100_000 - cubic.window, rtt)
    cubic.on_congestion(0.5, 1.0)
    cubic.on_congestion(1.5, 2.0)
    assert cubic._w_max == pytest.approx(70_000 * 1.7 / 2)
    cubic.on_acknowledged(1000, 2.0, 2.1, rtt, True)
    before = cubic.window
    cubic.on_acknowledged(1000, 2.0, 2.2, rtt, False)
    cubic.on_acknowledged(0, 2.0, 50.0, rtt, True)
    cubic.on_acknowledged(1000, 99.9, 100.0, rtt, True)
    assert cubic.window < before * 1.1
    cubic.on_persistent_congestion()
    assert cubic.window == 2000
    cubic.on_datagram_size(3000)
    assert cubic.window == 6000


def feed(hystart: HyStart, rounds: list[float], at: int) -> int:
    """Rounds of ten samples each; returns the next packet number."""
    for rtt in rounds:
        for number in range(at, at + 10):
            hystart.on_sample(number, at + 10, rtt)
        at += 11
    return at


def test_hystart() -> None:
    """RFC 9406 §4.2"""
    hystart = HyStart()
    at = feed(hystart, [0.100, 0.1, 0.105], 0)  # below the threshold of 12.5 ms
    assert (hystart.phase, hystart.growth(1000)) == (Phase.STANDARD, 1000)
    at = feed(hystart, [0.120], at)
    assert (hystart.phase, hystart.growth(1000)) == (Phase.CONSERVATIVE, 250)
    at = feed(hystart, [0.119], at)  # it was nothing
    assert hystart.phase is Phase.STANDARD
    at = feed(hystart, [0.14, 0.15, 0.15, 0.15, 0.15, 0.15], at)
    assert hystart.phase is Phase.DONE
    feed(hystart, [0.01], at)
    assert hystart.phase is Phase.DONE


@pytest.mark.parametrize("make", [NewReno, Cubic])
def test_slow_start_ends_by_hystart(make: type[NewReno] | type[Cubic]) -> None:
    controller = make(1200)
    number = 0
    for rtt in (0.1, 0.1, 0.13, 0.14, 0.14, 0.14, 0.14, 0.14, 0.14):
        for _ in range(10):
            controller.on_round(number, number + 10, sampled(rtt), 1.0)
            number += 1
        number += 1
    assert controller.threshold == controller.window


def test_pacing() -> None:
    """RFC 9002 §7.7"""
    pacer = Pacer(12000)
    assert pacer.allowance(0.0) == 12000
    pacer.spend(12000)
    assert pacer.allowance(0.0) == 12000  # nothing is known of the path yet
    pacer.set_rate(100_000, 0.1, False, 12000)
    assert pacer.rate == pytest.approx(1.25e6)
    assert pacer.allowance(1.0) == 12000
    pacer.spend(12000)
    assert pacer.allowance(1.0) == 0
    assert pacer.ready_at(1.0, 1200) == pytest.approx(1.0 + 6000 / 1.25e6, abs=1e-5)
    assert pacer.allowance(1.0 + 1200.5 / 1.25e6) == 1200
    assert pacer.ready_at(2.0, 0) > 1.0
    pacer.set_rate(100_000, 0.1, True, 12000)
    assert pacer.rate == pytest.approx(2e6)
    assert pacer.allowance(3.0) == 12000
    assert pacer.ready_at(3.0, 1200) == 3.0
    pacer.set_rate(1 << 30, 0.01, False, 12000)
    pacer.allowance(10.0)
    assert pacer.allowance(20.0) == 65536


def test_ecn_validation() -> None:
    """RFC 9000 §13.4.2, appendix A.4"""
    ecn = EcnValidator(True)
    assert ecn.codepoint() == ECT0
    ecn.on_sent(10)
    assert (ecn.state, ecn.codepoint()) == (EcnState.UNKNOWN, 0)
    assert not ecn.on_ack(4, (4, 0, 0))
    assert (ecn.state, ecn.codepoint()) == (EcnState.CAPABLE, ECT0)
    ecn.on_sent(5)
    assert ecn.on_ack(3, (6, 0, 1))


@pytest.mark.parametrize(("marked", "counts"), [(1, None), (2, (1, 0, 0)), (1, (0, 1, 0)), (0, (20, 0, 0)), (1, (0, 1, 1))], ids=str)
def test_ecn_that_fails_validation(marked: int, counts: tuple[int, int, int] | None) -> None:
    ecn = EcnValidator(True)
    ecn.on_sent(10)
    assert not ecn.on_ack(marked, counts)
    assert (ecn.state, ecn.codepoint()) == (EcnState.FAILED, 0)
    assert not ecn.on_ack(1, (1, 0, 1))


def test_ecn_where_marked_packets_vanish() -> None:
    ecn = EcnValidator(True)
    ecn.on_sent(10)
    ecn.on_lost(9)
    assert ecn.state is EcnState.UNKNOWN
    ecn.on_lost(1)
    assert ecn.state is EcnState.FAILED
    assert EcnValidator(False).codepoint() == 0
    falling = EcnValidator(True)
    falling.on_sent(10)
    falling.on_ack(2, (2, 0, 0))
    falling.on_ack(1, (1, 0, 0))
    assert falling.state is EcnState.FAILED
    assert not EcnValidator(True).on_ack(0, None)


@pytest.mark.parametrize("actual", [1200, 1263, 1280, 1400, 1452, 1472, 4000, 8999, 9000])
def test_mtu_search(actual: int) -> None:
    """RFC 8899 §5.3.2: the search ends within 16 octets of what the path carries, and never above."""
    mtu = MtuSearch(9000)
    probes = 0
    while (size := mtu.next_probe(0.0)) is not None:
        probes += 1
        mtu.on_probe_sent(size)
        assert mtu.next_probe(0.0) is None
        if size <= actual:
            mtu.on_probe_acknowledged(size, 0.0)
        else:
            mtu.on_probe_lost(0.0)
    assert actual - 16 < mtu.size <= actual
    assert probes < 40
    assert (mtu.next_probe(601.0) is not None) is (actual < 8990)


def test_mtu_limits_and_black_holes() -> None:
    """RFC 8899 §4.3"""
    mtu = MtuSearch(1452, enabled=False)
    assert mtu.next_probe(0.0) is None
    mtu = MtuSearch(9000)
    mtu.limit(1300)
    mtu.on_probe_sent(1290)
    mtu.on_probe_acknowledged(1290, 0.0)
    assert mtu.next_probe(0.0) is None
    mtu.on_probe_acknowledged(5000, 0.0)  # of a path that was left
    mtu.on_probe_lost(0.0)
    assert mtu.size == 1290
    assert not any(mtu.on_lost(1200, 1.0) for _ in range(50))
    assert not any(mtu.on_lost(1290, 1.0) for _ in range(5))
    mtu.on_acknowledged(1290)
    assert [mtu.on_lost(1290, 1.0) for _ in range(6)] == [False] * 5 + [True]
    assert (mtu.size, mtu.next_probe(1.0)) == (1200, None)
    assert mtu.next_probe(100.0) is not None


class Heard:
    """An owner that writes down what it hears."""

    def __init__(self) -> None:
        self.acked: list[tuple[int, int, int]] = []
        self.gone: list[tuple[int, int, int]] = []

    def acknowledged(self, first: int, second: int, third: int) -> None:
        self.acked.append((first, second, third))

    def lost(self, first: int, second: int, third: int) -> None:
        self.gone.append((first, second, third))


def detection(is_client: bool = False) -> tuple[LossDetection, Heard]:
    loss = LossDetection(is_client, RttEstimate(), NewReno(1200), Pacer(12000), EcnValidator(True), MtuSearch(1452))
    loss.is_confirmed = True
    return loss, Heard()


def send(loss: LossDetection, owner: Heard, numbers: range, at: float = 0.0, flags: int = ELICITING | IN_FLIGHT, gap: float = 0.0) -> None:
    space = loss.spaces[2]
    for number in numbers:
        space.next_number = number + 1
        loss.on_sent(space, number, at, 1200, flags, ((owner, 100 * number, 100 * number + 100, 0),))
        at += gap


def test_acknowledgements_of_neighbours_are_one_word_to_their_owner() -> None:
    loss, owner = detection()
    send(loss, owner, range(6))
    loss.on_ack(loss.spaces[2], [(4, 5), (0, 2)], 0.0, None, 0.1)
    assert owner.acked == [(400, 600, 0), (0, 300, 0)]
    assert owner.gone == []
    assert (loss.in_flight, loss.rtt.latest) == (1200, 0.1)


def test_packet_threshold() -> None:
    """RFC 9002 §6.1.1"""
    loss, owner = detection()
    send(loss, owner, range(5))
    loss.on_ack(loss.spaces[2], [(3, 3)], 0.0, None, 0.1)
    assert owner.gone == [(0, 100, 0)]
    assert loss.congestion.window == 6000


def test_time_threshold() -> None:
    """RFC 9002 §6.1.2"""
    loss, owner = detection()
    send(loss, owner, range(2))
    loss.on_ack(loss.spaces[2], [(1, 1)], 0.0, None, 0.1)
    assert owner.gone == []
    due = loss.next_timeout(0.1)
    assert due == pytest.approx(1.125 * 0.1)
    assert loss.on_timeout(0.05) is None
    assert owner.gone == []
    assert loss.on_timeout(due) is None
    assert owner.gone == [(0, 100, 0)]


def test_probe_timeouts_double_and_offer_frames_again() -> None:
    """RFC 9002 §6.2"""
    loss, owner = detection()
    send(loss, owner, range(3))
    due = loss.next_timeout(0.0)
    assert due == pytest.approx(0.333 + 4 * 0.1665 + 0.025)
    assert loss.on_timeout(0.5) is None
    assert loss.on_timeout(due) == 2
    assert owner.gone == [(0, 100, 0), (100, 200, 0)]
    assert loss.in_flight == 3600
    assert loss.next_timeout(due) == pytest.approx(2 * due)
    loss.is_blocked = True
    assert loss.next_timeout(due) is None


def test_a_client_probes_until_the_server_has_validated_it() -> None:
    """RFC 9002 §6.2.2.1"""
    loss, _ = detection(is_client=True)
    assert loss.next_timeout(5.0) == pytest.approx(5.0 + 0.999)
    loss.has_handshake_keys = True
    due = loss.next_timeout(5.0)
    assert due is not None
    assert loss.on_timeout(6.0) is None  # the clock of a space where nothing was sent starts now
    loss.spaces[1].last_eliciting = 5.0
    assert loss.on_timeout(6.0) == 1
    loss.peer_validated = True
    assert loss.next_timeout(6.0) is None


def test_a_server_that_hears_more_initials_sends_its_flight_again() -> None:
    """RFC 9002 §6.2.3"""
    chance = random.Random(1)
    client, endpoint = make_client(chance, QuicConfig(initial_rtt=0.1)), make_endpoint(chance)
    net = Network(1, Conditions(), client, Download([1]), endpoint, Serve())
    net.taps.append(lambda to_server, data, now: data if to_server or now > 0.5 else None)
    net.run(5.0, until=lambda: client.is_handshake_complete)
    assert client.is_handshake_complete
    assert net.now < 1.0  # the client's third probe leaves at 0.9; the server's first probe would come at 1.02


@pytest.mark.parametrize(("gap", "expected"), [(0.5, 2400), (0.01, 6000)])
def test_persistent_congestion(gap: float, expected: int) -> None:
    """RFC 9002 §7.6: three probe time-outs with nothing acknowledged."""
    loss, owner = detection()
    send(loss, owner, range(1))
    loss.on_ack(loss.spaces[2], [(0, 0)], 0.0, None, 0.1)
    loss.congestion.window = 12000  # type: ignore[misc]
    send(loss, owner, range(1, 8), at=0.2, gap=gap)
    loss.on_ack(loss.spaces[2], [(7, 7), (0, 0)], 0.0, None, 0.3 + 6 * gap)
    assert loss.congestion.window == expected


def test_lost_probes_of_the_mtu_are_no_congestion() -> None:
    loss, owner = detection()
    loss.mtu.on_probe_sent(1452)
    send(loss, owner, range(1), flags=ELICITING | IN_FLIGHT | PROBE)
    send(loss, owner, range(1, 5))
    loss.on_ack(loss.spaces[2], [(1, 4)], 0.0, None, 0.1)
    assert loss.congestion.window > 12000
    assert loss.mtu.size == 1200


def test_marks_reduce_the_window_once() -> None:
    loss, owner = detection()
    send(loss, owner, range(4), flags=ELICITING | IN_FLIGHT | MARKED)
    loss.ecn.on_sent(4)
    loss.on_ack(loss.spaces[2], [(0, 0)], 0.0, (1, 0, 0), 0.1)
    window = loss.congestion.window
    loss.on_ack(loss.spaces[2], [(0, 1)], 0.0, (1, 0, 1), 0.1)
    loss.on_ack(loss.spaces[2], [(0, 2)], 0.0, (1, 0, 2), 0.1)
    assert loss.congestion.window == window // 2


def test_what_cannot_have_been_acknowledged() -> None:
    loss, owner = detection()
    send(loss, owner, range(3))
    with pytest.raises(QuicTransportError):
        loss.on_ack(loss.spaces[2], [(3, 3)], 0.0, None, 0.1)
    loss.spaces[2].skip()
    send(loss, owner, range(4, 5))
    with pytest.raises(QuicTransportError):
        loss.on_ack(loss.spaces[2], [(2, 4)], 0.0, None, 0.1)
    loss.on_ack(loss.spaces[2], [(4, 4), (0, 2)], 0.0, None, 0.1)
    loss.on_ack(loss.spaces[2], [(4, 4), (0, 2)], 0.0, None, 0.2)
    assert loss.in_flight == 0


def test_spaces_that_end_and_packets_that_never_were() -> None:
    loss, owner = detection()
    send(loss, owner, range(3))
    loss.lose_all(2)
    assert owner.gone == [(0, 100, 0), (100, 200, 0), (200, 300, 0)]
    assert (loss.in_flight, loss.congestion.window) == (0, 12000)
    send(loss, owner, range(3, 5))
    loss.forget(2)
    send(loss, owner, range(5, 6))
    loss.discard(2)
    assert (loss.in_flight, len(owner.gone), loss.next_timeout(1.0)) == (0, 3, None)


@pytest.mark.slow
@pytest.mark.parametrize("make", [NewReno, Cubic])
def test_one_loss_in_a_hundred(make: type[NewReno] | type[Cubic]) -> None:
    """The bar: 85 % of what the model allows, sqrt(3/2p) datagrams a round trip (Mathis et al.; RFC 9438 §4.3 makes CUBIC equal there)."""
    shares = []
    for seed in range(2):
        chance = random.Random(seed)
        config = QuicConfig(congestion=make, probe_mtu=False)
        app = Download([6_000_000])
        network = Network(seed, Conditions(loss=0.01), make_client(chance, config), app, make_endpoint(chance, config=config), Serve())
        network.run(200.0, until=lambda app=app: app.closed is not None)
        round_trips = (app.finished_at - app.first_octet_at) / 0.05
        shares.append(6_000_000 / (1200 - 13 - 16 - 12) / round_trips / (1.5 / 0.01) ** 0.5)
    assert sum(shares) / len(shares) >= 0.85


def test_packets_of_a_path_that_was_left_say_nothing_of_the_next() -> None:
    """RFC 9000 §9.4"""
    loss, owner = detection()
    space = loss.spaces[2]
    send(loss, owner, range(10), flags=ELICITING | IN_FLIGHT | MARKED)
    loss.ecn.on_sent(10)
    loss.on_ack(space, [(0, 0)], 0.0, (1, 0, 0), 0.05)
    assert loss.ecn.state is EcnState.CAPABLE
    loss.change_path(RttEstimate(), NewReno(1200), Pacer(12000), EcnValidator(True), MtuSearch(1452))
    window = loss.congestion.window
    assert loss.in_flight == 0
    loss.on_ack(space, [(1, 3)], 0.0, (4, 0, 0), 0.3)
    loss.on_ack(space, [(8, 9)], 0.0, (5, 0, 5), 0.3)
    assert set(space.sent) == {7}
    assert (loss.in_flight, loss.rtt.has_sample, loss.congestion.window) == (0, False, window)
    assert sorted(first for first, _, _ in owner.gone) == [400, 500, 600]
    send(loss, owner, range(10, 12), at=0.4, flags=ELICITING | IN_FLIGHT | MARKED)
    loss.ecn.on_sent(2)
    assert loss.in_flight == 2400
    loss.on_ack(space, [(10, 11)], 0.0, (7, 0, 5), 0.5)
    assert (loss.in_flight, loss.rtt.latest) == (0, pytest.approx(0.1))
    assert loss.ecn.state is EcnState.CAPABLE
