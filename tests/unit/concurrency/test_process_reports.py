"""A process's report is whole or absent, and one that cannot be read hides no other."""

import os

from extproc.concurrency.process_reports import MAX_REPORT, read_reports, write_report


def read(folder):
    return read_reports(folder, ".r.json", lambda report, pid: (report["process"], pid))


def test_reports_are_read_in_the_order_of_names(tmp_path):
    for process in ("worker-1", "control", "worker-0"):
        write_report(tmp_path / "reports", process, {"process": process}, ".r.json")
    assert read(tmp_path / "reports") == [(each, os.getpid()) for each in ("control", "worker-0", "worker-1")]


def test_a_later_report_replaces_an_earlier_one(tmp_path):
    for name in ("first", "second"):
        write_report(tmp_path, "control", {"process": name}, ".r.json")
    assert read(tmp_path) == [("second", os.getpid())]


def test_reports_that_cannot_be_read_are_left_out(tmp_path):
    write_report(tmp_path, "control", {"process": "control"}, ".r.json")
    for name, text in (
        ("a", "{"),
        ("b", "[]"),
        ("c", '{"process": "c"}'),
        ("d", '{"pid": "x"}'),
        ("e", '{"pid": 1}'),
    ):
        (tmp_path / f"{name}.r.json").write_text(text)
    (tmp_path / "f.r.json").write_text('{"process": "f", "pid": 1}' + " " * MAX_REPORT + "x")
    (tmp_path / "g.r.json").mkdir()
    (tmp_path / "h.json").write_text('{"process": "other", "pid": 1}')
    assert [process for process, _ in read(tmp_path)] == ["control", "f"]


def test_a_missing_folder_has_no_reports(tmp_path):
    assert read(tmp_path / "none") == []


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    write_report(tmp_path / "file", "control", {}, ".r.json")
