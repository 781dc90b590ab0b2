"""Run a client against the guard in the place of a server of the suite, which the guard then reaches by its switch.

    python through.py SWITCH_FILE GUARD_AT_MCP GUARD_AT_ROOT CLIENT... URL

The suite gives the last argument: where its server is. That server ends once nobody is connected to it.
"""

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

file, at_mcp, at_root, *client, url = sys.argv[1:]
server, switch = urlsplit(url), Path(file)
switch.write_text(str(server.port))
ended = subprocess.run([*client, at_mcp if server.path == "/mcp" else at_root], check=False)
switch.write_text("")
sys.exit(ended.returncode)
