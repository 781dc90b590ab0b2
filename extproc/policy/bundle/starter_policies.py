"""Find the starter policies: in a source checkout, or in the installed package."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]


def starter_folder(package: Path = PACKAGE) -> Path:
    """The folder of the starter policies.

    Args:
        package: the folder of the ``extproc`` package.

    Returns:
        The checkout's ``policy/rego`` if there is a checkout, else the copy inside the package.
    """
    checkout = package.parent / "policy" / "rego"
    inside_checkout = (package.parent / "pyproject.toml").is_file() and checkout.is_dir()
    return checkout if inside_checkout else package / "_starter" / "rego"
