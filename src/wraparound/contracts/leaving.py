"""What a district says about what leaves: to analysts, by which channels, kept how long."""

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from wraparound.contracts.suppression import Policy, policy_of

# As the standard of HTML has it (its "valid e-mail address"): one address in plain letters, with
# nothing that could begin another header or another recipient.
MAIL_ADDRESS = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*"


class Strict(BaseModel):
    """A model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Analytics(Strict):
    """What analysts see: `suppression` names a policy, `change` changes keys of it.

    The tables stand still for `snapshot_days`, or the difference of two nights would tell what
    is known of the one child that came or changed between them. `grade_bands` sorts
    grade levels, `age_bands` ages in years (first and last year of each).
    """

    suppression: str = "ct_csde"
    change: dict[str, Any] = {}
    snapshot_days: int = Field(default=28, ge=1)
    grade_bands: dict[str, tuple[str, ...]] = {
        "PK": ("IT", "PR", "PK", "TK"),
        "K-2": ("KG", "01", "02"),
        "3-5": ("03", "04", "05"),
        "6-8": ("06", "07", "08"),
        "9-12": ("09", "10", "11", "12", "13"),
    }
    age_bands: dict[str, tuple[int, int]] = {
        "0-4": (0, 4),
        "5-7": (5, 7),
        "8-10": (8, 10),
        "11-13": (11, 13),
        "14-17": (14, 17),
        "18+": (18, 120),
    }

    @model_validator(mode="after")
    def _policy_exists(self) -> "Analytics":
        policy_of(self.suppression, **self.change)
        return self

    @property
    def policy(self) -> Policy:
        """The policy with the district's changes."""
        return policy_of(self.suppression, **self.change)


class FolderChannel(Strict):
    """A folder that people or a synchronizing program read: one folder per school in it."""

    kind: Literal["folder"] = "folder"
    path: Path


class EmailChannel(Strict):
    """A mail to each coordinator of a school: counts and a link, nothing of a child.

    `addresses` maps a staff id to a mail address; `link` may hold `{school}`, the name of
    the school's folder. A password, where the server asks for one, is read from a file.
    """

    kind: Literal["email"] = "email"
    host: str
    port: int = Field(default=25, ge=1, le=65535)
    security: Literal["none", "starttls", "tls"] = "none"
    sender: str = Field(pattern=f"^{MAIL_ADDRESS}$")
    link: str = Field(pattern=r"^(https?|file)://\S+$")
    user: str = ""
    password_file: Path | None = None
    addresses: dict[str, str] = {}
    timeout_seconds: float = Field(default=20, gt=0)

    @model_validator(mode="after")
    def _addresses_are_plain(self) -> "EmailChannel":
        for address in self.addresses.values():
            if re.fullmatch(MAIL_ADDRESS, address) is None:
                raise ValueError("an address is not a plain mail address")
        return self


class SftpChannel(Strict):
    """A folder on an SFTP server: one folder per school in it.

    We sign in with a key that has no passphrase, in a file that only we may read; the server is
    the one whose key stands in `known_hosts`, and no other.
    """

    kind: Literal["sftp"] = "sftp"
    host: str
    port: int = Field(default=22, ge=1, le=65535)
    user: str
    key_file: Path
    known_hosts: Path
    folder: str = "."
    timeout_seconds: float = Field(default=20, gt=0)


class ObjectStoreChannel(Strict):
    """An object store by its URL (`s3://bucket/lists`): one prefix per school.

    `options` go to the store's driver. Credentials are no options: the driver finds them in its
    own place, such as the role of the machine or the environment. `timeout_seconds` is for each
    object.
    """

    kind: Literal["object_store"] = "object_store"
    url: str = Field(pattern=r"^[a-z][a-z0-9+.-]*://[^\s?#]+$")
    options: dict[str, str | int | float | bool] = {}
    timeout_seconds: float = Field(default=60, gt=0)

    @model_validator(mode="after")
    def _holds_no_secret(self) -> "ObjectStoreChannel":
        words = ("secret", "password", "token", "credential", "account_key", "connection_string")
        named = [name for name in self.options if any(word in name.lower() for word in words)]
        if named or re.search(r"://[^/@]*:[^/@]*@", self.url):
            raise ValueError("credentials do not stand in the district file")
        return self

    @model_validator(mode="after")
    def _is_no_folder(self) -> "ObjectStoreChannel":
        if self.url.startswith(("file:", "local:")):
            raise ValueError("a folder is `kind: folder`, with its path")
        return self


FilesChannel = FolderChannel | SftpChannel | ObjectStoreChannel
Channel = FilesChannel | EmailChannel

RetentionClass = Literal["permanent", "enrollment", "current_year", "operational"]
Place = Literal["archive", "quarantine", "releases", "findings", "outbox", "packets", "students"]


RETENTION_DAYS: dict[str, int | None] = {
    "permanent": None,
    "enrollment": 2555,
    "current_year": 400,
    "operational": 90,
}
PLACE_CLASSES: dict[str, str] = {
    "archive": "enrollment",
    "quarantine": "current_year",
    "releases": "current_year",
    "findings": "operational",
    "outbox": "operational",
    "packets": "operational",
    "students": "enrollment",
}


class Retention(Strict):
    """How long what lies about is kept: `days` of each class, and the class of each place.

    No days means for good. `archive`: the bytes that senders delivered. `quarantine`: lines
    that were set aside. `releases`: frozen lists that no reader sees, pinned or not.
    `findings`: the keys behind what the gate found. `outbox`: what was to be sent and is done
    with. `packets`: what providers were told, in the folder of the home. `students`: every
    record of a child who left, counted from its last change, and never sooner than all that may
    hold a copy of it. The disclosure log is kept as long as the records it speaks of; it has no
    place here.
    """

    days: dict[RetentionClass, int | None] = {}
    places: dict[Place, RetentionClass] = {}

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        """What is not said is as it is by default."""
        if not isinstance(given, dict):
            return given
        days, places = given.get("days") or {}, given.get("places") or {}
        return {**given, "days": RETENTION_DAYS | days, "places": PLACE_CLASSES | places}

    @model_validator(mode="after")
    def _days_are_days(self) -> "Retention":
        if any(days is not None and days < 1 for days in self.days.values()):
            raise ValueError("days are at least 1")
        return self

    def days_of(self, place: Place) -> int | None:
        """How many days a place is kept; None for good."""
        days = [self.days[kind] for kind in self.places.values()]
        if place != "students":
            return self.days[self.places[place]]
        return None if None in days else max(one for one in days if one is not None)
