"""An orchestrator with somebody who talks to it, and how its models and agents are set."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.integration.tenancy.conftest import PROJECT, House, house
from tests.support.conversation import Talk

__all__ = ["house"]
Settle = Callable[..., Awaitable[Talk]]


@pytest.fixture
async def talk(house: House) -> Talk:
    """An editor's session."""
    await house.owner.member(PROJECT, "ada", "EDITOR")
    return await Talk(house.person("ada").channel).begin()


@pytest.fixture
async def settle(house: House, talk: Talk) -> Settle:
    """Start the orchestrator anew with other settings."""

    async def anew(**settings: Any) -> Talk:
        await house.stop()
        house.settings = {**house.settings, **settings}
        await house.start()
        return talk

    return anew
