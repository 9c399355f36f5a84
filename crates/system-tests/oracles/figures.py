"""Reads the figures of `/metrics` with the parser of another maker (prometheus_client).

    python figures.py prometheus|openmetrics < PAGE

Prints one JSON object: each family by its name with `type`, `help` and `samples`, a list of name,
labels and value. Fails where the page breaks the rules of its format.
"""

import json
import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

readers = {
    "prometheus": parser.text_string_to_metric_families,
    "openmetrics": openmetrics.text_string_to_metric_families,
}
families = {}
for family in readers[sys.argv[1]](sys.stdin.read()):
    if family.name in families:
        raise SystemExit(f"{family.name} comes twice")
    families[family.name] = {
        "type": family.type,
        "help": family.documentation,
        "samples": [[one.name, one.labels, one.value] for one in family.samples],
    }
print(json.dumps(families))
