"""Where the orchestrator's master keys come from."""

from services.mesh.secrets import ring_file
from services.mesh.secrets.keys import EnvironmentKeys, FileKeys, MasterKeys
from services.orchestrator.settings import OrchestratorSettings


def master_keys(settings: OrchestratorSettings) -> MasterKeys:
    """Return the keys that the settings name; their file is made on the first start.

    MasterKeysError, an OSError, where they cannot be used: the service does not start.
    """
    if settings.master_key_source == "environment":
        return EnvironmentKeys()
    ring_file.make_if_missing(settings.master_key_path)
    return FileKeys(settings.master_key_path)
