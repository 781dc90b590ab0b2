"""All checks, in the order of the report. To add one, write a function and add a line here."""

from extproc.doctor import (
    check_configuration,
    check_envoy,
    check_in_force,
    check_notifications,
    check_policy,
    check_processes,
    check_shipping,
    check_storage,
)
from extproc.doctor.check_result import Check

CHECKS: dict[str, tuple[tuple[str, Check], ...]] = {
    "configuration": (
        ("configuration", check_configuration.configuration),
        ("configuration in force", check_in_force.in_force),
        ("masking", check_configuration.masking),
        ("credentials", check_configuration.credentials),
        ("key files", check_configuration.key_files),
        ("certificates", check_configuration.certificates),
        ("identity", check_configuration.identity),
    ),
    "policy": (("policy", check_policy.policy), ("tools", check_policy.tools)),
    "state": (
        ("state folder", check_storage.state_folder),
        ("spools", check_storage.spools),
        ("approvals", check_storage.approvals),
        ("definitions", check_storage.definitions),
        ("notifications", check_notifications.notifications),
    ),
    "evidence": (("evidence", check_shipping.evidence),),
    "envoy": (
        ("Envoy's binary", check_envoy.binary),
        ("Envoy's configuration", check_envoy.bypass),
        ("Envoy's counters", check_processes.envoy),
    ),
    "parts": (
        ("running parts", check_processes.parts),
        ("backends", check_processes.backends),
        ("health", check_processes.health),
    ),
}
"""Area → its checks, each with the name that the report uses when the check does not answer."""
