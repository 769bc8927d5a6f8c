"""`python -m tests.chaos.run --kills N --rows N --seed S`: a campaign as long as you like."""

# ruff: noqa: T201 - a script prints

from __future__ import annotations

import argparse
import random
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.campaign import FAULTS, Campaign, Figures
from tests.chaos.keen import Keen
from tests.chaos.nursery import REPOSITORY, nursery
from tests.chaos.surroundings import build

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS_A_FILE = 1000


@contextmanager
def campaign(
    folder: Path,
    *,
    seed: int,
    tree: Path = REPOSITORY,
    key_retention: float = 0,
    transport: str = "httpx",
) -> Iterator[Campaign]:
    """Yield a campaign in `folder`, whose Keen and whose program's processes end with it.

    `key_retention`: the hours for which the program is told that Keen remembers keys; 0: none.
    """
    library = build(folder)
    honour_keys = key_retention > 0
    keen = Keen(folder / "audit.jsonl", FAULTS, seed=seed, latency=0.005, honour_keys=honour_keys)
    try:
        with nursery(folder / "runs", preload=library, tree=tree) as starts:
            rng = random.Random(seed)  # noqa: S311 - replayable
            yield Campaign(folder, starts, keen, rng, library is not None, key_retention, transport)
    finally:
        keen.kill()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/chaos",
        description="Kill the importer again and again, in every way there is, and check that no "
        "row was lost or paid twice. Everything happens on this computer.",
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=None, help="default: a new one, printed")
    parser.add_argument(
        "--key-retention",
        type=float,
        default=0.0,
        metavar="HOURS",
        help="Keen remembers keys so long: doubts are sent again, and at 24 every row is created",
    )
    parser.add_argument("--transport", choices=["httpx", "direct"], default="httpx")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if asked.seed is None else asked.seed
    print(f"seed {seed}", flush=True)
    files = max(1, asked.rows // ROWS_A_FILE)
    with (
        tempfile.TemporaryDirectory(prefix="importer-chaos-") as folder,
        campaign(
            Path(folder),
            seed=seed,
            key_retention=asked.key_retention,
            transport=asked.transport,
        ) as made,
    ):
        figures = made.run(rows=asked.rows, files=files, kills=asked.kills)
    print_figures(figures)


def print_figures(figures: Figures) -> None:
    for line in figures.lines():
        print(line)
    print(
        f"0 failures in {figures.kills:,} kills: with 95 % confidence fewer than "
        f"{3 / max(figures.kills, 1):.2%} of such kills break the promise."
    )


if __name__ == "__main__":
    main()
