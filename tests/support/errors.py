"""What an error says to programs."""

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """Return the reason; empty where it has none."""
    for detail in rpc_status.from_call(error).details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return str(info.reason)
    return ""


def fields_of(error: grpc.aio.AioRpcError) -> list[str]:
    """Return the fields that are wrong."""
    for detail in rpc_status.from_call(error).details:
        request = error_details_pb2.BadRequest()
        if detail.Unpack(request):
            return [violation.field for violation in request.field_violations]
    return []
