"""Run as a program: which of the command lines on standard input Airflow would take.

Reads a JSON list of lists of words. Writes a JSON object: `refused`, the lists that the parser
does not take, and `options`, every known option as SECTION__OPTION in upper case.
"""

import contextlib
import io
import json
import sys


def main() -> None:
    """Answer once; Airflow is imported here and in no other process."""
    from airflow.cli.cli_parser import get_parser
    from airflow.configuration import conf

    parser = get_parser()
    refused = []
    for words in json.load(sys.stdin):
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                parser.parse_args(words)
        except SystemExit:
            refused.append(words)
    options = [
        f"{section}__{option}".upper()
        for section, described in conf.configuration_description.items()
        for option in described["options"]
    ]
    sys.stdout.write("\n" + json.dumps({"refused": refused, "options": options}) + "\n")


if __name__ == "__main__":
    main()
