"""Run the notification service alone."""

from services.mesh.main import main
from services.notification.app import SERVICE

main(SERVICE)
