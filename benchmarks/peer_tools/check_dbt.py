"""dbt's own tests: PROJECT SOCKET. Tells the names of the checks that failed."""

import json
import os
import sys
from pathlib import Path


def main(project: str, socket: str) -> None:
    """Run them, in one process that begins cold."""
    from dbt.cli.main import dbtRunner

    os.environ["PEER_SOCKET"] = socket
    here = str(Path.cwd())
    places = ["--project-dir", project, "--profiles-dir", project]
    made = ["--target-path", here, "--log-path", here]
    done = dbtRunner().invoke(["test", "--quiet", *places, *made])
    if done.exception:
        raise done.exception
    told = [(each.node.name, str(each.status)) for each in done.result]
    failed = sorted(name for name, status in told if status != "pass")
    sys.stdout.write(json.dumps({"checks": len(told), "failed": failed}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
