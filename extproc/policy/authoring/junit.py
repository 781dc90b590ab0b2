"""Write test results as JUnit XML, which every CI reads."""

from itertools import groupby
from xml.etree import ElementTree as ET

from extproc.policy.regorus.test_results import TestRun


def junit_xml(run: TestRun) -> bytes:
    """JUnit XML in UTF-8: one suite per file, one case per ``test_`` rule."""
    failures = sum(not result.passed for result in run.results)
    root = ET.Element("testsuites", name="policy", tests=str(len(run.results)), failures=str(failures))
    for file, group in groupby(sorted(run.results, key=lambda result: result.file), lambda result: result.file):
        results = list(group)
        failed = sum(not result.passed for result in results)
        suite = ET.SubElement(root, "testsuite", name=file, tests=str(len(results)), failures=str(failed))
        for result in results:
            package, _, name = result.name.rpartition(".")
            case = ET.SubElement(suite, "testcase", classname=package, name=name, file=file, line=str(result.line))
            if not result.passed:
                ET.SubElement(case, "failure", message=result.message)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
