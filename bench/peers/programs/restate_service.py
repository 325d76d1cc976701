"""A Restate service: the same workflow of three steps; its only argument is its port."""

import asyncio
import sys

import hypercorn.asyncio
import hypercorn.config
import restate

three = restate.Workflow("three")


async def step(number: int, command_line: str) -> int:
    """Do one step; what it returns is journaled, and it is not done again from then on."""
    if command_line:
        process = await asyncio.create_subprocess_exec("sh", "-c", command_line)
        if await process.wait():
            raise RuntimeError(f"step {number} failed")
    return number


@three.main()
async def run(ctx: restate.WorkflowContext, steps: list[str]) -> int:
    """Do the steps one after the other."""
    total = 0
    for number, command_line in enumerate(steps):
        total += await ctx.run_typed(
            f"step {number}", step, number=number, command_line=command_line
        )
    return total


def main() -> None:
    """Serve until killed."""
    config = hypercorn.config.Config()
    config.bind = [f"127.0.0.1:{sys.argv[1]}"]
    asyncio.run(hypercorn.asyncio.serve(restate.app([three]), config))


if __name__ == "__main__":
    main()
