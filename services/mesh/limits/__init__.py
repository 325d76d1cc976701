"""How much may come in: calls by the minute, streams at once, wrong credentials."""

from services.mesh.limits.allowance import Allowance
from services.mesh.limits.limits import Limits, client_of
from services.mesh.limits.shared import SharedBuckets
from services.mesh.limits.streams import Streams

__all__ = ["Allowance", "Limits", "SharedBuckets", "Streams", "client_of"]
