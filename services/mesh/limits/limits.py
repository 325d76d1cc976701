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

    def spend(self, principal: Principal, client: str, cost: float) -> bool:
        """Count a call where that takes no waiting; False where `check` must do it.

        `client` is the resource name of the client that the call is about; empty for none.
        """
        found = self._buckets_of(principal, client)
        for bucket in found:
            if bucket.units < min(cost, bucket.rate.burst):
                return False
        for bucket in found:
            bucket.units -= min(cost, bucket.rate.burst)
            if bucket.is_low:
                bucket.refill(1.0)
        return True

    async def check(self, principal: Principal, client: str, cost: float) -> None:
        """Count a call. RATE_LIMITED with the limit's name and when to come again."""
        while not self.spend(principal, client, cost):
            for bucket in self._buckets_of(principal, client):
                await self._fill(bucket, min(cost, bucket.rate.burst))

    def check_stranger(self, host: str) -> None:
        """Refuse whoever failed too often to say who they are. RATE_LIMITED."""
        if (bucket := self._bucket("failures", host)) and bucket.units < 1:
            self._refuse_if_empty(bucket)

    def failed(self, host: str) -> None:
        """Count an unsuccessful attempt of a host to say who it is."""
        if bucket := self._bucket("failures", host):
            bucket.units = max(bucket.units - 1, -1.0)
            if bucket.is_low:
                bucket.refill(1.0)

    def _buckets_of(self, principal: Principal, client: str) -> list[LocalBucket]:
        if principal.administrator or principal.kind is Kind.SERVICE:
            return []
        own = "key" if principal.kind is Kind.API_KEY else "user"
        found = [self._bucket(own, principal.name)]
        if client:
            found.append(self._bucket("client", client))
        return [bucket for bucket in found if bucket]

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
        """See that a bucket has enough here for now. RATE_LIMITED."""
        if bucket.units >= cost:
            return
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
    raise AdjutantError(
        "RATE_LIMITED",
        f"{_WHAT[bucket.limit]}, {per_minute} a minute; wait as long as RetryInfo says and try "
        "again.",
        metadata={"limit": bucket.limit, "per_minute": per_minute},
        retry_after_s=max(wait_s, _LEAST_WAIT_S),
    )
