"""`adjutant usage` and `adjutant budgets`, on a real mesh."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from services.mesh.store import open_store_for
from services.orchestrator.app import COLLECTIONS
from services.orchestrator.usage.ledger import UsageLedger
from services.orchestrator.usage.prices import Prices
from tests.integration.cli.test_cli_schedules import adjutant, start
from tests.support.mesh import PROJECT, mesh_in_process
from tests.support.usage import CENT, PRICES, SCOPE, options


async def test_what_models_cost_is_shown_and_bounded(tmp_path: Path) -> None:
    async with mesh_in_process(tmp_path / "mesh", model_prices=PRICES) as mesh:
        own = options(data_dir=mesh.data_dir)
        store = await open_store_for(own, COLLECTIONS)
        ledger = UsageLedger(store, Prices(own.model_prices), own)
        assert "No model was called" in (await adjutant(mesh, "usage")).out
        assert "There are none" in (await adjutant(mesh, "budgets", "list")).out
        made = await adjutant(
            mesh,
            *("budgets", "create", "team", "0.05 USD", "--per", "day", "--warn", "20"),
            *("--title", "Our team"),
        )
        assert made.code == 0, made.err
        assert "0.05 USD per day" in made.out
        scope = replace(SCOPE, project=PROJECT, agent="planner")
        for call_id in ("one", "two"):
            await ledger.reserve(scope, call_id, "test", "dime", CENT)
            await ledger.settle(call_id, CENT)
        shown = await adjutant(mesh, "usage", "--by", "day,model,agent")
        assert shown.code == 0, shown.err
        row = shown.out.splitlines()[-1].split()
        assert row[1:] == ["test/dime", "planner", "2", "200,000", "0", "0", "0.02", "USD"]
        assert "no day" in (await adjutant(mesh, "usage", "--since", "yesterday")).err
        rows = await adjutant(mesh, "usage", "--by", "", "--at", "client", "--json")
        assert json.loads(rows.out)["callCount"] == "2"
        listed = (await adjutant(mesh, "budgets", "list")).out
        assert "Our team" in listed
        assert "warned" in listed
        changed = await adjutant(mesh, "budgets", "update", "team", "--amount", "2 USD")
        assert "2.00 USD per day" in changed.out
        assert "0.02 USD" in (await adjutant(mesh, "budgets", "show", "team")).out
        assert (await adjutant(mesh, "budgets", "delete", "team")).code == 0
        assert (await adjutant(mesh, "budgets", "show", "team")).code != 0
        watching = await start(mesh, "usage", "watch")
        told = asyncio.ensure_future(watching.stdout.readline())  # type: ignore[union-attr]
        for number in range(100):
            call_id = f"seen-{number}"
            await ledger.reserve(scope, call_id, "test", "dime", CENT)
            await ledger.settle(call_id, CENT)
            if (await asyncio.wait([told], timeout=0.2))[0]:
                break
        assert b"test/dime  100000 + 0 tokens  0.01 USD" in await told
        watching.terminate()
        await watching.communicate()
        await store.close()
