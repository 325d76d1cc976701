"""What steps leave behind: each writes down its run when it begins and when it is done."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Marks:
    """The files in which the steps of one plan write; made with its folder."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def step(self, title: str, *lines: str, sleep_s: float, then: str = "true") -> str:
        """Return a step for a plan; `then` is what it does between its two marks.

        `lines` are further lines of it, such as `after: build`.
        """
        file = self.folder / title
        work = f'echo "begun $ADJUTANT_RUN" >> {file}; sleep {sleep_s:.2f}; {then} || exit 1; '
        run = f'run: {work}echo "done $ADJUTANT_RUN" >> {file}'
        return "\n  ".join([f"- [ ] {title}", *lines, run]) + "\n"

    def of(self, title: str, what: str) -> list[str]:
        """Return the runs that wrote down `begun`, or `done`, for a step, in their order."""
        file = self.folder / title
        lines = file.read_text().splitlines() if file.exists() else []
        return [line.split()[1] for line in lines if line.startswith(what)]

    def steps(self) -> list[str]:
        """Return the titles of the steps that began."""
        return sorted(path.name for path in self.folder.iterdir() if path.is_file())
