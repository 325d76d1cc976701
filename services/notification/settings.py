"""Settings of the notification service."""

from typing import ClassVar

from services.mesh.config import MeshSettings


class NotificationSettings(MeshSettings):
    """Settings of the notification service: so far those of every service."""

    service: ClassVar[str] = "notification"
