# SPDX-License-Identifier: Apache-2.0
# Whether ROWS.npy holds what ROWS.csv says, cell by cell. Usage: compare_npy.py ROWS.npy ROWS.csv
import csv
import sys

import numpy as np

with open(sys.argv[1], "rb") as f:
    rows = np.load(f)
    texts = rows.dtype.names
    coded = [name for name in texts if rows.dtype[name].kind == "u"]
    meaning = {name: np.load(f) for name in coded}
    assert f.read() == b"", "something stands behind the arrays"

with open(sys.argv[2], newline="", encoding="utf-8") as f:
    lines = list(csv.reader(f))
assert lines[0] == list(texts), (lines[0], texts)
assert len(lines) - 1 == len(rows), (len(lines) - 1, len(rows))
for line, row in zip(lines[1:], rows):
    for name, cell in zip(texts, line):
        value = meaning[name][row[name]] if name in coded else row[name]
        if isinstance(value, str):
            assert value == cell, (name, value, cell)
        elif cell == "":
            assert np.isnan(value), (name, value)
        else:
            assert value == float(cell), (name, value, cell)
