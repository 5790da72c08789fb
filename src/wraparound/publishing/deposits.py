"""Places that a school's files are left in: a folder, an SFTP server, an object store.

Files are put where nobody looks, and shown once their leaving was logged: under another name
that is then renamed, or, in an object store, by sending them only then.
"""

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from wraparound.contracts.leaving import (
    FilesChannel,
    FolderChannel,
    ObjectStoreChannel,
    SftpChannel,
)

if TYPE_CHECKING:
    import asyncssh

T = TypeVar("T")
# Bytes after which an SFTP server has to answer within the channel's time.
BLOCK = 1 << 18


class DepositFailed(Exception):
    """A place could not be reached or written to; the text holds no name and no answer of it.

    `is_silent`: it did not say no, it said nothing in time.
    """

    def __init__(self, text: str, *, is_silent: bool = False) -> None:
        super().__init__(text)
        self.is_silent = is_silent


class Deposit(ABC):
    """One school's folder in one place. Both steps may be done again with the same bytes."""

    @abstractmethod
    def put(self, name: str, body: bytes) -> None:
        """Leave a file where nobody looks."""

    @abstractmethod
    def show(self, name: str) -> None:
        """Let a file that was put take its place."""


@contextmanager
def open_deposit(channel: FilesChannel, folder: str) -> Iterator[Deposit]:
    """Open the folder of a school in a channel's place, and make it where it is missing.

    Raises:
        DepositFailed: the place cannot be reached, does not let us in, or was lost.
    """
    if isinstance(channel, FolderChannel):
        yield _Folder(channel.path / folder)
    elif isinstance(channel, SftpChannel):
        with _sftp_folder(channel, folder) as deposit:
            yield deposit
    else:
        yield _ObjectStore(channel, folder)


# --- a folder -----------------------------------------------------------------------------


class _Folder(Deposit):
    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, name: str, body: bytes) -> None:
        with _told_of_files():
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (self._path / f"{name}.part").open("wb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(body)
                file.flush()
                os.fsync(file.fileno())

    def show(self, name: str) -> None:
        with _told_of_files():
            (self._path / f"{name}.part").replace(self._path / name)


@contextmanager
def _told_of_files() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DepositFailed(f"The folder could not be written ({error.strerror}).") from None


# --- an SFTP server -----------------------------------------------------------------------


class _SftpFolder(Deposit):
    def __init__(
        self, runner: asyncio.Runner, sftp: "asyncssh.SFTPClient", folder: str, *, seconds: float
    ) -> None:
        self._runner, self._sftp, self._folder = runner, sftp, folder
        self._seconds = seconds

    def put(self, name: str, body: bytes) -> None:
        self._runner.run(self._put(f"{self._folder}/{name}.part", body))

    async def _put(self, path: str, body: bytes) -> None:
        import asyncssh

        private = asyncssh.SFTPAttrs(permissions=0o600)
        file = await self._answer(self._sftp.open(path, "wb", attrs=private))
        for start in range(0, len(body), BLOCK):
            await self._answer(file.write(body[start : start + BLOCK]))
        await self._answer(file.close())

    def show(self, name: str) -> None:
        path = f"{self._folder}/{name}"
        # Unlike a plain rename, this one may take the place of last night's file.
        self._runner.run(self._answer(self._sftp.posix_rename(f"{path}.part", path)))

    async def _answer(self, asked: Awaitable[T]) -> T:
        """Wait for an answer as long as for a sign of life: a server may be alive and stuck."""
        return await asyncio.wait_for(asked, self._seconds)


@contextmanager
def _sftp_folder(channel: SftpChannel, folder: str) -> Iterator[Deposit]:
    path = f"{channel.folder.rstrip('/')}/{folder}"
    with _told_of_sftp(), asyncio.Runner() as runner:
        connection = _signed_in(runner, channel)
        try:
            sftp = runner.run(_opened(connection, path, seconds=channel.timeout_seconds))
            yield _SftpFolder(runner, sftp, path, seconds=channel.timeout_seconds)
        finally:
            connection.abort()


def _signed_in(runner: asyncio.Runner, channel: SftpChannel) -> "asyncssh.SSHClientConnection":
    import asyncssh

    try:
        return runner.run(_connected(channel))
    except asyncssh.KeyImportError:
        told = "The key for the SFTP server cannot be read."
    except ValueError:
        told = "The file known_hosts of the SFTP server cannot be read."
    raise DepositFailed(told) from None


async def _connected(channel: SftpChannel) -> "asyncssh.SSHClientConnection":
    """Sign in with our key to the server whose key is known: no password, agent or other file."""
    import asyncssh

    return await asyncssh.connect(
        channel.host,
        channel.port,
        username=channel.user,
        client_keys=[str(channel.key_file)],
        known_hosts=str(channel.known_hosts),
        preferred_auth="publickey",
        agent_path=None,
        config=None,
        connect_timeout=channel.timeout_seconds,
        login_timeout=channel.timeout_seconds,
        keepalive_interval=channel.timeout_seconds,
    )


async def _opened(
    connection: "asyncssh.SSHClientConnection", path: str, *, seconds: float
) -> "asyncssh.SFTPClient":
    async with asyncio.timeout(seconds):
        sftp = await connection.start_sftp_client()
        await sftp.makedirs(path, exist_ok=True)
        return sftp


@contextmanager
def _told_of_sftp() -> Iterator[None]:
    import asyncssh

    is_silent = False
    try:
        yield
    except asyncssh.HostKeyNotVerifiable:
        told = "The SFTP server's key is not the one in known_hosts."
    except asyncssh.PermissionDenied:
        told = "The SFTP server refused the user or the key."
    except (asyncssh.Error, OSError) as error:
        told = f"The SFTP server could not be written to ({type(error).__name__})."
        is_silent = isinstance(error, TimeoutError)
    else:
        return
    # The text of a server may quote anything; the kind of its error may not.
    raise DepositFailed(told, is_silent=is_silent) from None


# --- an object store ----------------------------------------------------------------------


class _ObjectStore(Deposit):
    """An object appears whole or not at all, so nothing is sent before it may be seen."""

    def __init__(self, channel: ObjectStoreChannel, folder: str) -> None:
        self._channel, self._folder = channel, folder
        self._bodies: dict[str, bytes] = {}

    def put(self, name: str, body: bytes) -> None:
        self._bodies[name] = body

    def show(self, name: str) -> None:
        is_silent = False
        try:
            store, root = _store(self._channel)
            # A prefix needs no making; and a bucket by another name must not be made.
            self._pipe(store, f"{root}/{self._folder}/{name}", self._bodies[name])
        except ImportError:
            told = "The driver of the object store is not installed."
        except Exception as error:
            # Each driver has errors of its own, whose text may quote an address or a key.
            told = f"The object store could not be written to ({type(error).__name__})."
            is_silent = isinstance(error, TimeoutError)
        else:
            return
        raise DepositFailed(told, is_silent=is_silent) from None

    def _pipe(self, store: Any, path: str, body: bytes) -> None:
        """Send an object; the drivers of clouds would wait and try again for minutes."""
        if store.async_impl:
            store.pipe_file(path, body, timeout=self._channel.timeout_seconds)
        else:
            store.pipe_file(path, body)


def _store(channel: ObjectStoreChannel) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    store, root = url_to_fs(channel.url, **channel.options)
    return store, root.rstrip("/")
