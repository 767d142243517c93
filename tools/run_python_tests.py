"""Runs the unittest files of a folder and writes how each ended as JUnit XML, as ctest does for the C++ tests.

usage: run_python_tests.py FOLDER REPORT.xml
"""

import sys
import unittest
import xml.etree.ElementTree as xml


class Recorder(unittest.TextTestResult):
    """Keeps the name and outcome of every test."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.outcomes = {}

    def startTest(self, test):
        super().startTest(test)
        self.outcomes[test.id()] = "run"

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.outcomes[test.id()] = "skipped"

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.outcomes[test.id()] = "fail"

    def addError(self, test, error):
        super().addError(test, error)
        self.outcomes[test.id()] = "fail"


def main(folder, report):
    suite = unittest.defaultTestLoader.discover(folder, pattern="*_test.py")
    result = unittest.TextTestRunner(resultclass=Recorder, verbosity=1).run(suite)
    root = xml.Element("testsuite", name=folder)
    for name, status in result.outcomes.items():
        xml.SubElement(root, "testcase", name=name, status=status)
    xml.ElementTree(root).write(report)


if __name__ == "__main__":
    main(*sys.argv[1:])
