"""Counts tests over JUnit reports, names those that failed or were skipped, and fails unless all of them passed.

usage: count_tests.py REPORT.xml ...
"""

import collections
import pathlib
import sys
import xml.etree.ElementTree as xml

OUTCOMES = {"run": "passed", "fail": "failed", "notrun": "skipped", "skipped": "skipped"}


def main(reports):
    names = collections.defaultdict(list)
    for report in reports:
        if not pathlib.Path(report).is_file():
            print(f"{report}: missing: its tests did not run")
            names["failed"].append(report)
            continue
        for case in xml.parse(report).iter("testcase"):
            outcome = OUTCOMES.get(case.get("status"))
            if case.get("status") != "disabled":
                names[outcome or "failed"].append(case.get("name"))
    for outcome in ("skipped", "failed"):
        if names[outcome]:
            print(f"{outcome}:", *names[outcome], sep="\n  ")
    print(f"{len(names['passed'])} passed, {len(names['failed'])} failed, {len(names['skipped'])} skipped")
    return 0 if names["passed"] and not names["failed"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
