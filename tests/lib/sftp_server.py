"""A real SFTP server on this machine, which lets one key in and shows one folder."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh

USER = "lists"


@dataclass
class SftpServer:
    """A running server: what a client needs, and the folder that it writes into.

    `fault` is what becomes of the bytes of a file. stuck: no answer while it lasts ·
    full: no room · gone: the connection is cut after the first ones.
    """

    port: int
    key_file: Path
    known_hosts: Path
    root: Path
    fault: str = ""


class Faulty(asyncssh.SFTPServer):
    """A server's side of one client."""

    def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]", server: SftpServer) -> None:
        super().__init__(channel, chroot=bytes(server.root))
        self._server = server

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        fault = self._server.fault
        if fault == "full":
            raise asyncssh.SFTPFailure("no room for secret")
        while self._server.fault == "stuck":
            await asyncio.sleep(0.01)
        if fault == "gone":
            data = data[: len(data) // 2]
            self.channel.get_connection().abort()
        return int(super().write(file_obj, offset, data))  # type: ignore[call-overload]


def channel_of(server: SftpServer, *, seconds: float = 5) -> str:
    """The server as a channel of the district file, with its lists in /lists."""
    keys = {
        "kind": "sftp",
        "host": "127.0.0.1",
        "port": server.port,
        "user": USER,
        "key_file": server.key_file,
        "known_hosts": server.known_hosts,
        "folder": "/lists",
        "timeout_seconds": seconds,
    }
    return f"{{{', '.join(f'{key}: {value}' for key, value in keys.items())}}}"


@contextmanager
def an_sftp_server(folder: Path) -> Iterator[SftpServer]:
    """Serve `folder/root` until the block ends; keys and known hosts are made beside it."""
    host_key, user_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    (folder / "root").mkdir()
    key_file, known = folder / "id_lists", folder / "known_hosts"
    user_key.write_private_key(str(key_file))
    allowed = folder / "authorized_keys"
    user_key.write_public_key(str(allowed))
    running = SftpServer(0, key_file, known, folder / "root")

    async def serve() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[host_key],
            authorized_client_keys=str(allowed),
            sftp_factory=lambda channel: Faulty(channel, running),
        )

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(serve(), loop).result(30)
        running.port = server.get_port()
        public = host_key.export_public_key().decode()
        known.write_text(f"[127.0.0.1]:{running.port} {public}", encoding="utf-8")
        yield running
        asyncio.run_coroutine_threadsafe(_closed(server), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


async def _closed(server: asyncssh.SSHAcceptor) -> None:
    server.close()
    await server.wait_closed()
    # Sessions that ended a moment ago are cleared away by the loop itself.
    for _ in range(10):
        await asyncio.sleep(0.01)
