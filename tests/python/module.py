# SPDX-License-Identifier: Apache-2.0
"""The Python module against the program: python3 module.py PROGRAM SPECS (the module on PYTHONPATH)."""

import csv
import io
import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings

import numpy as np
import tomestimate

PROGRAM, SPECS = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
TOM, ROMA = SPECS / "tom.toml", SPECS / "roma.toml"
BITNET, LLAMA = SPECS / "bitnet-2b.toml", SPECS / "llama-3.2-3b-int4.toml"


def run(*args, code=0):
    """What the program prints; on standard error if it fails."""
    done = subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True)
    assert done.returncode == code, done
    return done.stderr if code else done.stdout


def summary(*args):
    """Metrics as (value, unit) by name, of the program's JSON."""
    document = json.loads(run("estimate", *args, "--table", "summary", "--format", "json"))
    return {row[0]: (row[1], row[2]) for row in document["tables"][0]["rows"]}


class Estimates(unittest.TestCase):
    def test_every_metric_is_the_programs(self):
        for hardware, model in [(TOM, BITNET), (ROMA, LLAMA)]:
            printed = summary(hardware, model)
            metrics = tomestimate.estimate(hardware, model)
            self.assertGreater(len(metrics), 30)
            self.assertEqual(list(metrics), list(printed))
            for name, value in metrics.items():
                self.assertEqual((value, tomestimate.unit(name)), printed[name], name)

    def test_changes_are_the_programs(self):
        flags = ["--context", "400", "--batch", "2", "--set", "base.lanes=32", "--set",
                 "chip.clock=600 MHz", "--set", "gating.prewake=false", "--set",
                 'adapter.targets=["q", "v"]']
        metrics = tomestimate.estimate(
            str(TOM), str(BITNET), context=np.int64(400), batch="2",
            set={"base.lanes": 32, "chip.clock": "600 MHz", "gating.prewake": False,
                 "adapter.targets": ["q", "v"]})
        printed = summary(TOM, BITNET, *flags)
        self.assertEqual(metrics, {name: value for name, (value, _) in printed.items()})
        self.assertNotEqual(metrics, tomestimate.estimate(TOM, BITNET))

    def test_shipped_specs_have_names(self):
        self.assertEqual(tomestimate.estimate("tom", "bitnet-2b"), tomestimate.estimate(TOM, BITNET))

    def test_explains(self):
        flags = ["--depth", 2, "--top", 3, "--set", "base.lanes=32"]
        args = dict(depth=2, top=3, set={"base.lanes": 32})
        for form in ["text", "json"]:
            self.assertEqual(tomestimate.explain("power", TOM, BITNET, format=form, **args),
                             run("explain", "power", TOM, BITNET, "--format", form, *flags))
        with self.assertRaisesRegex(ValueError, "xml"):
            tomestimate.explain("power", TOM, BITNET, format="xml")


class Cautions(unittest.TestCase):
    """What the program says of a design, as a list and as warnings."""

    def printed(self, *flags):
        lead = json.loads(run("estimate", TOM, BITNET, "--format", "json", *flags))["lead"]
        return [line.removeprefix("CAUTION: ") for line in lead if line.startswith("CAUTION: ")]

    def test_of_a_design(self):
        for path, value in [("chip.voltage", "0.75 V"), ("tech.node", "5 nm"), ("base.width", 512)]:
            with self.assertWarns(tomestimate.Caution) as caught:
                design = tomestimate.estimate(TOM, BITNET, set={path: value})
            self.assertEqual(design.cautions, self.printed("--set", f"{path}={value}"))
            self.assertIn(str(caught.warning), design.cautions)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.assertEqual(tomestimate.estimate(TOM, BITNET).cautions, [])
        self.assertIsInstance(design, dict)
        self.assertIsInstance(design, tomestimate.Estimate)

    def test_as_errors(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error", tomestimate.Caution)
            with self.assertRaises(tomestimate.Caution):
                tomestimate.estimate(TOM, BITNET, set={"tech.node": "5 nm"})

    def test_of_a_sweep(self):
        with self.assertWarnsRegex(tomestimate.Caution, "base.width at 512 is outside"):
            rows = tomestimate.sweep(TOM, BITNET, vary={"base.width": [128, 512]})
        self.assertEqual(len(rows.cautions), 1)


class Errors(unittest.TestCase):
    def same(self, call, *args):
        """The error of a call, whose text is what the program prints."""
        with self.assertRaises(tomestimate.Error) as caught:
            call()
        self.assertEqual(str(caught.exception) + "\n", run(*args, code=2))
        self.assertTrue(caught.exception.diagnostics)
        return caught.exception.diagnostics

    def test_are_the_programs(self):
        def estimate(**change):
            return lambda: tomestimate.estimate(TOM, BITNET, **change)

        command = ["estimate", TOM, BITNET]
        first = self.same(estimate(set={"base.lane": 32}), *command, "--set", "base.lane=32")[0]
        self.assertIn("base.lanes", first.hint)
        self.assertEqual((first.file, first.line), ("--set base.lane=32", 0))
        self.same(estimate(set={"chip.clock": 500}), *command, "--set", "chip.clock=500")
        self.same(estimate(context=0), *command, "--context", "0")
        self.same(lambda: tomestimate.estimate("tmo", BITNET), "estimate", "tmo", BITNET)
        self.same(lambda: tomestimate.explain("powr", TOM, BITNET), "explain", "powr", TOM, BITNET)
        with self.assertRaisesRegex(tomestimate.Error, "did you mean \"power\""):
            tomestimate.unit("powr")

    def test_of_a_file_have_its_place(self):
        with tempfile.TemporaryDirectory() as folder:
            bad = pathlib.Path(folder) / "bad.toml"
            bad.write_text(TOM.read_text().replace('value = "500 MHz"', 'value = "500 MB"'))
            place = next(i for i, text in enumerate(bad.read_text().splitlines(), 1) if "500 MB" in text)
            (found,) = tomestimate.check(TOM, bad, BITNET)
            self.assertEqual(str(found) + "\n", run("check", bad, code=2))
            self.assertEqual((found.file, found.line), (str(bad), place))
            self.assertIn("chip.clock", found.message)
        self.assertEqual(tomestimate.check(TOM), [])

    def test_of_a_design_that_does_not_fit(self):
        with self.assertRaises(tomestimate.Error) as caught:
            tomestimate.estimate(TOM, BITNET, context=100000)
        self.assertIn(str(caught.exception), run("estimate", TOM, BITNET, "--context", "100000", code=1))

    def test_of_odd_values(self):
        itself = []
        itself.append(itself)
        with self.assertRaises(ValueError):
            tomestimate.estimate(TOM, BITNET, set={"base.lanes": itself})
        for odd in [10**30, -1, math.nan, math.inf, None, "", "\0", "a\nb", [], {}, [[1]]]:
            with self.assertRaises((tomestimate.Error, TypeError), msg=repr(odd)):
                tomestimate.estimate(TOM, BITNET, set={"base.lanes": odd})
            with self.assertRaises((tomestimate.Error, TypeError), msg=repr(odd)):
                tomestimate.sweep(TOM, BITNET, vary={"base.lanes": [odd]})

    def test_hostile_values_are_errors_of_python(self):
        def refused(error, call, *args, **options):
            with self.assertRaises(error) as caught:
                call(*args, **options)
            text = str(caught.exception)
            self.assertLess(len(text), 3000)
            for word in ("C++", "json", "std::"):
                self.assertNotIn(word, text)

        def set_to(values):
            return tomestimate.estimate(TOM, BITNET, set=values)

        nan = float("nan")
        for value in (nan, math.inf, np.nan, True, np.bool_(True), -1, 2**64, 2**5000, "16\0", "1\n6",
                      [], [[1]], [nan] * 30, np.full(30, np.nan), np.zeros((2, 30)), ["a"] * 30):
            key = "weights.zero_share" if isinstance(value, (list, np.ndarray)) else "base.lanes"
            refused(ValueError, set_to, {key: value})
        for value in (None, {}, object(), 1j, b"16"):
            refused((TypeError, ValueError), set_to, {"base.lanes": value})
        refused(ValueError, set_to, {"chip.clock": "\udcff"})  # half a surrogate pair
        refused(ValueError, set_to, {"\udcff": 1})
        refused(ValueError, set_to, {"base.lanes\0": 16})
        for key in (3, None, b"base.lanes"):
            refused(TypeError, set_to, {key: 16})
        refused(ValueError, tomestimate.explain, "power", TOM, BITNET, depth=-1)
        power = tomestimate.estimate(TOM, BITNET)["power"]
        for value in (16, 16.0, "16", np.int64(16), np.uint8(16), np.float32(16), np.array(16)):
            self.assertEqual(set_to({"base.lanes": value})["power"], power)
        self.assertEqual(set_to({})["power"], power)

    def test_of_a_sweep_that_memory_has_no_room_for(self):
        thousand = list(range(1, 1001))
        with self.assertRaisesRegex(tomestimate.Error, "1000000000000 rows or more are too many"):
            tomestimate.sweep(TOM, BITNET, columns=["power"],
                              vary={"base.lanes": thousand, "base.width": thousand,
                                    "base.rows": thousand, "base.per_lane": thousand})

    def test_of_types_are_pythons(self):
        for bad in [lambda: tomestimate.estimate(TOM), lambda: tomestimate.estimate(3, BITNET),
                    lambda: tomestimate.estimate(TOM, BITNET, set={"base.lanes": object()}),
                    lambda: tomestimate.sweep(TOM, vary={"base.lanes": [1]})]:
            with self.assertRaises(TypeError):
                bad()


def printed_rows(*args):
    """Columns of a sweep's CSV by name and unit."""
    lines = list(csv.reader(io.StringIO(run("sweep", *args))))
    return {name: [line[i] for line in lines[1:]] for i, name in enumerate(lines[0])}


class Sweeps(unittest.TestCase):
    def compare(self, rows, printed):
        def heading(name):
            return f"{name} [{rows.units[name]}]" if rows.units[name] else name

        self.assertEqual([heading(name) for name in rows.keys()], list(printed))
        self.assertEqual(len(rows), len(printed))
        for name in rows:
            texts = printed[heading(name)]
            self.assertEqual(rows.rows, len(texts))
            self.assertEqual(rows[name].shape, (len(texts),))
            if rows[name].dtype == np.float64:
                numbers = np.array([float(text) if text else math.nan for text in texts])
                np.testing.assert_array_equal(rows[name], numbers)
            else:
                self.assertEqual(list(rows[name]), texts)

    def test_of_two_specs_is_the_programs(self):
        flags = ["--vary", "base.lanes=8,16,32", "--vary", "chip.clock=400,500MHz", "--vary",
                 "gating.mode=none,switches", "--columns", "throughput,power", "--context", "900",
                 "--set", "adapter.rank=0"]
        rows = tomestimate.sweep(
            TOM, BITNET, columns=["throughput", "power"], context=900, set={"adapter.rank": 0},
            vary={"base.lanes": np.array([8, 16, 32]), "chip.clock": ([400, 500.0], "MHz"),
                  "gating.mode": ["none", "switches"]})
        self.assertEqual(rows.rows, 12)
        self.compare(rows, printed_rows(TOM, BITNET, *flags))
        # A text is there once.
        self.assertEqual(len({id(text) for text in rows["gating.mode"]}), 2)

    def test_with_points_that_are_no_designs(self):
        args = ["--vary", "workload.context=100,2000,200", "--columns", "throughput,power"]
        vary = {"workload.context": [100, 2000, 200]}
        rows = tomestimate.sweep(TOM, BITNET, vary=vary, columns=["throughput", "power"])
        self.assertEqual(np.isnan(rows["power"]).tolist(), [False, True, False])
        self.assertEqual((rows["status"] == "ok").tolist(), [True, False, True])
        self.compare(rows, printed_rows(TOM, BITNET, *args))
        rows = tomestimate.sweep(TOM, BITNET, vary=vary, columns=["throughput", "power"],
                                 where="power < 1e6[W]")
        self.compare(rows, printed_rows(TOM, BITNET, *args, "--where", "power < 1e6[W]"))

    def test_of_a_study_is_the_programs(self):
        head = f'kind = "study"\nname = "s"\nhardware = "{TOM}"\nmodel = "{BITNET}"\n'
        vary = """
[[vary]]
path = "base.lanes"
values = [4, 8, 16, 32]
[[vary]]
path = "chip.clock"
range = { from = "100 MHz", to = "1 GHz", points = 7 }
[[vary]]
zip = [{ path = "base.width", values = [128, 256] }, { path = "rom.read_width", values = ["256 bit/cycle", "512 bit/cycle"] }]
"""
        formula = '{ name = "per_W", formula = "throughput / power", unit = "token/s/W" }'
        columns = f'columns = ["throughput", {formula}]\n'
        with tempfile.TemporaryDirectory() as folder:
            study = pathlib.Path(folder) / "study.toml"
            for keys in ["", 'order = "throughput desc"\nlimit = 5\n', 'order = "per_W"\n',
                         'where = "power < 4[W]"\norder = "throughput asc"\n',
                         'where = "power < 4[W]"\nlimit = 3\n']:
                study.write_text(head + columns + keys + vary)
                rows = tomestimate.sweep(study, threads=2)
                self.assertGreater(rows.rows, 2)
                self.compare(rows, printed_rows(study))

    def test_formulas_ranges_order_and_limit(self):
        rows = tomestimate.sweep(
            TOM, BITNET, order="per_W desc", limit=2,
            vary={"chip.clock": {"range": {"from": "200 MHz", "to": "1 GHz", "points": 5}}},
            columns=["power", {"name": "per_W", "formula": "throughput / power", "unit": "token/s/W"}])
        self.assertEqual(rows.rows, 2)
        self.assertEqual(rows.units["per_W"], "token/s/W")
        for i in range(2):
            design = tomestimate.estimate(TOM, BITNET, set={"chip.clock": f"{rows['chip.clock'][i]} MHz"})
            self.assertAlmostEqual(rows["per_W"][i] / (design["throughput"] / design["power"]), 1, 12)

    def test_errors_name_the_argument(self):
        for place, arguments in [
                ("vary chip.clok", dict(vary={"chip.clok": [1]})),
                ("vary base.lanes", dict(vary={"base.lanes": [1.5]})),
                ("columns", dict(vary={"base.lanes": [1]}, columns=["powr"])),
                ("where", dict(vary={"base.lanes": [1]}, where="power <")),
                ("order", dict(vary={"base.lanes": [1]}, order="area asc up")),
                ("set", dict(vary={"base.lanes": [1]}, set={"base.lane": 1})),
                ("vary", dict()),
                ("vary base.lanes", dict(vary={"base.lanes": [math.nan]})),
        ]:
            with self.assertRaises(tomestimate.Error) as caught:
                tomestimate.sweep(TOM, BITNET, **arguments)
            first = caught.exception.diagnostics[0]
            self.assertEqual((first.file, first.line), (place, 0), str(first))
        with self.assertRaises(KeyError):
            tomestimate.sweep(TOM, BITNET, vary={"base.lanes": [8]})["nothing"]

    def test_arrays_outlive_the_sweep(self):
        power = tomestimate.sweep(TOM, BITNET, vary={"chip.clock": (np.linspace(200, 1000, 5000), "MHz")})["power"]
        others = [np.zeros_like(power) for _ in range(10)]
        self.assertTrue((power > 0).all() and not np.any(others))

    LONG = {"chip.clock": (np.linspace(100, 1000, 20000), "MHz"),
            "host.latency": (np.linspace(0.1, 100, 20000), "us")}

    def test_other_threads_run_meanwhile_and_an_interrupt_stops_it(self):
        ticks = []

        def interrupt():
            for _ in range(20):
                time.sleep(0.02)
                ticks.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

        other = threading.Thread(target=interrupt)
        # 4e8 points would take half a minute or more; no row is wanted, so that none takes memory.
        other.start()
        with self.assertRaises(KeyboardInterrupt):
            tomestimate.sweep(TOM, BITNET, vary=self.LONG, columns=["power"], where="power < 0[W]")
        self.assertLess(time.monotonic() - ticks[-1], 10)
        other.join()
        self.assertEqual(len(ticks), 20)


def printed_table(*args):
    """Rows of a table as the program prints it in JSON, dicts by column."""
    (table,) = json.loads(run(*args, "--format", "json"))["tables"]
    names = [column["name"] for column in table["columns"]]
    return [dict(zip(names, row)) for row in table["rows"]]


class Studies(unittest.TestCase):
    """What the study commands print, as dicts and arrays."""

    def test_what_if(self):
        change = {"base.lanes": 32, "chip.clock": "600 MHz"}
        found = tomestimate.what_if(TOM, BITNET, set=change, context=300)
        before = tomestimate.estimate(TOM, BITNET)
        after = tomestimate.estimate(TOM, BITNET, set=change, context=300)
        self.assertEqual(list(found), list(after))
        for name, one in found.items():
            self.assertEqual((one["before"], one["after"]), (before[name], after[name]))
            self.assertEqual(one["delta"], after[name] - before[name])
            self.assertEqual(one["unit"], tomestimate.unit(name))
        self.assertEqual(found["power"]["ratio"], after["power"] / before["power"])
        with self.assertRaises(tomestimate.Error):
            tomestimate.what_if(TOM, BITNET, set={"base.lane": 32})

    def test_parameters(self):
        found = tomestimate.parameters(TOM, BITNET, set={"base.lanes": 32})
        self.assertEqual(list(found), run("parameters", TOM, BITNET, "--names").split())
        for row in printed_table("parameters", TOM, BITNET, "--set", "base.lanes=32"):
            one = found[row["name"]]
            self.assertEqual((one["unit"], one["doc"]), (row["unit"], row["what"]))
            if row["from"] is None:
                self.assertEqual(", ".join(one["choices"]), row["choices"])
            else:
                self.assertEqual(one["legal"], (row["from"], row["to"]))
                self.assertEqual(one["value"], row["value"])
        clock = found["chip.clock"]
        self.assertEqual((clock["value"], clock["unit"]), (500, "MHz"))
        self.assertTrue(clock["source"] and ":" in clock["place"])
        self.assertEqual(found["base.width"]["range"], (96, 256))

    def test_sensitivity(self):
        found = tomestimate.sensitivity("power", TOM, BITNET, context=300)
        printed = printed_table("sensitivity", TOM, BITNET, "--metric", "power", "--context", 300, "--top", 1000)
        place = {path: i for i, path in enumerate(found["path"])}
        self.assertEqual(list(found["path"][:len(printed)]), [row["value"] for row in printed])
        for row in printed:
            i = place[row["value"]]
            for name in ["swing", "elasticity"]:
                if row[name] is not None:
                    self.assertAlmostEqual(found[name][i], row[name], 12)
            self.assertEqual(row["at low"] is None, math.isnan(found["at_low"][i]))
        self.assertEqual(found["swing"].dtype, np.float64)

    def test_uncertainty(self):
        found = tomestimate.uncertainty(TOM, BITNET, metrics=["power", "area"], samples=500, seed=7)
        again = tomestimate.uncertainty(TOM, BITNET, metrics="power", samples=500, seed=7)
        self.assertEqual(list(found), ["power", "area"])
        power = found["power"]
        np.testing.assert_array_equal(power["quantiles"], again["power"]["quantiles"])
        self.assertTrue((np.diff(power["quantiles"]) >= 0).all())
        self.assertEqual(power["here"], tomestimate.estimate(TOM, BITNET)["power"])
        rows = json.loads(run("uncertainty", TOM, BITNET, "--metric", "power", "--samples", 500, "--seed", 7, "--format", "json"))
        texts = json.dumps(rows)
        self.assertIn(repr(float(power["quantiles"][2])), texts)
        with self.assertRaises(ValueError):
            tomestimate.uncertainty(TOM, BITNET, samples=1)
        with self.assertRaises(tomestimate.Error):
            tomestimate.uncertainty(TOM, BITNET, metrics="powr")

    def test_pareto(self):
        vary = {"base.lanes": [8, 16, 32], "chip.clock": ([300, 500, 700], "MHz")}
        rows = tomestimate.pareto(TOM, BITNET, vary=vary, maximize="throughput", minimize=["power"])
        printed = printed_table("pareto", TOM, BITNET, "--vary", "base.lanes=8,16,32", "--vary",
                                "chip.clock=300,500,700MHz", "--max", "throughput", "--min", "power")
        self.assertGreater(rows.rows, 1)
        for name in ["base.lanes", "throughput", "power"]:
            np.testing.assert_allclose(rows[name], [float(row[name]) for row in printed])
        with self.assertRaisesRegex(tomestimate.Error, "no objectives"):
            tomestimate.pareto(TOM, BITNET, vary=vary)

    def test_solve_finds_the_programs_design(self):
        best = tomestimate.solve(TOM, BITNET, vary=["base.lanes", "chip.clock"], minimize="area",
                                 where="throughput >= 2000[token/s] and power < 4[W]")
        out = run("solve", TOM, BITNET, "--vary", "base.lanes", "--vary", "chip.clock", "--min",
                  "area", "--where", "throughput >= 2000[token/s] and power < 4[W]")
        self.assertTrue(best["found"] and best["proved"])
        for path, text in best["set"].items():
            self.assertIn(f"{path}={text}", out)
        design = tomestimate.estimate(TOM, BITNET, set=best["set"])
        self.assertEqual(best["best"], design["area"])
        self.assertGreaterEqual(design["throughput"], 2000)
        self.assertEqual(best["metrics"]["power"], design["power"])
        self.assertLessEqual(best["bound"], best["best"])
        self.assertEqual(best["clashes"], [])

    def test_solve_with_targets_and_choices(self):
        best = tomestimate.solve(
            TOM, BITNET, targets=["throughput >= 4000 token/s", "area <= 60 mm^2"],
            vary={"chip.clock": ("200 MHz", "1 GHz"), "base.lanes": [8, 16, 32], "gating.mode": ["none", "switches"]})
        self.assertTrue(best["found"])
        design = tomestimate.estimate(TOM, BITNET, set=best["set"])
        self.assertGreaterEqual(design["throughput"], 4000)
        self.assertLessEqual(design["area"], 60)
        self.assertIn(best["set"]["gating.mode"], ["none", "switches"])

    def test_solve_says_what_cannot_be_met(self):
        best = tomestimate.solve(TOM, BITNET, vary="chip.clock", maximize="throughput", where="power < 0.001[W] and area < 60[mm^2]")
        self.assertFalse(best["found"])
        self.assertTrue(best["proved"])
        power, area = best["clashes"]
        self.assertEqual((power["condition"], power["met_alone"], power["proved"]), ("power < 0.001[W]", False, True))
        self.assertTrue(area["met_alone"])
        self.assertAlmostEqual(power["nearest"]["power"], tomestimate.estimate(TOM, BITNET, set={"chip.clock": "125 MHz"})["power"])

    def test_solve_errors(self):
        for bad in [dict(vary="chip.clok", minimize="area"), dict(vary="gating.mode", minimize="area"),
                    dict(vary="chip.clock"), dict(vary="chip.clock", minimize=["area", "power"]),
                    dict(vary="chip.clock", targets="power"), dict(vary="chip.clock", minimize="area", where="power <"),
                    dict(vary={"chip.clock": ("1 GHz", "200 MHz")}, minimize="area"), dict(vary={}, minimize="area")]:
            with self.assertRaises(tomestimate.Error, msg=repr(bad)):
                tomestimate.solve(TOM, BITNET, **bad)
        with self.assertRaises(ValueError):
            tomestimate.solve(TOM, BITNET, vary="chip.clock", minimize="area", tolerance=0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
