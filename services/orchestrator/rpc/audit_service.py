"""AuditService over the wire."""

from typing import Any

from adjutant.event.v1 import access_events_pb2
from adjutant.orchestrator.v1 import audit_entry_pb2, audit_service_pb2_grpc
from adjutant.orchestrator.v1 import audit_service_pb2 as pb
from services.mesh.names import collection_and_id
from services.orchestrator import convert
from services.orchestrator.tenancy.audit import Audit, AuditEntryRecord


class AuditService(audit_service_pb2_grpc.AuditServiceServicer):
    """See the contract."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    async def ListAuditEntries(
        self, request: pb.ListAuditEntriesRequest, _: Any
    ) -> pb.ListAuditEntriesResponse:
        """See the contract."""
        page = await self._audit.page(request)
        return pb.ListAuditEntriesResponse(
            entries=[_entry(record) for record in page.records],
            next_page_token=page.next_page_token,
        )


def _entry(record: AuditEntryRecord) -> audit_entry_pb2.AuditEntry:
    return audit_entry_pb2.AuditEntry(
        name=f"auditEntries/{collection_and_id(record.name)[1]}",
        time=convert.time(record.time),
        kind=f"AUDIT_KIND_{record.kind}",
        resource=record.resource,
        principal=record.principal,
        on_behalf_of=record.on_behalf_of,
        credential=record.credential,
        method=record.method,
        denial=f"ERROR_REASON_{record.denial or 'UNSPECIFIED'}",
        service=record.service,
        peer=record.peer,
        platform=record.platform,
        count=record.count,
        first_time=convert.time(record.first_time),
        trace=record.trace,
        details=[
            access_events_pb2.AuditDetail(field=field, value=value)
            for field, value in record.details.items()
        ],
    )
