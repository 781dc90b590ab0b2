"""Check that all running processes have one configuration, and that it is the one in the file."""

from collections.abc import Iterator

from extproc.config.configuration import SHOWN, configuration_digest
from extproc.config.configuration_status import running
from extproc.doctor.check_result import CheckResult, Installation

RELOAD = "`extproc reload`; SIGHUP for a worker or control process that runs alone"


def in_force(installation: Installation) -> Iterator[CheckResult]:
    """Compare the digests that processes report with each other, and with the file. Nothing where nothing runs."""
    subject = "configuration in force"
    found = [] if installation.offline else running(installation.settings.state)
    digests = {each.digest for each in found}
    if len(digests) > 1:
        which = ", ".join(f"{each.process} {each.digest[:SHOWN]}" for each in found)
        yield installation.problem(subject, f"the processes run different ones: {which}", RELOAD)
    elif digests:
        digest, edited = digests.pop(), configuration_digest(installation.settings)
        if edited == digest:
            yield installation.ok(subject, f"{len(found)} processes run this file, digest {digest[:SHOWN]}")
        else:
            what = f"{installation.document.file} was edited since: {digest[:SHOWN]} is in force"
            yield installation.warning(subject, f"{what}, the file is {edited[:SHOWN]}", RELOAD)
