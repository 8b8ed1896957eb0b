#!/usr/bin/env python3
"""Writes what numpy_bitnet makes of data/packed, for machines without numpy.

    make_golden.py DATA     DATA/packed -> DATA/numpy_integers.npy, numpy_logits.npy, numpy_tokens.txt

integers: of the prompt, by layer and projection: the codes a layer takes, then its sums (as floats, which
hold them exactly). logits: of each of 64 greedy steps.
"""
import os
import sys

import numpy as np

import numpy_bitnet as reference

PROMPT = [5, 17, 3, 42, 8, 91, 60, 2]


def main(data):
    model = reference.Model(os.path.join(data, "packed"))
    tokens, generated, logits = PROMPT, [], []
    for step in range(64):
        logits.append(model.forward(tokens))
        if step == 0:
            integers = np.concatenate([part.ravel() for _, _, codes, sums in model.integers for part in (codes, sums)])
        generated.append(int(logits[-1].argmax()))
        tokens = generated[-1:]
    np.save(os.path.join(data, "numpy_integers.npy"), integers.astype(np.float32))
    np.save(os.path.join(data, "numpy_logits.npy"), np.array(logits, np.float32))
    with open(os.path.join(data, "numpy_tokens.txt"), "w") as out:
        out.write(" ".join(map(str, generated)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
