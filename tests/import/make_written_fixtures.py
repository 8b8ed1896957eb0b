#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the fixtures that no program at hand could write, from the formats' specifications.

    make_written_fixtures.py OUT

I2_S GGUF (microsoft/BitNet, src/ggml-bitnet-mad.cpp, quantize_i2_s, x86 order), safetensors with
Hugging Face BitNet's packed U8 (transformers, integrations/bitnet.py, pack_weights), a sharded
safetensors folder of float master weights, and I8. written-counts.csv has the counts of the weights
before they were packed. It shares nothing with the importer. Needs no numpy.
"""
import csv
import json
import os
import random
import struct
import sys

HIDDEN, HEADS, KV_HEADS, FFN, VOCABULARY, LAYERS = 32, 4, 2, 64, 16, 2
KV = HIDDEN // HEADS * KV_HEADS
# name in GGUF, name in Hugging Face, outputs, inputs
LINEAR = [("attn_q", "self_attn.q_proj", HIDDEN, HIDDEN), ("attn_k", "self_attn.k_proj", KV, HIDDEN),
          ("attn_v", "self_attn.v_proj", KV, HIDDEN), ("attn_output", "self_attn.o_proj", HIDDEN, HIDDEN),
          ("ffn_gate", "mlp.gate_proj", FFN, HIDDEN), ("ffn_up", "mlp.up_proj", FFN, HIDDEN),
          ("ffn_down", "mlp.down_proj", HIDDEN, FFN)]


def ternary(rng, n, share):
    zeros = round(share * n)
    values = [0] * zeros + [rng.choice((-1, 1)) for _ in range(n - zeros)]
    rng.shuffle(values)
    return values


def weights(seed):
    """(layer, GGUF name, Hugging Face name, outputs, inputs, values)"""
    rng = random.Random(seed)
    return [(layer, g, h, o, i, ternary(rng, o * i, 0.30 + 0.015 * n + 0.01 * layer))
            for layer in range(LAYERS) for n, (g, h, o, i) in enumerate(LINEAR)]


def count_row(file, name, kind, values):
    return [file, name, kind, len(values), sum(v < 0 for v in values), sum(v == 0 for v in values),
            sum(v > 0 for v in values)]


# ---- I2_S ----

def i2_s(values):
    out = bytearray(len(values) // 4)
    for i, value in enumerate(values):
        block, j = divmod(i, 128)
        out[block * 32 + j % 32] |= (value + 1) << (6 - 2 * (j // 32))
    return bytes(out) + struct.pack("<f", 0.75) + bytes(28)


def gguf_text(s):
    return struct.pack("<Q", len(s)) + s.encode()


def write_i2_s(folder, rows):
    name = "i2_s.gguf"
    numbers = {"block_count": LAYERS, "embedding_length": HIDDEN, "feed_forward_length": FFN,
               "attention.head_count": HEADS, "attention.head_count_kv": KV_HEADS}
    entries = [gguf_text("general.architecture") + struct.pack("<I", 8) + gguf_text("bitnet-b1.58")]
    entries += [gguf_text("bitnet-b1.58." + k) + struct.pack("<II", 4, v) for k, v in numbers.items()]
    tokens = [f"t{i}" for i in range(VOCABULARY)]
    entries.append(gguf_text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, len(tokens)) +
                   b"".join(map(gguf_text, tokens)))
    tensors = [("token_embd.weight", (HIDDEN, VOCABULARY), 1, bytes(2 * HIDDEN * VOCABULARY))]
    for layer, g, _, outputs, inputs, values in weights(2):
        tensor = f"blk.{layer}.{g}.weight"
        tensors.append((tensor, (inputs, outputs), 36, i2_s(values)))
        rows.append(count_row(name, tensor, "I2_S", values))
        if g == "attn_output":
            tensors.append((f"blk.{layer}.attn_sub_norm.weight", (HIDDEN,), 0, bytes(4 * HIDDEN)))
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries)) + b"".join(entries)
    data = bytearray()
    for tensor, shape, kind, content in tensors:
        data += bytes(-len(data) % 32)
        header += gguf_text(tensor) + struct.pack("<I", len(shape))
        header += struct.pack(f"<{len(shape)}Q", *shape) + struct.pack("<IQ", kind, len(data))
        data += content
    with open(os.path.join(folder, name), "wb") as out:
        out.write(header + bytes(-len(header) % 32) + data)


# ---- safetensors ----

def write_safetensors(path, tensors):
    """tensors: (name, dtype, shape, bytes)"""
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, dtype, shape, content in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(content)]}
        at += len(content)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + b"".join(t[3] for t in tensors))


def write_config(folder, **more):
    config = {"architectures": ["LlamaForCausalLM"], "hidden_act": "silu", "hidden_size": HIDDEN,
              "intermediate_size": FFN, "model_type": "llama", "num_attention_heads": HEADS,
              "num_hidden_layers": LAYERS, "num_key_value_heads": KV_HEADS,
              "tie_word_embeddings": False, "torch_dtype": "bfloat16", "vocab_size": VOCABULARY}
    config.update(more)
    with open(os.path.join(folder, "config.json"), "w") as out:
        out.write(json.dumps(config, indent=2) + "\n")


BITNET = {"architectures": ["BitNetForCausalLM"], "hidden_act": "relu2", "model_type": "bitnet",
          "tie_word_embeddings": True,
          "quantization_config": {"quant_method": "bitnet", "linear_class": "autobitlinear"}}


def pack_u8(values, outputs, inputs):
    stored = outputs // 4
    return bytes(sum((values[(i * stored + r) * inputs + c] + 1) << 2 * i for i in range(4))
                 for r in range(stored) for c in range(inputs))


def write_packed(folder, rows):
    os.makedirs(folder, exist_ok=True)
    write_config(folder, **BITNET)
    tensors = [("model.embed_tokens.weight", "BF16", [VOCABULARY, HIDDEN], bytes(2 * HIDDEN * VOCABULARY))]
    for layer, _, h, outputs, inputs, values in weights(3):
        name = f"model.layers.{layer}.{h}.weight"
        tensors.append((name, "U8", [outputs // 4, inputs], pack_u8(values, outputs, inputs)))
        tensors.append((name + "_scale", "BF16", [1], b"\x80\x3f"))
        rows.append(count_row("packed", name, "U8", values))
    write_safetensors(os.path.join(folder, "model.safetensors"), tensors)


def write_i8(folder, rows):
    os.makedirs(folder, exist_ok=True)
    write_config(folder, **BITNET)
    tensors = []
    for layer, _, h, outputs, inputs, values in weights(4):
        name = f"model.layers.{layer}.{h}.weight"
        tensors.append((name, "I8", [outputs, inputs], struct.pack(f"<{len(values)}b", *values)))
        rows.append(count_row("i8", name, "I8", values))
    write_safetensors(os.path.join(folder, "model.safetensors"), tensors)


def single(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def absmean(values):
    """WeightQuant of bitnet.py: round(w * (1 / max(mean |w|, 1e-5))), clipped; in single precision."""
    scale = single(1 / max(single(sum(map(abs, values)) / len(values)), single(1e-5)))
    return [max(-1, min(1, round(single(v * scale)))) for v in values]


def encode(values, dtype):
    """Bytes of values rounded to dtype, and the rounded values."""
    if dtype == "BF16":
        data = b"".join(struct.pack("<f", v)[2:] for v in values)
        return data, [struct.unpack("<f", b"\0\0" + data[i:i + 2])[0] for i in range(0, len(data), 2)]
    code = {"F16": "e", "F32": "f"}[dtype]
    data = struct.pack(f"<{len(values)}{code}", *values)
    return data, list(struct.unpack(f"<{len(values)}{code}", data))


def write_floats(folder, rows):
    """Master weights in three float types, in two shards: like a checkpoint before packing."""
    os.makedirs(folder, exist_ok=True)
    write_config(folder, **BITNET)
    rng = random.Random(5)
    shards = [[], []]
    for layer in range(LAYERS):
        for n, (_, h, outputs, inputs) in enumerate(LINEAR):
            dtype = ("BF16", "F16", "F32")[n % 3]
            content, values = encode([rng.gauss(0, 0.02) for _ in range(outputs * inputs)], dtype)
            name = f"model.layers.{layer}.{h}.weight"
            shards[layer].append((name, dtype, [outputs, inputs], content))
            rows.append(count_row("floats", name, dtype, absmean(values)))
    names = [f"model-0000{i + 1}-of-00002.safetensors" for i in range(2)]
    for name, tensors in zip(names, shards):
        write_safetensors(os.path.join(folder, name), tensors)
    index = {"metadata": {}, "weight_map": {t[0]: n for n, s in zip(names, shards) for t in s}}
    with open(os.path.join(folder, "model.safetensors.index.json"), "w") as out:
        out.write(json.dumps(index, indent=1) + "\n")


def main(out):
    rows = [["file", "tensor", "type", "weights", "-1", "0", "+1"]]
    write_i2_s(out, rows)
    write_packed(os.path.join(out, "packed"), rows)
    write_i8(os.path.join(out, "i8"), rows)
    write_floats(os.path.join(out, "floats"), rows)
    with open(os.path.join(out, "written-counts.csv"), "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
