"""The floor of every durable step: LangGraph with its own SQLite checkpoints.

A graph of one node that goes round; each round is a node and a checkpoint that
is on disk before the next begins (durability `sync`).
"""

import os
import pathlib
import tempfile
from typing import TypedDict

os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"  # read when langgraph is imported

import aiosqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph

from bench import harness

NAME = "LangGraph step, SQLite"
ROUNDS = 50


class State(TypedDict):
    """What a checkpoint holds: about as much as a task's."""

    round: int
    title: str
    steps: list[str]


async def measure(seconds: float) -> list[harness.Figure]:
    """Time from each entry of the node to the next."""
    samples: list[float] = []
    entered = 0.0

    async def node(state: State) -> dict[str, int]:
        nonlocal entered
        now = harness.now_ms()
        if state["round"]:
            samples.append(now - entered)
        entered = now
        return {"round": state["round"] + 1}

    graph = StateGraph(State)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    graph.add_conditional_edges("node", lambda s: END if s["round"] >= ROUNDS else "node")
    with tempfile.TemporaryDirectory() as folder:
        async with aiosqlite.connect(pathlib.Path(folder, "checkpoints.db")) as database:
            await database.execute("PRAGMA synchronous = NORMAL")
            compiled = graph.compile(checkpointer=AsyncSqliteSaver(database))
            start, thread = harness.now_ms(), 0
            while harness.now_ms() < start + seconds * 1000:
                thread += 1
                await compiled.ainvoke(
                    State(round=0, title="bench", steps=["step"] * 3),
                    {"configurable": {"thread_id": str(thread)}, "recursion_limit": ROUNDS + 2},
                    durability="sync",
                )
    per_second = len(samples) / sum(samples) * 1000
    return [harness.figure(NAME, samples[ROUNDS:], per_second=per_second)]


if __name__ == "__main__":
    harness.main(measure, __doc__)
