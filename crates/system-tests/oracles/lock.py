"""Keeps an SQLite file from being written, as another program may do, for some seconds.

    lock.py FILE SECONDS

Prints one line as soon as it does.
"""

import sqlite3
import sys
import time


def main():
    file, seconds = sys.argv[1:]
    connection = sqlite3.connect(file, timeout=20, isolation_level=None)
    connection.execute("begin immediate")
    print("locked", flush=True)
    time.sleep(float(seconds))
    connection.execute("rollback")


if __name__ == "__main__":
    main()
