"""Runs a command on a terminal of its own and types at it.

Standard input: JSON {"argv": [...], "steps": [{"await": text, "type": text} or {"await": text, "signal": number}]}.
Standard output: JSON {"output": text, "exitCode": number or null, "signal": number or null}.
A step waits until its text has come since the step before. Nothing here depends on time but the limit for what never comes.
"""

import json
import os
import pty
import resource
import select
import signal
import sys
import time

LIMIT_SECONDS = 50


class Terminal:
    def __init__(self, argv):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.execvp(argv[0], argv)
        self.output = b""
        self.deadline = time.monotonic() + LIMIT_SECONDS

    def read(self):
        """Adds what comes next; false at the end."""
        left = self.deadline - time.monotonic()
        if left <= 0 or not select.select([self.fd], [], [], left)[0]:
            os.kill(self.pid, signal.SIGKILL)
            raise SystemExit(f"nothing more came after {self.output!r}")
        try:
            chunk = os.read(self.fd, 65536)
        except OSError:
            return False
        self.output += chunk
        return len(chunk) > 0

    def wait_for(self, text, seen):
        while text not in self.output[seen:]:
            if not self.read():
                raise SystemExit(f"{text!r} did not come: {self.output!r}")
        return self.output.index(text, seen) + len(text)


task = json.load(sys.stdin)
terminal = Terminal(task["argv"])
seen = 0
for step in task["steps"]:
    seen = terminal.wait_for(step["await"].encode(), seen)
    if "signal" in step:
        os.kill(terminal.pid, step["signal"])
    else:
        os.write(terminal.fd, step["type"].encode())
while terminal.read():
    pass
_, status = os.waitpid(terminal.pid, 0)
result = {
    "output": terminal.output.decode("latin-1"),
    "exitCode": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
    "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
}
json.dump(result, sys.stdout)
