"""A mail server for tests: speaks enough SMTP on 127.0.0.1, and misbehaves when told to."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage


class MailServer(socketserver.ThreadingTCPServer):
    """Keeps what it was given in `mails`, as it came in `raw`; refuses `refused`, who are named by
    a part of their address. `fault` is what goes wrong, and when.

    refuse: 550 to the recipient · busy: 451 · hang_up: gone after the text was sent ·
    rude: takes the mail, then is gone without goodbye · leave: gone before the recipient ·
    silent: never says a word · swallow: takes the text, and never says a word after it.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.raw: list[bytes] = []
        self.fault = self.refused = ""

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Session(socketserver.StreamRequestHandler):
    """One client."""

    server: MailServer

    def handle(self) -> None:
        if self.server.fault == "silent":
            self.rfile.read()
        self.say("220 ready")
        while line := self.rfile.readline():
            verb = line.split(b" ")[0].strip().upper()
            if verb in (b"EHLO", b"HELO"):
                self.say("250 hello")
            elif verb == b"MAIL":
                self.say("451 busy" if self.server.fault == "busy" else "250 fine")
            elif verb == b"RCPT":
                if self.server.fault == "leave":
                    return
                self.hear_of(line.decode().strip())
            elif verb == b"DATA":
                if not self.take():
                    return
            elif verb == b"QUIT":
                self.say("421 go away" if self.server.fault == "rude" else "221 bye")
                return
            else:
                self.say("250 fine")

    def hear_of(self, recipient: str) -> None:
        is_refused = self.server.refused and self.server.refused in recipient
        if is_refused or self.server.fault == "refuse":
            self.say("550 nobody <secret@example.org>")
            return
        self.server.recipients.append(recipient)
        self.say("250 fine")

    def take(self) -> bool:
        self.say("354 go on")
        body = b""
        while (line := self.rfile.readline()) != b".\r\n":
            body += line[1:] if line.startswith(b"..") else line
        if self.server.fault == "swallow":
            self.rfile.read()
        if self.server.fault in ("hang_up", "swallow"):
            return False
        self.server.raw.append(body)
        self.server.mails.append(message_from_bytes(body, policy=policy.default))  # type: ignore[arg-type]
        self.say("250 taken")
        return True

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def a_mail_server() -> Iterator[MailServer]:
    """Run a mail server until the block ends."""
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
