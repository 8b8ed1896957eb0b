#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sets a dump of `tomestimate run` beside numpy_bitnet, operation by operation and as a whole.

    compare.py CHECKPOINT DUMP [MARKDOWN]

Operation by operation, numpy takes the inputs that are in the dump; as a whole it takes only tokens.
Integers must be equal, floats within the bound of their row (relative to the largest of the array),
tokens equal. Exit code 1 if anything is not. The dump is of all layers. One of fp8 arithmetic is compared
by operation only: no other program has that arithmetic.
"""
import json
import os
import sys

import numpy as np

import numpy_bitnet as reference

PROJECTIONS = {"q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj",
               "o": "self_attn.o_proj", "gate": "mlp.gate_proj", "up": "mlp.up_proj", "down": "mlp.down_proj"}
NORMS = {"attn_norm": "input_layernorm", "attn_sub_norm": "self_attn.attn_sub_norm",
         "ffn_norm": "post_attention_layernorm", "ffn_sub_norm": "mlp.ffn_sub_norm"}
BOUND = 4e-7  # some three units of the last place of single precision


class Table:
    def __init__(self):
        self.rows = {}

    def add(self, op, what, ours, theirs):
        """Integers: how many differ. Floats: the largest difference over the largest size."""
        if np.issubdtype(ours.dtype, np.integer):
            value, bound = int((ours != theirs).sum()), 0
        else:
            finite = np.isfinite(ours)
            assert (finite == np.isfinite(theirs)).all()
            size = np.abs(theirs[finite]).max()
            value, bound = float(np.abs(ours[finite] - theirs[finite]).max() / max(size, 1e-30)), BOUND
        row = self.rows.setdefault((op, what), [0, 0.0, bound])
        row[0] += ours.size
        row[1] = row[1] + value if bound == 0 else max(row[1], value)

    def good(self):
        return all(value <= bound for _, value, bound in self.rows.values())


# ---- fp8: E4M3 from its definition, by looking for the nearest of all values ----

def e4m3_table():
    codes = np.arange(0x7F)
    exponent, mantissa = codes >> 3, codes & 7
    return np.where(exponent == 0, mantissa * 2.0 ** -9, (8 + mantissa) * 2.0 ** (exponent - 10.0))


VALUES = e4m3_table()


def e4m3(x):
    """Nearest value, the even code of two; 448 at most. x is float32: halves are exact in double."""
    size = np.minimum(np.abs(np.asarray(x, np.float64)), 448.0)
    above = np.clip(np.searchsorted(VALUES, size), 1, len(VALUES) - 1)
    below = above - 1
    up = size - VALUES[below] > VALUES[above] - size
    tie = size - VALUES[below] == VALUES[above] - size
    code = np.where(up | (tie & (above % 2 == 0)), above, below)
    return (code | np.where(np.signbit(x), 0x80, 0)).astype(np.uint8)


def value(code):
    return np.where(code & 0x80, -1.0, 1.0) * VALUES[code & 0x7F]


def compare_fp8(model, dump, arrays, table):
    records, caches = {}, {}
    for a in arrays:
        records.setdefault((a["pass"], a["layer"], a["op"]), {})[(a["role"], a["name"])] = \
            np.load(os.path.join(dump, a["file"]))
    for (_, layer, op), r in records.items():
        if op in PROJECTIONS:
            prefix = f"model.layers.{layer}.{PROJECTIONS[op]}.weight"
            # Every product is a multiple of 2^-9 and every sum below 2^44: exact in double.
            sums = value(r["input", "codes"]) @ reference.unpack(model.tensors[prefix]).astype(float).T
            table.add(op, "sums", r["output", "sums"], (sums * 512).astype(np.int64))
            scale = model.tensors[prefix + "_scale"].astype(float) / r["input", "scales"].astype(float)
            table.add(op, "y", r["output", "y"], (sums * scale[:, None]).astype(np.float32))
        elif op in NORMS:
            y = r["output", "y"]
            scales = np.float32(448) / np.maximum(np.abs(y).max(axis=1), np.float32(1e-5))
            table.add(op, "scales", r["output", "scales"], scales)
            table.add(op, "codes", r["output", "codes"], e4m3(y * scales[:, None]))
        elif op == "rope":
            for name in ("q", "k"):
                table.add(op, name, r["output", name + "_codes"], e4m3(r["output", name]))
            table.add(op, "v", r["output", "v_codes"], e4m3(r["input", "v"]))
            tokens = len(r["input", "q"])
            for name in ("k", "v"):
                codes = r["output", name + "_codes"].reshape(tokens, -1, model.head_dim)
                caches.setdefault((layer, name), []).append(value(codes))
            q = value(r["output", "q_codes"]).reshape(tokens, -1, model.head_dim)
        elif op == "attn.scores":
            k = np.repeat(np.concatenate(caches[layer, "k"]), model.heads // model.kv_heads, axis=1)
            scores = np.einsum("thd,phd->thp", q, k) / np.sqrt(model.head_dim)
            ours = r["output", "scores"]
            table.add(op, "scores", ours, np.where(np.isfinite(ours), scores, -np.inf).astype(np.float32))
        elif op == "softmax":
            e = np.exp(ours.astype(float) - ours.max(axis=2, keepdims=True)).astype(np.float32)
            weights = value(e4m3(e * np.float32(256)))
            table.add(op, "e", (r["output", "exponentials"] * 512).astype(np.int64), (weights * 512).astype(np.int64))
            weights = r["output", "exponentials"].astype(float)
            table.add(op, "sums", r["output", "sums"], weights.sum(axis=2))
        elif op == "attn.context":
            v = np.repeat(np.concatenate(caches[layer, "v"]), model.heads // model.kv_heads, axis=1)
            y = np.einsum("thp,phd->thd", weights, v) / weights.sum(axis=2)[:, :, None]
            table.add(op, "y", r["output", "y"], y.reshape(len(y), -1).astype(np.float32))


def compare_ops(model, dump, arrays, table):
    records = {}
    for a in arrays:
        key = (a["pass"], a["layer"], a["op"])
        records.setdefault(key, {})[(a["role"], a["name"])] = np.load(os.path.join(dump, a["file"]))
    past, caches = {}, {}
    for (_, layer, op), r in records.items():
        if op in PROJECTIONS:
            prefix = f"model.layers.{layer}.{PROJECTIONS[op]}.weight"
            codes = r["input", "codes"].astype(np.int64)
            sums = codes @ reference.unpack(model.tensors[prefix]).astype(np.int64).T
            table.add(op, "sums", r["output", "sums"], sums)
            scale = model.tensors[prefix + "_scale"].astype(float) / r["input", "scales"].astype(float)
            table.add(op, "y", r["output", "y"], (sums * scale[:, None]).astype(np.float32))
        elif op in NORMS:
            y = reference.rms_norm(r["input", "x"], model.gain(layer, NORMS[op]), model.eps)
            table.add(op, "y", r["output", "y"], y)
            codes, scales = reference.quantize(r["output", "y"])
            table.add(op, "codes", r["output", "codes"], codes)
            table.add(op, "scales", r["output", "scales"], scales[:, 0])
        elif op == "rope":
            tokens = len(r["input", "q"])
            positions = np.arange(past.get(layer, 0), past.get(layer, 0) + tokens)
            past[layer] = past.get(layer, 0) + tokens
            for name in ("q", "k"):
                x = r["input", name].reshape(tokens, -1, model.head_dim)
                turned = reference.rope(x, positions, model.theta).reshape(tokens, -1)
                table.add(op, name, r["output", name], turned)
            for name, value in (("k", r["output", "k"]), ("v", r["input", "v"])):
                caches.setdefault((layer, name), []).append(value.reshape(tokens, -1, model.head_dim))
            q = r["output", "q"].reshape(tokens, -1, model.head_dim)
            attended = q, positions
        elif op == "attn.context":
            k, v = (np.concatenate(caches[layer, name]) for name in "kv")
            table.add(op, "y", r["output", "y"], reference.attention(attended[0], k, v, attended[1]))
        elif op == "activation":
            y = reference.activation(model.act, r["input", "gate"]) * r["input", "up"]
            table.add(op, "y", r["output", "y"], y)
        elif op.endswith("residual"):
            table.add(op, "x", r["output", "x"], r["input", "x"] + r["input", "y"])
        elif op == "final_norm":
            y = reference.rms_norm(r["input", "x"], model.tensors["model.norm.weight"], model.eps)
            table.add(op, "y", r["output", "y"], y)
        elif op == "lm_head":
            logits = model.tensors["model.embed_tokens.weight"].astype(float) @ r["input", "x"].astype(float)
            table.add(op, "logits", r["output", "logits"], logits)


def compare_whole(checkpoint, dump, run, arrays, logits_bound=2e-3):
    """Greedy tokens of numpy alone; differing integers of the prompt; largest difference of logits."""
    model = reference.Model(checkpoint)
    ours = {a["pass"]: np.load(os.path.join(dump, a["file"])) for a in arrays if a["op"] == "lm_head" and a["name"] == "logits"}
    tokens, generated, worst, integers, differing = run["tokens"], [], 0.0, 0, 0
    for step in range(len(run["generated"])):
        logits = model.forward(tokens)
        worst = max(worst, float(np.abs(logits - ours[step]).max()))
        for layer, name, codes, sums in model.integers:
            op = next(k for k, v in PROJECTIONS.items() if v == name)
            where = f"pass{step:03}/layer{layer:02}/{op}"
            for mine, file in ((codes, "input.codes"), (sums, "output.sums")):
                integers += mine.size
                differing += int((mine != np.load(os.path.join(dump, f"{where}.{file}.npy"))).sum())
        generated.append(int(logits.argmax()))
        tokens = generated[-1:]
    told = (f"whole run: {len(generated)} greedy tokens {'equal' if generated == run['generated'] else 'DIFFER'}; "
            f"{differing} of {integers} codes and sums differ; logits differ by {worst:.2e} at most "
            f"(bound {logits_bound:g})")
    return generated == run["generated"] and worst <= logits_bound, told


def write_markdown(file, arithmetic, table, told):
    with open(file, "w") as out:
        out.write(f"# `tomestimate run` ({arithmetic}) beside numpy, operation by operation\n\n")
        out.write("numpy has the same inputs. Of integers it says how many differ, of floats the largest difference "
                  "over the largest of the array.\n\n")
        out.write("| operation | array | elements | kind | difference | bound |\n|---|---|---:|---|---:|---:|\n")
        for (op, what), (count, value, bound) in table.rows.items():
            kind, shown = ("integers", f"{value:.0f}") if bound == 0 else ("floats", f"{value:.1e}")
            out.write(f"| {op} | {what} | {count:,} | {kind} | {shown} | {bound:g} |\n")
        out.write(f"\n{told[0].upper()}{told[1:]}.\n")


def main(checkpoint, dump, file=None):
    with open(os.path.join(dump, "manifest.json")) as source:
        manifest = json.load(source)
    table = Table()
    fp8 = manifest["run"]["arithmetic"] == "fp8"
    (compare_fp8 if fp8 else compare_ops)(reference.Model(checkpoint), dump, manifest["arrays"], table)
    print(f"{'operation':<15}{'array':<8}{'elements':>10}  difference (integers: how many; floats: relative)")
    for (op, what), (count, value, bound) in table.rows.items():
        shown = f"{value:.0f}" if bound == 0 else f"{value:.1e}"
        print(f"{op:<15}{what:<8}{count:>10}  {shown}{'' if value <= bound else '  BEYOND ' + str(bound)}")
    if fp8:
        whole, told = True, "the run as a whole is not compared: no other program has this arithmetic"
    else:
        whole, told = compare_whole(checkpoint, dump, manifest["run"], manifest["arrays"])
    print(told)
    if file:
        write_markdown(file, manifest["run"]["arithmetic"], table, told)
    return 0 if table.good() and whole else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
