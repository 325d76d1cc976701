"""ApiKeyService over the wire."""

from typing import Any

from adjutant.common.v1 import access_pb2
from adjutant.orchestrator.v1 import api_key_pb2, api_key_service_pb2_grpc
from adjutant.orchestrator.v1 import api_key_service_pb2 as pb
from services.orchestrator import convert
from services.orchestrator.tenancy.keys import ApiKeys, KeyAndUse


class ApiKeyService(api_key_service_pb2_grpc.ApiKeyServiceServicer):
    """See the contract."""

    def __init__(self, keys: ApiKeys) -> None:
        self._keys = keys

    async def CreateApiKey(
        self, request: pb.CreateApiKeyRequest, _: Any
    ) -> pb.CreateApiKeyResponse:
        """See the contract."""
        key, token = await self._keys.create(request)
        return pb.CreateApiKeyResponse(api_key=_api_key(key), token=token)

    async def GetApiKey(self, request: pb.GetApiKeyRequest, _: Any) -> pb.GetApiKeyResponse:
        """See the contract."""
        return pb.GetApiKeyResponse(api_key=_api_key(await self._keys.get(request.name)))

    async def ListApiKeys(self, request: pb.ListApiKeysRequest, _: Any) -> pb.ListApiKeysResponse:
        """See the contract."""
        keys, token = await self._keys.page(request)
        return pb.ListApiKeysResponse(
            api_keys=[_api_key(key) for key in keys], next_page_token=token
        )

    async def RevokeApiKey(
        self, request: pb.RevokeApiKeyRequest, _: Any
    ) -> pb.RevokeApiKeyResponse:
        """See the contract."""
        return pb.RevokeApiKeyResponse(api_key=_api_key(await self._keys.revoke(request.name)))


def _api_key(found: KeyAndUse) -> api_key_pb2.ApiKey:
    key = found.key
    return api_key_pb2.ApiKey(
        name=key.name,
        display_name=key.display_name,
        role=f"ROLE_{key.role}",
        permissions=[access_pb2.Permission.Name(number) for number in key.narrowed_to],
        expire_time=convert.time(key.expire_time),
        revoke_time=convert.time(key.revoke_time),
        last_used_time=convert.time(found.last_used_time),
        creator=key.creator,
        create_time=convert.time(key.create_time),
        update_time=convert.time(key.update_time),
        etag=key.etag,
    )
