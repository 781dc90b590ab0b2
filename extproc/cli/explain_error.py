"""Say in a message, not in a traceback, what keeps a command from its work: files, sockets, disk, rights."""

import errno
import sqlite3

from extproc.model.errors import ExtprocError

HINTS = {
    errno.EACCES: "this user may not: run the command as the user that runs extproc, or name another --config",
    errno.EPERM: "this user may not: run the command as the user that runs extproc, or name another --config",
    errno.ENOENT: "it does not exist: check the path, or the configuration that names it",
    errno.ENOSPC: "the disk is full: free some space, and run the command again",
    errno.EDQUOT: "the disk quota is used up: free some space, and run the command again",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.ECONNREFUSED: "nothing listens there: start it with `extproc up`",
    errno.EADDRINUSE: "another process listens there: stop it, or choose another address",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n)",
}
"""Remedies by the system's error number."""


def explain_error(error: Exception) -> str:
    """Describe an error that a user can cause, with its file and the remedy.

    Args:
        error: one of ours, the system's, or SQLite's. The text of ours is complete already.
    """
    if isinstance(error, ExtprocError):
        return str(error)
    if isinstance(error, OSError):
        return _system_error(error)
    if isinstance(error, sqlite3.Error):
        return f"a store of the state folder cannot be used: {error}\n  run `extproc doctor --only state`"
    return str(error)


def _system_error(error: OSError) -> str:
    names = " and ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    what = error.strerror or str(error) or type(error).__name__
    message = f"{names}: {what}" if names else what
    hint = HINTS.get(error.errno or 0, "")
    return f"{message}\n  {hint}" if hint else message
