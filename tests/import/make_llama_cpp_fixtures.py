#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Has llama.cpp quantize a tiny ternary model, and counts zeros with its own dequantizers.

    make_llama_cpp_fixtures.py BINS OUT

BINS is bins/linux-x64 of the npm package @node-llama-cpp/linux-x64 (libllama and libggml-base of
llama.cpp, built by others). Written to OUT: a float GGUF made here; the same quantized by
llama_model_quantize to TQ1_0, to TQ2_0, and to both in one file; and llama-cpp-counts.csv with what
gguf_init_from_file and dequantize_row_tq1_0/tq2_0 of libggml-base find in them. data/README.md says
which are kept as fixtures. Needs no numpy.
"""
import csv
import ctypes
import os
import random
import struct
import sys

HIDDEN, LAYERS, HEADS, KV_HEADS, FFN, VOCABULARY = 256, 1, 4, 1, 256, 8
TQ1_0, TQ2_0 = 34, 35  # ggml_type
TYPES = {TQ1_0: "TQ1_0", TQ2_0: "TQ2_0"}
# LLAMA_FTYPE_MOSTLY_TQ1_0 and _TQ2_0, and which tensors get which type instead.
TARGETS = {"tq1_0": (36, []), "tq2_0": (37, []),
           "tq": (37, [(b"blk\\.0\\.(attn_q|attn_k|ffn_down)", TQ1_0)])}


def text(s):
    return struct.pack("<Q", len(s)) + s.encode()


def entry(key, kind, value):
    formats = {4: "<I", 6: "<f", 7: "<?"}
    data = text(value) if kind == 8 else struct.pack(formats[kind], value)
    return text(key) + struct.pack("<I", kind) + data


def ternary_row(rng, size, share, scale):
    """Weights -scale, 0, +scale; about `share` of them zero, at least one not."""
    row = [0.0 if rng.random() < share else rng.choice((-scale, scale)) for _ in range(size)]
    row[rng.randrange(size)] = scale
    return row


def model(rng):
    """Names, shapes (innermost first) and values of a one-layer BitNet."""
    kv = HIDDEN // HEADS * KV_HEADS
    tensors = [("token_embd.weight", (HIDDEN, VOCABULARY), None)]
    for layer in range(LAYERS):
        linear = [("attn_q", HIDDEN, HIDDEN, 0.30), ("attn_k", HIDDEN, kv, 0.35),
                  ("attn_v", HIDDEN, kv, 0.33), ("attn_output", HIDDEN, HIDDEN, 0.40),
                  ("ffn_gate", HIDDEN, FFN, 0.31), ("ffn_up", HIDDEN, FFN, 0.38),
                  ("ffn_down", FFN, HIDDEN, 0.36)]
        for name, inputs, outputs, share in linear:
            tensors.append((f"blk.{layer}.{name}.weight", (inputs, outputs), share))
        for name, size in (("attn_norm", HIDDEN), ("ffn_norm", HIDDEN), ("attn_sub_norm", HIDDEN),
                           ("ffn_sub_norm", FFN)):
            tensors.append((f"blk.{layer}.{name}.weight", (size,), None))
    tensors.append(("output_norm.weight", (HIDDEN,), None))
    for name, shape, share in tensors:
        rows = shape[1] if len(shape) == 2 else 1
        if share is None:
            values = [rng.gauss(0, 1) for _ in range(rows * shape[0])]
        else:
            values = [v for _ in range(rows) for v in ternary_row(rng, shape[0], share, 0.5)]
        yield name, shape, values


def write_float_model(path):
    rng = random.Random(1)
    tensors = list(model(rng))
    entries = [
        entry("general.architecture", 8, "bitnet"), entry("general.name", 8, "tiny ternary"),
        entry("general.alignment", 4, 32), entry("bitnet.block_count", 4, LAYERS),
        entry("bitnet.context_length", 4, 128), entry("bitnet.embedding_length", 4, HIDDEN),
        entry("bitnet.feed_forward_length", 4, FFN), entry("bitnet.attention.head_count", 4, HEADS),
        entry("bitnet.attention.head_count_kv", 4, KV_HEADS),
        entry("bitnet.attention.layer_norm_rms_epsilon", 6, 1e-5),
        entry("bitnet.vocab_size", 4, VOCABULARY),
        entry("tokenizer.ggml.model", 8, "no_vocab"),
    ]
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries)) + b"".join(entries)
    data = bytearray()
    for name, shape, values in tensors:
        data += bytes(-len(data) % 32)
        header += text(name) + struct.pack("<I", len(shape))
        header += struct.pack(f"<{len(shape)}Q", *shape) + struct.pack("<IQ", 0, len(data))
        data += struct.pack(f"<{len(values)}f", *values)
    header += bytes(-len(header) % 32)
    with open(path, "wb") as out:
        out.write(header + data + bytes(-len(data) % 32))


class QuantizeParams(ctypes.Structure):  # llama.h, llama_model_quantize_params
    _fields_ = [("nthread", ctypes.c_int32), ("ftype", ctypes.c_int32),
                ("output_tensor_type", ctypes.c_int32), ("token_embedding_type", ctypes.c_int32),
                ("allow_requantize", ctypes.c_bool), ("quantize_output_tensor", ctypes.c_bool),
                ("only_copy", ctypes.c_bool), ("pure", ctypes.c_bool), ("keep_split", ctypes.c_bool),
                ("dry_run", ctypes.c_bool), ("imatrix", ctypes.c_void_p),
                ("kv_overrides", ctypes.c_void_p), ("tt_overrides", ctypes.c_void_p),
                ("rest", ctypes.c_void_p * 8)]


class TensorOverride(ctypes.Structure):  # llama_model_tensor_override
    _fields_ = [("pattern", ctypes.c_char_p), ("type", ctypes.c_int32)]


def load(folder):
    base = ctypes.CDLL(os.path.join(folder, "libggml-base.so"), ctypes.RTLD_GLOBAL)
    for name in ("libggml.v0.4.0.so", "libllama.v0.4.0.so"):
        library = ctypes.CDLL(os.path.join(folder, name), ctypes.RTLD_GLOBAL)
        if "libggml." in name:
            library.ggml_backend_load_all_from_path.argtypes = [ctypes.c_char_p]
            library.ggml_backend_load_all_from_path(folder.encode())
    return base, library


def quantize(llama, source, target, ftype, overrides):
    llama.llama_model_quantize_default_params.restype = QuantizeParams
    params = llama.llama_model_quantize_default_params()
    params.nthread, params.ftype = 1, ftype
    table = (TensorOverride * (len(overrides) + 1))(*overrides)  # the last one is null
    params.tt_overrides = ctypes.addressof(table)
    llama.llama_model_quantize.argtypes = [ctypes.c_char_p, ctypes.c_char_p,
                                           ctypes.POINTER(QuantizeParams)]
    llama.llama_model_quantize.restype = ctypes.c_uint32
    if llama.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(params)) != 0:
        sys.exit(f"llama.cpp did not quantize {source}")


class GgufInit(ctypes.Structure):
    _fields_ = [("no_alloc", ctypes.c_bool), ("ctx", ctypes.c_void_p)]


def counts(ggml, path):
    """(tensor, type, weights, -1, 0, +1) of every ternary tensor, by llama.cpp's own reader."""
    for name in ("gguf_init_from_file", "gguf_get_n_tensors", "gguf_get_tensor_name",
                 "gguf_get_tensor_type", "gguf_get_tensor_offset", "gguf_get_data_offset",
                 "gguf_get_tensor_size"):
        function = getattr(ggml, name)
        function.restype = ctypes.c_char_p if name.endswith("_name") else ctypes.c_size_t
        function.argtypes = [ctypes.c_void_p, ctypes.c_int64]
    ggml.gguf_init_from_file.argtypes = [ctypes.c_char_p, GgufInit]
    ggml.gguf_get_n_tensors.argtypes = ggml.gguf_get_data_offset.argtypes = [ctypes.c_void_p]
    file = ctypes.c_void_p(ggml.gguf_init_from_file(path.encode(), GgufInit(True, None)))
    with open(path, "rb") as source:
        data = source.read()[ggml.gguf_get_data_offset(file):]
    for i in range(ggml.gguf_get_n_tensors(file)):
        kind = ggml.gguf_get_tensor_type(file, i)
        if kind not in TYPES:
            continue
        offset, size = ggml.gguf_get_tensor_offset(file, i), ggml.gguf_get_tensor_size(file, i)
        weights = size // (54 if kind == TQ1_0 else 66) * 256
        out = (ctypes.c_float * weights)()
        row = ggml.dequantize_row_tq1_0 if kind == TQ1_0 else ggml.dequantize_row_tq2_0
        row.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int64]
        row.restype = None
        row(data[offset:offset + size], out, weights)
        yield (ggml.gguf_get_tensor_name(file, i).decode(), TYPES[kind], weights,
               sum(w < 0 for w in out), sum(w == 0 for w in out), sum(w > 0 for w in out))


def main(bins, out):
    ggml, llama = load(bins)
    source = os.path.join(out, "llama-cpp-f32.gguf")
    write_float_model(source)
    with open(os.path.join(out, "llama-cpp-counts.csv"), "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["file", "tensor", "type", "weights", "-1", "0", "+1"])
        for name, (ftype, overrides) in TARGETS.items():
            target = f"llama-cpp-{name}.gguf"
            quantize(llama, source, os.path.join(out, target), ftype, overrides)
            for row in counts(ggml, os.path.join(out, target)):
                rows.writerow([target, *row])


if __name__ == "__main__":
    main(*sys.argv[1:])
