"""Runs a command whose kernel seems older: a seccomp filter answers newer system calls with an errno.

    python3 refusing.py ERRNO COMMAND ARGUMENT...

Old kernels answer ENOSYS (38); containers whose filter does not know a call answer EPERM (1). Exit code 99 where the filter
cannot be installed or does not hold.
"""
import ctypes
import os
import platform
import struct
import sys

# openat2, faccessat2, fchmodat2, close_range, statx, preadv2, pwritev2, memfd_create, unshare
CALLS = {
    "x86_64": (0xC000003E, (437, 439, 452, 436, 332, 327, 328, 319, 272)),
    "aarch64": (0xC00000B7, (437, 439, 452, 436, 291, 286, 287, 279, 97)),
}
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, WITH_ERRNO = 0x7FFF0000, 0x00050000


def program(architecture, calls, errno):
    """Of another architecture: allowed, for what else may be started. Then one comparison for each call."""
    refuse = len(calls)
    lines = [(LOAD, 0, 0, 4), (JUMP_IF_EQUAL, 0, refuse + 1, architecture), (LOAD, 0, 0, 0)]
    for index, call in enumerate(calls):
        lines.append((JUMP_IF_EQUAL, refuse - index, 0, call))
    lines += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, WITH_ERRNO | errno)]
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def main():
    errno, command = int(sys.argv[1]), sys.argv[2:]
    architecture, calls = CALLS[platform.machine()]
    code = program(architecture, calls, errno)
    buffer = ctypes.create_string_buffer(code)
    header = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0) != 0:
        sys.exit(99)
    for call in calls:
        if libc.syscall(call, -1, 0, 0, 0, 0) != -1 or ctypes.get_errno() != errno:
            sys.exit(99)
    os.execvp(command[0], command)


main()
