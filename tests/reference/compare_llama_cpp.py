#!/usr/bin/env python3
"""Sets a dump of `tomestimate run NAME.gguf` beside what run_llama_cpp.py wrote, operation by operation.

    compare_llama_cpp.py NAME DUMP

NAME is such as OUT/llama_cpp_silu. Differences are relative to the largest of the array. The last layer
of llama.cpp has only the last token after attention.
"""
import os
import sys

import numpy as np

OPS = [("attn_norm", "attn_norm.output.y"), ("Qcur", "rope.output.q"), ("Kcur", "rope.output.k"),
       ("Vcur", "v.output.y"), ("kqv_out", "attn.context.output.y"), ("attn_sub_norm", "attn_sub_norm.output.y"),
       ("attn_out", "o.output.y"), ("ffn_inp", "attn_residual.output.x"), ("ffn_norm", "ffn_norm.output.y"),
       ("ffn_gate", "gate.output.y"), ("ffn_up", "up.output.y"), ("ffn_sub_out", "activation.output.y"),
       ("ffn_sub_norm", "ffn_sub_norm.output.y"), ("ffn_down", "down.output.y"), ("l_out", "ffn_residual.output.x")]


def difference(theirs, ours):
    return np.abs(theirs - ours).max() / np.abs(theirs).max()


def main(name, dump):
    layers = range(2)
    print(f"{'llama.cpp':<15}{'tomestimate':<25}" + "".join(f"layer {l:<5}" for l in layers))
    for theirs, ours in OPS:
        row = []
        for layer in layers:
            x = np.load(os.path.join(name + "_ops", f"{theirs}-{layer}.npy")).ravel()
            y = np.load(os.path.join(dump, f"pass000/layer{layer:02}", ours + ".npy")).ravel()
            row.append(f"{difference(x, y[-x.size:]):<11.1e}")
        print(f"{theirs:<15}{ours:<25}" + "".join(row))
    logits = np.load(name + "_logits.npy")
    mine = np.array([np.load(os.path.join(dump, f"pass{i:03}/tail/lm_head.output.logits.npy")) for i in range(len(logits))])
    norm = np.load(os.path.join(name + "_ops", "result_norm.npy"))
    print(f"{'result_norm':<15}{'final_norm.output.y':<25}"
          f"{difference(norm, np.load(os.path.join(dump, 'pass000/tail/final_norm.output.y.npy'))):.1e}")
    equal = mine.argmax(axis=1) == logits.argmax(axis=1)
    first = len(equal) if equal.all() else int(equal.argmin())
    worst = np.abs(mine - logits)[:first + 1].max() if first < len(equal) else np.abs(mine - logits).max()
    print(f"greedy tokens equal for {first} of {len(equal)} steps; logits differ by {worst:.1e} "
          f"(largest {np.abs(logits).max():.2f})")


if __name__ == "__main__":
    main(*sys.argv[1:])
