"""Wires the notification service: the one place that constructs its parts."""

from typing import Final

from adjutant.notification.v1 import subscription_service_pb2_grpc
from services.mesh.app import Mesh, Service
from services.notification.rpc.subscription_service import SubscriptionService
from services.notification.settings import NotificationSettings


async def build(mesh: Mesh) -> None:
    """Make the notification service's parts and register them."""
    mesh.serve(
        subscription_service_pb2_grpc.add_SubscriptionServiceServicer_to_server,
        SubscriptionService(mesh.hub),
        "adjutant.notification.v1.SubscriptionService",
    )


SERVICE: Final = Service(NotificationSettings, collections=(), build=build)
