"""Calls of the contract's methods that an agent makes for somebody, in this process.

They pass what calls from outside pass: the contract's rules for the request, the permission that
the method takes, and the audit log, which tells of refused ones too. What is done then is done
within a call of that principal, so that everything below knows whose it is, and the store keeps
other clients' names from it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from services.mesh.access import caller
from services.mesh.access.authorizer import Authorizer, denied
from services.mesh.access.caller import Call
from services.mesh.access.contract import Method, method_of
from services.mesh.audit import Caller, Recorder
from services.mesh.audit.denials import note_denial
from services.mesh.audit.details import details_of
from services.mesh.errors import AdjutantError
from services.mesh.identity import Principal
from services.mesh.interceptors.validation import Validation
from services.mesh.store import Store, now
from services.orchestrator.agents.authority import AuthorityRecord
from services.orchestrator.tenancy.api_key import API_KEYS

T = TypeVar("T")
PEER: Final = "chat"
"""What the audit log has as the address of a call that an agent made."""


class Acting:
    """Makes calls for whoever an answer is made for."""

    def __init__(self, store: Store, authorizer: Authorizer, recorder: Recorder) -> None:
        self._store = store
        self._authorizer = authorizer
        self._recorder = recorder
        self._validation = Validation()

    async def may(self, authority: AuthorityRecord | None, path: str, project: str) -> bool:
        """Tell whether somebody may call a method in a project, as far as is known now."""
        if authority is None:
            return False
        try:
            principal = await self._principal(authority)
        except AdjutantError:
            return False
        return method_of(path).permission in self._authorizer.permissions(principal, project)

    async def call(
        self,
        authority: AuthorityRecord | None,
        path: str,
        project: str,
        request: Any,
        work: Callable[[Any], Awaitable[T]],
    ) -> T:
        """Do a method's work on a request of a project, with somebody's rights and no others.

        INVALID_REQUEST, PERMISSION_DENIED, UNAUTHENTICATED, NOT_FOUND, ACCESS_UNKNOWN, and what
        the work raises.
        """
        method = method_of(path)
        try:
            return await self._call(authority, method, project, request, work)
        except AdjutantError as error:
            who = Caller(authority.sender() if authority else None, PEER)
            note_denial(self._recorder, error, who, method.name, method.resource_of(request))
            raise

    async def _call(
        self,
        authority: AuthorityRecord | None,
        method: Method,
        project: str,
        request: Any,
        work: Callable[[Any], Awaitable[T]],
    ) -> T:
        self._validation.check(request)
        names = [method.resource_of(request), *(name for _, name in method.references_of(request))]
        if not all(name == project or name.startswith(f"{project}/") for name in names):
            message = f"Name something of this conversation's project, {project}."
            raise AdjutantError("INVALID_REQUEST", message)
        if authority is None:
            raise denied()
        principal = await self._principal(authority)
        await self._authorizer.require(principal, method.permission, names[0])
        call = Call(principal, method.name, names[0], peer=PEER)
        self._note(call, method, request)
        # A task of its own, for the call stands in its context and in no other.
        return await asyncio.create_task(self._within(call, request, work), name=method.name)

    async def _within(self, call: Call, request: Any, work: Callable[[Any], Awaitable[T]]) -> T:
        caller.begin(call)
        try:
            done = await work(request)
            if call.audit:
                await self._recorder.finish(call)
            return done
        finally:
            call.answered = True

    def _note(self, call: Call, method: Method, request: Any) -> None:
        if method.audit:
            entry = self._recorder.entry(
                method.audit,
                Caller(call.principal, call.peer, call.platform),
                method.name,
                call.resource,
                details=details_of(request, method.audited),
            )
            call.audit.append(entry)

    async def _principal(self, authority: AuthorityRecord) -> Principal:
        """Return who it is. UNAUTHENTICATED where that cannot be shown any more."""
        principal = authority.principal()
        if authority.key_id:
            key = await self._store.find(API_KEYS, authority.name)
            ended = key is None or key.revoke_time or (key.expire_time and key.expire_time <= now())
            if ended:
                message = "The API key that the message was sent with has ended; use another."
                raise AdjutantError("UNAUTHENTICATED", message)
        return principal
