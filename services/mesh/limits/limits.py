"""How much each user, API key and client may call, whichever replica they come to."""

import asyncio
from typing import Final, NoReturn

from services.mesh import metrics
from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError
from services.mesh.identity import Kind, Principal
from services.mesh.identity.lru import Lru
from services.mesh.limits.bucket import Rate
from services.mesh.limits.local import LocalBucket
from services.mesh.limits.shared import SharedBuckets

WAIT_S: Final = 0.005
"""Seconds that a call waits for the shared bucket before the replica decides alone."""
MAX_BUCKETS: Final = 20_000
_LEAST_WAIT_S: Final = 0.01
_MINUTE_S: Final = 60.0
_WHAT: Final = {
    "user": "You call more often than a user may",
    "key": "This API key calls more often than a key may",
    "client": "The client is called more often than a client may be",
    "failures": "Calls without a good credential come from your address more often than they may",
}


class Limits:
    """Counts calls; whoever has none left is told when to come again."""

    def __init__(self, settings: MeshSettings, shared: SharedBuckets) -> None:
        self._shared = shared
        burst_s = settings.rate_limit_burst_s
        self._rates = {
            "user": _rate(settings.rate_limit_user_per_minute, burst_s),
            "key": _rate(settings.rate_limit_key_per_minute, burst_s),
            "client": _rate(settings.rate_limit_client_per_minute, burst_s),
            "failures": _rate(settings.rate_limit_failures_per_minute, burst_s),
        }
        self._buckets: Lru[tuple[str, str], LocalBucket] = Lru(MAX_BUCKETS)

    def of_caller(self, principal: Principal) -> LocalBucket | None:
        """Return what a caller spends from, on whatever it calls; None where it is not limited."""
        if _is_exempt(principal):
            return None
        limit = "key" if principal.kind is Kind.API_KEY else "user"
        return self._bucket(limit, principal.name)

    def of_client(self, principal: Principal, client: str) -> LocalBucket | None:
        """Return what all who call a client spend from; None where it is not limited.

        `client` is its resource name; empty where a call is about none.
        """
        return self._bucket("client", client) if client and not _is_exempt(principal) else None

    async def spend(self, bucket: LocalBucket, cost: float) -> None:
        """Count a call. RATE_LIMITED with the limit's name and when to come again.

        It waits only where `bucket.spend` says that there is not enough here.
        """
        cost = min(cost, bucket.rate.burst)
        while not bucket.spend(cost):
            await self._fill(bucket, cost)

    def check_stranger(self, host: str) -> None:
        """Refuse whoever failed too often to say who they are. RATE_LIMITED."""
        if (bucket := self._bucket("failures", host)) and bucket.units < 1:
            self._refuse_if_empty(bucket)

    def failed(self, host: str) -> None:
        """Count an unsuccessful attempt of a host to say who it is."""
        if bucket := self._bucket("failures", host):
            bucket.owe(1.0)

    def _bucket(self, limit: str, who: str) -> LocalBucket | None:
        rate = self._rates[limit]
        if rate is None:
            return None
        bucket = self._buckets.get((limit, who))
        if bucket is None:
            bucket = LocalBucket(limit, who, rate, self._shared)
            self._buckets.put((limit, who), bucket)
        return bucket

    async def _fill(self, bucket: LocalBucket, cost: float) -> None:
        """See that a bucket has more here. RATE_LIMITED."""
        self._refuse_if_empty(bucket)
        refill = bucket.refill(cost - bucket.units)
        await asyncio.wait({refill}, timeout=WAIT_S)
        if bucket.units < cost and not (refill.done() and bucket.is_sound):
            bucket.lend(cost - bucket.units)
        if bucket.units < cost:
            self._refuse_if_empty(bucket)

    def _refuse_if_empty(self, bucket: LocalBucket) -> None:
        if (wait_s := bucket.wait_s) > 0:
            _refuse(bucket, wait_s)


def _is_exempt(principal: Principal) -> bool:
    # Whoever holds a resource's own credential has no name; what it may do is little.
    return principal.administrator or principal.kind is Kind.SERVICE or not principal.name


def client_of(resource: str) -> str:
    """Return the name of the client that a resource is of; empty where it is of none."""
    collection, _, rest = resource.partition("/")
    return f"clients/{rest.partition('/')[0]}" if collection == "clients" and rest else ""


def _rate(per_minute: float, burst_s: float) -> Rate | None:
    per_s = per_minute / _MINUTE_S
    return Rate(per_s, max(per_s * burst_s, 1.0)) if per_minute else None


def _refuse(bucket: LocalBucket, wait_s: float) -> NoReturn:
    metrics.limited(bucket.limit)
    per_minute = f"{bucket.rate.per_s * _MINUTE_S:g}"
    wait_s = max(wait_s, _LEAST_WAIT_S)
    raise AdjutantError(
        "RATE_LIMITED",
        f"{_WHAT[bucket.limit]}, {per_minute} a minute; try again in {wait_s:.2g} s.",
        metadata={"limit": bucket.limit, "per_minute": per_minute},
        retry_after_s=wait_s,
    )
