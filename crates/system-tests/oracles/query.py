"""Answers a query over an SQLite file, as one JSON list of rows of texts.

    query.py FILE SQL
"""

import json
import sqlite3
import sys


def text(value):
    if value is None:
        return ""
    return value.hex() if isinstance(value, bytes) else str(value)


def main():
    file, sql = sys.argv[1:]
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=20)
    rows = connection.execute(sql).fetchall()
    print(json.dumps([[text(value) for value in row] for row in rows], ensure_ascii=False))


if __name__ == "__main__":
    main()
