"""Certificates between services: who is let in by one, and who is not."""

import pathlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import grpc
import pytest

from adjutant.orchestrator.v1 import task_service_pb2_grpc
from services.mesh.channel import open_channel
from services.mesh.embedded import EmbeddedNats
from services.mesh.identity.certificates import LOCAL_HOSTS, Certified, issue, make_authority
from services.mesh.identity.local import owner_token_path
from services.mesh.identity.tls import channel_credentials, require_safe, tls_dir
from tests.integration.mesh.serving import GET, Served, SmallSettings, refused, serving

DAY = timedelta(days=1)
SERVICE = "knowledge_base"


class Authority:
    """An authority and what it gives out."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = tls_dir(folder)
        self.certified = make_authority(DAY)
        self.certified.write(self.folder / "ca.pem", self.folder / "ca.key")
        self.give(f"services/{SERVICE}", SERVICE, LOCAL_HOSTS)

    def give(self, identity: str, file: str, hosts: tuple[str, ...] = ()) -> Certified:
        made = issue(self.certified, identity, hosts, DAY)
        made.write(self.folder / f"{file}.pem", self.folder / f"{file}.key")
        return made

    def credentials(self, file: str, ca: str = "ca") -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(
            *(
                (self.folder / name).read_bytes()
                for name in (f"{ca}.pem", f"{file}.key", f"{file}.pem")
            )
        )


@pytest.fixture
def authority(tmp_path: pathlib.Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def served(
    tmp_path: pathlib.Path, nats: EmbeddedNats, authority: Authority
) -> AsyncIterator[Served]:
    async with serving(tmp_path, nats.url, tls="mutual") as service:
        yield service


async def call(served: Served, credentials: grpc.ChannelCredentials, **metadata: str) -> Any:
    async with grpc.aio.secure_channel(served.address, credentials) as channel:
        stub: Any = task_service_pb2_grpc.TaskServiceStub(channel)
        shown = tuple((key.replace("_", "-"), value) for key, value in metadata.items())
        return await stub.GetTask(GET, timeout=20, metadata=shown)


def seen_of(served: Served) -> Any:
    """Note who calls, as the service sees it."""
    from services.mesh.access.caller import current_call

    seen: list[Any] = []

    async def act(request: Any) -> Any:
        seen.append(current_call())
        return await served.tasks.answer(request)

    served.tasks.act = act
    return seen


async def test_a_service_is_who_its_certificate_says(served: Served, authority: Authority) -> None:
    authority.give("services/orchestrator", "orchestrator", LOCAL_HOSTS)
    error = await refused(call(served, authority.credentials("orchestrator")))
    # It is known, and may not read tasks: whoever is not known is UNAUTHENTICATED.
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_person_with_a_certificate_and_a_token_is_who_the_token_says(
    served: Served, authority: Authority, tmp_path: pathlib.Path
) -> None:
    seen = seen_of(served)
    authority.give("users/ada", "ada")
    token = owner_token_path(served.mesh.settings).read_text().strip()
    await call(served, authority.credentials("ada"), authorization=f"Bearer {token}")
    assert seen[0].principal.name == "users/owner"


async def test_nobody_without_a_certificate_is_connected(
    served: Served, authority: Authority
) -> None:
    ca = (authority.folder / "ca.pem").read_bytes()
    error = await refused(call(served, grpc.ssl_channel_credentials(ca)))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    async with grpc.aio.insecure_channel(served.address) as channel:
        stub: Any = task_service_pb2_grpc.TaskServiceStub(channel)
        error = await refused(stub.GetTask(GET, timeout=20))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert served.tasks.calls == 0


async def test_a_certificate_of_another_authority_is_not_connected(
    served: Served, authority: Authority
) -> None:
    other = make_authority(DAY)
    forged = issue(other, "services/orchestrator", LOCAL_HOSTS, DAY)
    forged.write(authority.folder / "forged.pem", authority.folder / "forged.key")
    error = await refused(call(served, authority.credentials("forged")))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert served.tasks.calls == 0


async def test_an_expired_certificate_is_not_connected(
    served: Served, authority: Authority
) -> None:
    expired = issue(authority.certified, "services/orchestrator", (), timedelta(seconds=-1))
    expired.write(authority.folder / "late.pem", authority.folder / "late.key")
    error = await refused(call(served, authority.credentials("late")))
    assert error.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_certificate_without_an_identity_is_refused(
    served: Served, authority: Authority
) -> None:
    authority.give("../evil", "odd")
    error = await refused(call(served, authority.credentials("odd")))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_person_cannot_pass_for_a_server(authority: Authority) -> None:
    made = authority.give("users/ada", "ada")
    server = grpc.aio.server()
    port = server.add_secure_port(
        "127.0.0.1:0",
        grpc.ssl_server_credentials(
            [
                (
                    (authority.folder / "ada.key").read_bytes(),
                    (authority.folder / "ada.pem").read_bytes(),
                )
            ]
        ),
    )
    assert made.certificate.subject
    await server.start()
    credentials = authority.credentials(SERVICE)
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials) as channel:
        stub: Any = task_service_pb2_grpc.TaskServiceStub(channel)
        error = await refused(stub.GetTask(GET, timeout=20))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    await server.stop(None)


async def test_a_renewed_certificate_needs_no_restart(
    served: Served, authority: Authority, tmp_path: pathlib.Path
) -> None:
    renewed = Authority(tmp_path)  # another authority, in the same files
    token = owner_token_path(served.mesh.settings).read_text().strip()
    seen = seen_of(served)
    await call(served, renewed.credentials(SERVICE), authorization=f"Bearer {token}")
    assert seen[0].principal.administrator


async def test_while_a_certificate_cannot_be_used_the_one_before_goes_on(
    served: Served, authority: Authority
) -> None:
    credentials = authority.credentials(SERVICE)
    (authority.folder / f"{SERVICE}.pem").write_text("half of it")
    error = await refused(call(served, credentials))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_with_servers_certificates_alone_services_show_their_token(
    tmp_path: pathlib.Path, nats: EmbeddedNats, authority: Authority
) -> None:
    async with (
        serving(tmp_path, nats.url, tls="server") as served,
        open_channel(served.address, served.mesh.settings) as channel,
    ):
        stub: Any = task_service_pb2_grpc.TaskServiceStub(channel)
        error = await refused(stub.GetTask(GET))
        assert error.code() is grpc.StatusCode.PERMISSION_DENIED
        ca = (authority.folder / "ca.pem").read_bytes()
        error = await refused(call(served, grpc.ssl_channel_credentials(ca)))
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "mesh.example"])
def test_without_tls_nobody_serves_others(host: str) -> None:
    with pytest.raises(OSError, match="adjutant auth certificates"):
        require_safe(SmallSettings(host=host))
    require_safe(SmallSettings(host=host, tls="server"))
    for here in ("127.0.0.1", "localhost", "::1", "127.9.9.9"):
        require_safe(SmallSettings(host=here))


def test_without_tls_nobody_calls_others(tmp_path: pathlib.Path) -> None:
    with pytest.raises(OSError, match="in clear"):
        open_channel("mesh.example:7401", SmallSettings(data_dir=tmp_path))


def test_a_missing_key_of_the_mesh_is_said(tmp_path: pathlib.Path) -> None:
    with pytest.raises(OSError, match="adjutant auth init"):
        open_channel("127.0.0.1:1", SmallSettings(data_dir=tmp_path))


def test_a_missing_certificate_is_said(tmp_path: pathlib.Path) -> None:
    with pytest.raises(OSError, match="adjutant auth certificates"):
        channel_credentials(SmallSettings(data_dir=tmp_path, tls="mutual"))
