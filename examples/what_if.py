#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What-if in Python: a design, a change, a sweep, and where a number comes from.

    python3 examples/what_if.py [HARDWARE MODEL]
"""

import json
import sys

import numpy as np
import tomestimate

hardware, model = sys.argv[1:] or ["tom", "bitnet-2b"]

# A design, and what twice the lanes change.
before = tomestimate.estimate(hardware, model, context=256)
after = tomestimate.estimate(hardware, model, context=256, set={"base.lanes": 32})
print(f"{'metric':<12}{'before':>12}{'after':>12}{'ratio':>8}")
for name in ["throughput", "power", "area"]:
    unit = tomestimate.unit(name)
    print(f"{name:<12}{before[name]:12.5g}{after[name]:12.5g}{after[name] / before[name]:8.3f}  {unit}")

# Lanes against clock, as arrays.
rows = tomestimate.sweep(
    hardware,
    model,
    vary={"base.lanes": [8, 16, 32], "chip.clock": (np.linspace(200, 1000, 9), "MHz")},
    columns=["throughput", "power"],
    context=256,
)
good = (rows["status"] == "ok") & (rows["power"] < 4)
assert good.any()
best = np.flatnonzero(good)[np.argmax(rows["throughput"][good])]
print(f"\n{rows.rows} designs, {good.sum()} of them below 4 W; the fastest of these:")
for name in rows:
    print(f"  {name} = {rows[name][best]} {rows.units[name]}")

# Where the power comes from: the program's tables as JSON.
document = json.loads(
    tomestimate.explain("power", hardware, model, context=256, depth=1, format="json"))
print(f"\n{document['lead'][0]}")
values = next(table for table in document["tables"] if "Spec values" in table["title"])
names = [column["name"] for column in values["columns"]]
for row in values["rows"][:5]:
    value = dict(zip(names, row))
    print(f"  {value['value']:<16} elasticity {value['elasticity']:6.3f}  {value['grade']}: {value['source']}")

# The smallest chip for a speed and a power, and what no other can beat.
best = tomestimate.solve(
    hardware,
    model,
    vary=["base.lanes", "base.per_lane", "chip.clock"],
    minimize="area",
    where="throughput >= 2000[token/s] and power < 4[W]",
)
assert best["found"]
print(f"\nthe least area is {best['best']:.4g} mm^2 (no design below {best['bound']:.4g}): {best['set']}")

# What would matter there.
there = tomestimate.sensitivity("throughput", hardware, model, set=best["set"])
for i in range(3):
    print(f"  {there['path'][i]}: {there['swing'][i]:.4g} token/s over its range")
