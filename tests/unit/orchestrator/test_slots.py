"""Who gets a slot: by queue and rank, with a bound on the wait, and never one slot too few."""

import asyncio
import random

import pytest

from services.mesh import tasks
from services.orchestrator.queues.slots import Place, Slots

BURST = 4


class Board:
    """Tasks that want slots, and the order in which they got them."""

    def __init__(self, count: int = 1) -> None:
        self.places: dict[str, Place] = {}
        self.slots = Slots(count, BURST, self.look)
        self.served: list[str] = []
        self.looks = 0
        self.go = asyncio.Semaphore(0)
        self.running: dict[str, asyncio.Task[None]] = {}

    async def look(self, name: str) -> Place | None:
        self.looks += 1
        await asyncio.sleep(0)
        return self.places.get(name)

    async def want(self, name: str, queue: str, rank: str, *, is_new: bool = True) -> None:
        """Have a task wait for a slot; it keeps it until `go` lets one more end."""
        self.places[name] = Place(is_new, rank, name, queue)
        self.running[name] = asyncio.create_task(self._work(name))
        for _ in range(5):
            await asyncio.sleep(0)

    async def _work(self, name: str) -> None:
        async with self.slots.held(name):
            self.served.append(name)
            await self.go.acquire()

    async def all_served(self) -> list[str]:
        """Let everybody have their turn."""
        for _ in self.running:
            self.go.release()
        async with asyncio.timeout(20):
            await asyncio.gather(*self.running.values(), return_exceptions=True)
        return self.served


async def test_the_foreground_comes_first_and_ranks_decide() -> None:
    board = Board()
    await board.want("holder", "FOREGROUND", "a")
    await board.want("late", "FOREGROUND", "c")
    await board.want("quiet", "BACKGROUND", "a")
    await board.want("early", "FOREGROUND", "b")
    assert await board.all_served() == ["holder", "early", "late", "quiet"]


async def test_what_goes_on_comes_before_what_is_new_in_its_queue() -> None:
    board = Board()
    await board.want("holder", "FOREGROUND", "a")
    await board.want("new", "FOREGROUND", "b")
    await board.want("goes on", "FOREGROUND", "z", is_new=False)
    await board.want("background", "BACKGROUND", "a", is_new=False)
    assert await board.all_served() == ["holder", "goes on", "new", "background"]


async def test_a_flood_of_the_foreground_holds_the_background_up_by_the_bound_at_most() -> None:
    board = Board()
    await board.want("holder", "FOREGROUND", "a")
    for number in range(3):
        await board.want(f"background {number}", "BACKGROUND", f"{number}")
    flood = 0
    while any(f"background {number}" not in board.served for number in range(3)):
        # There are always more foreground tasks than the bound: it is a flood.
        while sum(not task.done() for task in board.running.values()) < 3 * BURST:
            await board.want(f"foreground {flood:04}", "FOREGROUND", f"{flood:04}")
            flood += 1
        board.go.release()
        await asyncio.sleep(0.001)
    row = 0
    for name in board.served[1:]:
        row = row + 1 if name.startswith("foreground") else 0
        assert row <= BURST
        if name == "background 2":
            break
    await board.all_served()


async def test_an_edit_here_counts_at_once() -> None:
    board = Board()
    await board.want("holder", "FOREGROUND", "a")
    for name in ("b", "c", "d"):
        await board.want(name, "FOREGROUND", name)
    board.places["d"] = Place(is_new=True, rank="a1", name="d")
    board.slots.place(board.places["d"])
    board.places["b"] = Place(is_new=True, rank="b", name="b", queue="BACKGROUND")
    board.slots.place(board.places["b"])
    assert await board.all_served() == ["holder", "d", "c", "b"]


async def test_an_edit_elsewhere_counts_when_the_turn_comes() -> None:
    board = Board()
    await board.want("holder", "FOREGROUND", "a")
    for name in ("b", "c", "d"):
        await board.want(name, "FOREGROUND", name)
    board.places["b"] = Place(is_new=True, rank="e", name="b")  # nobody told the slots
    assert await board.all_served() == ["holder", "c", "d", "b"]


async def test_what_left_the_background_when_its_turn_came_does_not_take_the_turn_away() -> None:
    board = Board()
    await board.want("holder", "FOREGROUND", "a")
    await board.want("leaves", "BACKGROUND", "a")
    await board.want("stays", "BACKGROUND", "b")
    for number in range(20):
        await board.want(f"f{number:02}", "FOREGROUND", f"c{number:02}")
    board.places["leaves"] = Place(is_new=True, rank="d", name="leaves")
    served = await board.all_served()
    assert served[:6] == ["holder", "f00", "f01", "f02", "f03", "stays"]
    assert set(served) == set(board.running)


async def test_a_task_that_is_gone_does_not_hold_the_others_up() -> None:
    board = Board()
    await board.want("holder", "FOREGROUND", "a")
    await board.want("b", "FOREGROUND", "b")
    await board.want("c", "FOREGROUND", "c")
    del board.places["b"]
    assert await board.all_served() == ["holder", "b", "c"]


@pytest.mark.parametrize("seed", range(20))
async def test_whoever_is_cancelled_at_any_moment_leaks_no_slot(seed: int) -> None:
    chance = random.Random(seed)
    board = Board(count=3)
    for number in range(60):
        queue = chance.choice(("FOREGROUND", "BACKGROUND"))
        await board.want(f"t{number}", queue, chance.choice("abcdef"))
        if chance.random() < 0.6:
            board.running[chance.choice(list(board.running))].cancel()
        if chance.random() < 0.3:
            name = chance.choice(list(board.places))
            board.places[name] = Place(is_new=True, rank=chance.choice("abcdef"), name=name)
            board.slots.place(board.places[name])
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        if chance.random() < 0.3:
            board.go.release()
    await board.all_served()
    # All three are free again: three can be held at once, and a fourth waits.
    after = Board()
    after.slots = board.slots
    board.places.clear()
    for name in ("x", "y", "z", "one too many"):
        await after.want(name, "FOREGROUND", name)
    assert after.served == ["x", "y", "z"]
    await tasks.end(after.running.values())
