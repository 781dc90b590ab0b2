"""Run a client against the guard in the place of a server of the suite, which the guard then reaches by its switch.

    python through.py SWITCH_FILE GUARD_AT_MCP GUARD_AT_ROOT CLIENT... URL

The suite gives the last argument: where its server is.
"""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

file, at_mcp, at_root, *client, url = sys.argv[1:]
server = urlsplit(url)
Path(file).write_text(str(server.port))
os.execv(client[0], [*client, at_mcp if server.path == "/mcp" else at_root])
