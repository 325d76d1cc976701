"""Wires who may do what: clients, groups, projects, members, keys, connections, the audit log."""

from typing import Any, Final

from adjutant.event.v1 import event_pb2
from adjutant.orchestrator.v1 import (
    api_key_service_pb2_grpc,
    audit_service_pb2_grpc,
    client_service_pb2_grpc,
    connection_service_pb2_grpc,
    group_service_pb2_grpc,
    identity_service_pb2_grpc,
    member_service_pb2_grpc,
    project_service_pb2_grpc,
)
from services.mesh.access.rights import Rights
from services.mesh.app import Mesh
from services.mesh.identity.api_keys import make_token
from services.mesh.secrets.envelope import Vault
from services.mesh.store import Collection
from services.orchestrator.rpc.api_key_service import ApiKeyService
from services.orchestrator.rpc.audit_service import AuditService
from services.orchestrator.rpc.client_service import ClientService
from services.orchestrator.rpc.connection_service import ConnectionService
from services.orchestrator.rpc.group_service import GroupService
from services.orchestrator.rpc.identity_service import IdentityService
from services.orchestrator.rpc.member_service import MemberService
from services.orchestrator.rpc.project_service import ProjectService
from services.orchestrator.tenancy.api_key import API_KEYS, KEY_USES
from services.orchestrator.tenancy.audit import AUDIT_ENTRIES, Audit
from services.orchestrator.tenancy.client import CLIENTS
from services.orchestrator.tenancy.connections import PURPOSE, Connections
from services.orchestrator.tenancy.directory import Directory
from services.orchestrator.tenancy.effective import Inheritance
from services.orchestrator.tenancy.group import GROUPS
from services.orchestrator.tenancy.identity import Identities
from services.orchestrator.tenancy.keys import ApiKeys
from services.orchestrator.tenancy.kinds import CLIENT, GROUP, PROJECT, stands
from services.orchestrator.tenancy.members import Members
from services.orchestrator.tenancy.nodes import Nodes
from services.orchestrator.tenancy.project import PROJECTS
from services.orchestrator.tenancy.rewrapping import Rewrapping
from services.orchestrator.tenancy.stored_connection import CONNECTIONS
from services.orchestrator.vault import master_keys

_CONTRACT: Final = "adjutant.orchestrator.v1"
TENANCY_COLLECTIONS: Final[tuple[Collection[Any], ...]] = (
    CLIENTS,
    GROUPS,
    PROJECTS,
    CONNECTIONS,
    API_KEYS,
    KEY_USES,
    AUDIT_ENTRIES,
)


def serve_tenancy(
    mesh: Mesh, directory: Directory, rights: Rights, inheritance: Inheritance
) -> None:
    """Serve everything that says who may do what."""
    connections = _serve_connections(mesh, inheritance)
    _serve_hierarchy(mesh, directory, rights, inheritance, connections)
    _serve_keys(mesh, directory, rights)
    _serve_audit(mesh)


def _serve_connections(mesh: Mesh, inheritance: Inheritance) -> Connections:
    """Serve connections, and return them for whoever asks what holds in a project."""
    vault = Vault(master_keys(mesh.settings), PURPOSE)
    sealing = mesh.settings.service_dir / "sealing.lock"
    connections = Connections(mesh.store, vault, inheritance.chain, stands, sealing)
    mesh.serve(
        connection_service_pb2_grpc.add_ConnectionServiceServicer_to_server,
        ConnectionService(connections, Rewrapping(mesh.store, vault, connections)),
        f"{_CONTRACT}.ConnectionService",
    )
    return connections


def _serve_hierarchy(
    mesh: Mesh,
    directory: Directory,
    rights: Rights,
    inheritance: Inheritance,
    connections: Connections,
) -> None:
    """Serve clients, groups, projects and members, and tell every service of them."""
    store = mesh.store
    mesh.serve(
        client_service_pb2_grpc.add_ClientServiceServicer_to_server,
        ClientService(Nodes(CLIENT, store, directory, rights)),
        f"{_CONTRACT}.ClientService",
    )
    mesh.serve(
        group_service_pb2_grpc.add_GroupServiceServicer_to_server,
        GroupService(Nodes(GROUP, store, directory, rights)),
        f"{_CONTRACT}.GroupService",
    )
    mesh.serve(
        project_service_pb2_grpc.add_ProjectServiceServicer_to_server,
        ProjectService(Nodes(PROJECT, store, directory, rights), inheritance, connections, rights),
        f"{_CONTRACT}.ProjectService",
    )
    mesh.serve(
        member_service_pb2_grpc.add_MemberServiceServicer_to_server,
        MemberService(Members(store, directory, rights)),
        f"{_CONTRACT}.MemberService",
    )
    kinds = [event_pb2.EVENT_KIND_ACCESS_CHANGED]
    mesh.consume("orchestrator-access", kinds, directory.on_access_changed)
    mesh.run_in_background("access", directory.reconcile_forever)
    mesh.events.on_reconnect(directory.publish_again)


def _serve_keys(mesh: Mesh, directory: Directory, rights: Rights) -> None:
    """Serve API keys, and what callers ask about themselves."""
    keys = ApiKeys(mesh.store, directory, rights, make_token)
    mesh.serve(
        api_key_service_pb2_grpc.add_ApiKeyServiceServicer_to_server,
        ApiKeyService(keys),
        f"{_CONTRACT}.ApiKeyService",
    )
    mesh.serve(
        identity_service_pb2_grpc.add_IdentityServiceServicer_to_server,
        IdentityService(Identities(mesh.store)),
        f"{_CONTRACT}.IdentityService",
    )
    mesh.before_purge(keys.revoke_below)


def _serve_audit(mesh: Mesh) -> None:
    """Serve the audit log, as far as it can be listed."""
    audit = Audit(mesh.store)
    mesh.serve(
        audit_service_pb2_grpc.add_AuditServiceServicer_to_server,
        AuditService(audit),
        f"{_CONTRACT}.AuditService",
    )
    mesh.consume_audit("orchestrator-audit", audit.on_entry)
    max_age_s = mesh.settings.audit_max_age_s
    mesh.run_in_background("audit entries", lambda: audit.forget_forever(max_age_s))
