"""Ways out of the house: what a district file may not say of them."""

import pytest
from pydantic import ValidationError

from wraparound.contracts.leaving import ObjectStoreChannel


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("file:///srv/lists", {}),
        ("s3://name:word@bucket/lists", {}),
        ("s3://bucket/lists", {"aws_secret_access_key": "x"}),
    ],
)
def test_an_object_store_is_no_folder_and_holds_no_credentials(
    url: str, options: dict[str, str]
) -> None:
    assert ObjectStoreChannel(url="s3://bucket/lists").url
    with pytest.raises(ValidationError):
        ObjectStoreChannel(url=url, options=options)
