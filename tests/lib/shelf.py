"""An object store on this machine, which other processes see too: an object is whole or absent."""

import asyncio
import os
from pathlib import Path
from typing import Any

import fsspec
from fsspec import AbstractFileSystem
from fsspec.asyn import AsyncFileSystem

PROTOCOL = "shelf"


class Shelf(AbstractFileSystem):  # type: ignore[misc]
    """Objects as files below `root`; only what the delivery asks of a store."""

    protocol = PROTOCOL

    def __init__(self, root: str = "", **options: Any) -> None:
        super().__init__(root=root, **options)
        self.root = Path(root)

    def pipe_file(self, path: str, value: bytes, **_: Any) -> None:
        """Take an object in the place of the one before, at once."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        arriving = self.root / f"arriving-{os.getpid()}"
        arriving.write_bytes(value)
        arriving.replace(place)


class Stuck(AsyncFileSystem):  # type: ignore[misc]
    """A store that never answers, as the drivers of clouds see it."""

    async def _pipe_file(self, path: str, value: bytes, **_: Any) -> None:
        await asyncio.Event().wait()


fsspec.register_implementation(PROTOCOL, Shelf, clobber=True)
fsspec.register_implementation(f"{PROTOCOL}-stuck", Stuck, clobber=True)
