"""Soda, in its own environment: CONTRACT SOCKET. Tells the names of the checks that failed."""

import json
import sys
from pathlib import Path

from soda_core.contracts.api.verify_api import verify_contract_locally

SOURCE = """type: postgres
name: peer
connection:
  host: {socket}
  user: postgres
  password: none
  database: checked
"""


def main(contract: str, socket: str) -> None:
    """Verify the contract."""
    source = Path("soda-source.yml")
    source.write_text(SOURCE.format(socket=socket), encoding="utf-8")
    done = verify_contract_locally(
        data_source_file_path=str(source), contract_file_path=contract, publish=False
    )
    (found,) = done.contract_verification_results
    told = [(check.check.name, check.outcome.name) for check in found.check_results]
    failed = sorted(name for name, outcome in told if outcome != "PASSED")
    sys.stdout.write(json.dumps({"checks": len(told), "failed": failed}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
