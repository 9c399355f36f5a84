"""Cuts the power of an ext4 file system, as far as it can know: from here on nothing of it reaches its
disk, and what stood in memory only is lost, its journal's too. Needs root. Waits for a line or the end of
its standard input first, so that nothing but the cut itself happens at the chosen moment.

    cut.py MOUNT-POINT
"""

import fcntl
import os
import struct
import sys

# EXT4_IOC_SHUTDOWN of the kernel's fs/ext4/ext4.h.
SHUTDOWN = 0x8004587D
# EXT4_GOING_FLAGS_NOLOGFLUSH
NOTHING_IS_FLUSHED = 2


def main():
    (mount,) = sys.argv[1:]
    folder = os.open(mount, os.O_RDONLY)
    sys.stdin.readline()
    fcntl.ioctl(folder, SHUTDOWN, struct.pack("I", NOTHING_IS_FLUSHED))


if __name__ == "__main__":
    main()
