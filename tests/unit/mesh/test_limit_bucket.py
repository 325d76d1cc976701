"""A token bucket as one number: never more than it holds and what came back meanwhile."""

from hypothesis import given
from hypothesis import strategies as st

from services.mesh.limits.bucket import Rate, take
from services.mesh.limits.limits import client_of

RATES = st.builds(Rate, st.floats(0.01, 1000), st.floats(1, 10_000))
# How long nobody asks, at least how much is wanted as a share of the bucket, and at most.
STEPS = st.lists(
    st.tuples(st.floats(0, 100), st.floats(0.001, 1), st.floats(0, 2)), min_size=1, max_size=60
)
START = 1_700_000_000.0


@given(RATES, STEPS)
def test_never_more_in_any_time_than_the_burst_and_what_came_back(
    rate: Rate, steps: list[tuple[float, float, float]]
) -> None:
    full_at, now = 0.0, START
    taken: list[tuple[float, float]] = []
    for pause_s, least_share, more_share in steps:
        now += pause_s
        least = least_share * rate.burst
        grant = take(rate, full_at, now, least, least + more_share * rate.burst)
        full_at = grant.full_at
        taken.append((now, grant.units))
        for index, (since, _) in enumerate(taken):
            units = sum(units for _, units in taken[index:])
            # A double has a quarter of a microsecond left at this century's times.
            assert units <= rate.burst + rate.per_s * (now - since + 1e-6 * len(taken)) + 1e-6


@given(RATES, STEPS)
def test_what_is_refused_is_there_when_it_was_said_to_be(
    rate: Rate, steps: list[tuple[float, float, float]]
) -> None:
    full_at, now = 0.0, START
    for pause_s, least_share, more_share in steps:
        now += pause_s
        least = least_share * rate.burst
        grant = take(rate, full_at, now, least, least + more_share * rate.burst)
        full_at = grant.full_at
        assert bool(grant.units) == (grant.wait_s == 0)
        if not grant.units:
            assert take(rate, full_at, now + grant.wait_s + 1e-6, least, least).units == least
            assert not take(rate, full_at, now + grant.wait_s * 0.9 - 2e-6, least, least).units


@given(RATES, st.floats(0.001, 1))
def test_a_full_bucket_gives_all_that_it_holds_and_no_more(rate: Rate, share: float) -> None:
    first = take(rate, 0.0, START, share * rate.burst, 10 * rate.burst)
    assert first.units == rate.burst or abs(first.units / rate.burst - 1) < 1e-3
    assert not take(rate, first.full_at, START, rate.burst / 100 + 0.1 * rate.per_s, 1e9).units


@given(RATES, st.floats(0, 1e6))
def test_a_moment_from_a_wrong_clock_empties_it_and_no_more(rate: Rate, ahead_s: float) -> None:
    wrong = START + rate.burst / rate.per_s + ahead_s
    refused = take(rate, wrong, START, rate.burst, rate.burst)
    assert refused.wait_s <= rate.burst / rate.per_s * 1.001 + 1e-6


def test_a_resource_tells_its_client() -> None:
    assert client_of("clients/acme/projects/web/tasks/t") == "clients/acme"
    assert client_of("clients/acme") == "clients/acme"
    assert client_of("") == ""
    assert client_of("clients") == ""
    assert client_of("users/ada") == ""
