"""The typed Python client of a mesh: start at `Adjutant`; messages are `adjutant_messages`."""

from services.client.adjutant import Adjutant as Adjutant
from services.client.approvals import Approvals as Approvals
from services.client.connections import Connections as Connections
from services.client.contract_json import to_json as to_json
from services.client.errors import AdjutantError as AdjutantError
from services.client.errors import AlreadyExistsError as AlreadyExistsError
from services.client.errors import ConfigurationError as ConfigurationError
from services.client.errors import ConflictError as ConflictError
from services.client.errors import DeadlineExceededError as DeadlineExceededError
from services.client.errors import ExhaustedError as ExhaustedError
from services.client.errors import InvalidRequestError as InvalidRequestError
from services.client.errors import NotFoundError as NotFoundError
from services.client.errors import PermissionDeniedError as PermissionDeniedError
from services.client.errors import PreconditionError as PreconditionError
from services.client.errors import RefusedError as RefusedError
from services.client.errors import ServiceFaultError as ServiceFaultError
from services.client.errors import ShuttingDownError as ShuttingDownError
from services.client.errors import SlowConsumerError as SlowConsumerError
from services.client.errors import UnreachableError as UnreachableError
from services.client.names import last_part as last_part
from services.client.runs import Runs as Runs
from services.client.streams import ReconnectPolicy as ReconnectPolicy
from services.client.streams import until_reachable as until_reachable
from services.client.subscriptions import Subscriptions as Subscriptions
from services.client.tasks import Tasks as Tasks
from services.client.tracing import start_trace as start_trace
