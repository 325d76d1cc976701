"""Lets calls in: who calls, may they, is it within their limits, is the request well made."""

from __future__ import annotations  # gRPC's types take parameters in stubs only

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import DecodeError

from services.mesh.access import caller
from services.mesh.access.authorizer import Authorizer, denied
from services.mesh.access.caller import Call
from services.mesh.audit import Caller, Recorder
from services.mesh.audit.denials import note_denial
from services.mesh.audit.details import details_of
from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError
from services.mesh.identity import Kind, Principal
from services.mesh.identity.authenticator import Authenticator
from services.mesh.identity.peer import peer_identities
from services.mesh.identity.platform import platform_of
from services.mesh.interceptors.chain import metadata_of
from services.mesh.interceptors.cutting import Cutting
from services.mesh.interceptors.receiving import Receiving
from services.mesh.interceptors.validation import Validation
from services.mesh.limits import Allowance

if TYPE_CHECKING:
    from services.mesh.access.contract import Method
    from services.mesh.interceptors.chain import Context

HOLDERS_PATIENCE_S: Final = 5.0
MAX_FROM_HOLDERS: Final = 100
"""Requests at a time, and seconds for each, of those who say only in it by what they are let in."""
_ID: Final = "[a-z0-9-]{1,63}"
_NAME: Final = re.compile(
    rf"clients/{_ID}(/(projects|groups)/{_ID})?(/[a-z][A-Za-z]{{0,62}}/{_ID}){{0,3}}"
)
"""Below a project up to three, as in `…/sessions/S/messages/M/traceCalls/T`."""


_NOBODY: Final = Principal("", Kind.USER, "")
"""Whoever calls, as long as that is not known."""
_HOLDER: Final = Principal("", Kind.API_KEY, "the resource's own credential")
"""Whoever holds a resource's own credential, such as a run's job."""


class AccessDoor:
    """The door of every service."""

    def __init__(
        self,
        authenticator: Authenticator,
        authorizer: Authorizer,
        recorder: Recorder,
        cutting: Cutting,
        allowance: Allowance,
        settings: MeshSettings,
    ) -> None:
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._recorder = recorder
        self._cutting = cutting
        self._allowance = allowance
        self._settings = settings
        self._validation = Validation()
        self._receiving = Receiving(settings.unary_timeout_s)
        self._from_holders = Receiving(HOLDERS_PATIENCE_S, MAX_FROM_HOLDERS)

    async def enter(self, method: Method, context: Context) -> Any:
        """Take the request and return it, or raise why the call is not let in.

        UNAUTHENTICATED, INVALID_CREDENTIAL, INVALID_PLATFORM, PERMISSION_DENIED, RATE_LIMITED,
        TOO_MANY_STREAMS, INVALID_REQUEST, DEADLINE_TOO_SHORT, ACCESS_UNKNOWN; NOT_FOUND where
        the project does not exist and the caller would see it if it did.
        """
        # Most calls need to wait for nothing here: what might is awaited only where it must be.
        call = Call(_NOBODY, method.name, "", peer=context.peer())
        caller.begin(call)
        await self._recognise(call, method, context)
        if bucket := self._allowance.lacking(call.principal, method.cost):
            await self._allowance.limits.spend(bucket, method.cost)
        receiving = self._from_holders if method.own_credential else self._receiving
        request = _read(await receiving.message(context), method)
        call.resource = self._resource_of(request, method)
        if not self._allows(call, method):
            await self._authorizer.require(call.principal, method.permission, call.resource)
        if method.has_references and call.principal is not _HOLDER:
            _check_references(request, method, call.resource)
        if bucket := self._allowance.lacking_of_client(call, method.cost):
            await self._allowance.limits.spend(bucket, method.cost)
        self._validation.check(request)
        if method.audit or method.streams:
            await self._note(call, method, request, context)
        return request

    async def leave(self, error: BaseException | None) -> None:
        """Note that the call under way is over, and with what error where it has one."""
        call = caller.current_call()
        if call is None:
            return
        call.answered = True
        self._allowance.dismiss(call)
        if error is None:
            if call.audit:
                await self._recorder.finish(call)
        else:
            note_denial(self._recorder, error, _visitor(call), call.method, call.resource)

    async def _recognise(self, call: Call, method: Method, context: Context) -> None:
        metadata: dict[str, str | bytes] = dict(metadata_of(context))
        call.platform = platform_of(metadata, self._settings)
        if method.own_credential:
            call.principal = _HOLDER
            return
        call.principal = await self._authenticate(metadata, self._peer(context), call.peer)
        if not self._recorder.authenticated_again(call.principal, call.peer):
            self._recorder.authenticated(_visitor(call), method.name)

    def _peer(self, context: Context) -> Sequence[str]:
        # Asking gRPC costs, and without certificates there is nothing to be had.
        return peer_identities(context) if self._settings.tls == "mutual" else ()

    async def _authenticate(
        self, metadata: dict[str, str | bytes], peer: Sequence[str], address: str
    ) -> Principal:
        """Find out who it is; whoever was wrong too often is not told, nor looked into."""
        # One who shows a certificate of the mesh is the front door, and at its address are all.
        is_strange = not peer
        try:
            if found := self._authenticator.known(metadata, peer):
                return found
            if is_strange:
                self._allowance.check_stranger(address)
            return await self._authenticator.authenticate(metadata, peer)
        except AdjutantError as error:
            if error.reason == "INVALID_CREDENTIAL" and is_strange:
                self._allowance.failed(address)
                self._allowance.check_stranger(address)
            raise

    def _resource_of(self, request: Any, method: Method) -> str:
        resource: str = method.resource_of(request)
        if resource and not _NAME.fullmatch(resource):
            self._validation.check(request)  # tells of everything that is wrong at once
            raise _no_name(resource, method)
        return resource

    def _allows(self, call: Call, method: Method) -> bool:
        """Tell whether it is certain that the call is allowed."""
        if call.principal is _HOLDER:
            return True  # the method itself checks what the request carries
        if not method.permission:
            raise denied()
        return self._authorizer.allows(call.principal, method.permission, call.resource)

    async def _note(self, call: Call, method: Method, request: Any, context: Context) -> None:
        """Note a call that came in: for the audit log, and to cut its stream when it must end."""
        if method.audit:
            entry = self._recorder.entry(
                method.audit,
                _visitor(call),
                method.name,
                call.resource,
                details=details_of(request, method.audited),
            )
            call.audit.append(entry)
        if method.streams:
            self._allowance.open_stream(call)
            await self._recorder.finish(call)  # what is streamed is gone whatever comes then
            shown = dict(metadata_of(context))
            self._cutting.entered(call, lambda: self._authenticator.has_ended(shown))


def _visitor(call: Call) -> Caller:
    known = call.principal if call.principal.name else None
    return Caller(known, call.peer, call.platform)


def _read(content: bytes, method: Method) -> Any:
    try:
        return method.request.FromString(content)
    except DecodeError:
        raise AdjutantError(
            "INVALID_REQUEST",
            f"The request is no {method.request.DESCRIPTOR.full_name} in protobuf; generate the "
            "client from this service's contract (gRPC reflection has it).",
        ) from None


def _no_name(text: str, method: Method) -> AdjutantError:
    return AdjutantError(
        "INVALID_REQUEST",
        f"{text[:200]!r} names no resource; a name is like clients/acme/projects/web/tasks/0198.",
        field=method.access.resource if method.access else "",
    )


def _check_references(request: Any, method: Method, resource: str) -> None:
    """Refuse further names that are not in the same project or client."""
    within = resource
    if method.access and method.access.resource == "name":
        within = "/".join(resource.split("/")[:-2])
    for field, name in method.references_of(request):
        if name != within and not name.startswith(within + "/"):
            raise _elsewhere(name[:200], within, field)


def _elsewhere(name: str, within: str, field: str) -> AdjutantError:
    if "/" not in within:
        message = f"'{name}' is in no project that the request names; name its project too."
    else:
        kind = within.split("/")[-2].removesuffix("s")
        message = f"'{name}' is not in {within}; name one of the same {kind}."
    return AdjutantError("INVALID_REQUEST", message, field=field)
