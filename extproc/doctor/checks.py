"""All checks, in the order of the report. A new one is a function and a line here."""

from extproc.doctor import configured, decided, proxied, running, shipped, stored
from extproc.doctor.finding import Check

CHECKS: dict[str, tuple[tuple[str, Check], ...]] = {
    "configuration": (
        ("configuration", configured.configuration),
        ("masking", configured.masking),
        ("credentials", configured.credentials),
        ("key files", configured.key_files),
        ("certificates", configured.certificates),
        ("identity", configured.identity),
    ),
    "policy": (("policy", decided.policy), ("tools", decided.tools)),
    "state": (
        ("state folder", stored.state_folder),
        ("spools", stored.spools),
        ("approvals", stored.approvals),
    ),
    "evidence": (("evidence", shipped.evidence),),
    "envoy": (
        ("Envoy's binary", proxied.binary),
        ("Envoy's configuration", proxied.bypass),
        ("Envoy's counters", running.envoy),
    ),
    "parts": (("running parts", running.parts), ("health", running.health)),
}
"""Area → its checks, each by the name under which it is missed."""
