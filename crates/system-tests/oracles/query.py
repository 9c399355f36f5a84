"""Answers queries over an SQLite file, each on a line of its own as one JSON list of rows of texts.

    query.py FILE SQL...
"""

import json
import sqlite3
import sys


def text(value):
    if value is None:
        return ""
    return value.hex() if isinstance(value, bytes) else str(value)


def main():
    file, *queries = sys.argv[1:]
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=20)
    for sql in queries:
        rows = connection.execute(sql).fetchall()
        print(json.dumps([[text(value) for value in row] for row in rows], ensure_ascii=False))


if __name__ == "__main__":
    main()
