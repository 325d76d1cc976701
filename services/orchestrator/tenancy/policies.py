"""Records as every service knows them: the policies of `services.mesh.access.policy`."""

from services.mesh.access.policy import Key, Node
from services.orchestrator.tenancy.api_key import ApiKeyRecord
from services.orchestrator.tenancy.node import NodeRecord
from services.orchestrator.tenancy.project import ProjectRecord


def node_of(record: NodeRecord) -> Node:
    """Return what services know of a client, group or project."""
    return Node(
        name=record.name,
        revision=record.revision,
        group=record.group if isinstance(record, ProjectRecord) else "",
        members={principal: member.role for principal, member in record.members.items()},
        deleted=not record.is_active,
    )


def key_of(record: ApiKeyRecord) -> Key:
    """Return what services know of an API key."""
    return Key(
        name=record.name,
        revision=record.revision,
        key_id=record.key_id,
        scope=record.scope,
        permissions=sorted(record.permissions),
        salt=record.salt,
        digest=record.digest,
        expire_time=record.expire_time,
        revoked=record.revoke_time is not None,
    )


def policy_of(record: NodeRecord | ApiKeyRecord) -> Node | Key:
    """Return what services know of a record."""
    return key_of(record) if isinstance(record, ApiKeyRecord) else node_of(record)
