#!/usr/bin/env python3
"""Writes tiny BitNet checkpoints: weights are random, layouts are those of real files.

    make_checkpoint.py packed OUT          OUT/config.json, OUT/model.safetensors
    make_checkpoint.py gguf OUT.gguf       float weights of -s, 0, +s, for llama.cpp to quantize
                       [--ffn N] [--activation relu2]

packed is as Hugging Face has BitNet b1.58 2B4T: U8, four 2-bit codes a byte, weight_scale that
multiplies (linear_class autobitlinear), gains and embedding in BF16. It shares nothing with the
program. Needs no numpy.
"""
import argparse
import json
import os
import random
import struct

PACKED = dict(hidden=64, layers=3, heads=4, kv_heads=2, ffn=160, vocabulary=96)
GGUF = dict(hidden=256, layers=2, heads=4, kv_heads=1, ffn=256, vocabulary=32)


def matrices(s):
    """name in transformers, name in GGUF, outputs, inputs, share of zeros"""
    kv = s["hidden"] // s["heads"] * s["kv_heads"]
    h, f = s["hidden"], s["ffn"]
    return [("self_attn.q_proj", "attn_q", h, h, 0.47), ("self_attn.k_proj", "attn_k", kv, h, 0.45),
            ("self_attn.v_proj", "attn_v", kv, h, 0.38), ("self_attn.o_proj", "attn_output", h, h, 0.42),
            ("mlp.gate_proj", "ffn_gate", f, h, 0.42), ("mlp.up_proj", "ffn_up", f, h, 0.41),
            ("mlp.down_proj", "ffn_down", h, f, 0.41)]


def gains(s):
    return [("input_layernorm", "attn_norm", s["hidden"]), ("post_attention_layernorm", "ffn_norm", s["hidden"]),
            ("self_attn.attn_sub_norm", "attn_sub_norm", s["hidden"]), ("mlp.ffn_sub_norm", "ffn_sub_norm", s["ffn"])]


def ternary(rng, n, zeros):
    return [0 if rng.random() < zeros else rng.choice((-1, 1)) for _ in range(n)]


def bfloat(x):
    """The upper half of a float, rounded to nearest even."""
    bits, = struct.unpack("<I", struct.pack("<f", x))
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


def bfloats(values):
    return struct.pack(f"<{len(values)}H", *map(bfloat, values))


def packed(folder):
    s, rng = PACKED, random.Random(15)
    os.makedirs(folder, exist_ok=True)
    config = {"architectures": ["BitNetForCausalLM"], "hidden_act": "relu2", "hidden_size": s["hidden"],
              "intermediate_size": s["ffn"], "model_type": "bitnet", "num_attention_heads": s["heads"],
              "num_hidden_layers": s["layers"], "num_key_value_heads": s["kv_heads"],
              "quantization_config": {"linear_class": "autobitlinear", "quant_method": "bitnet",
                                      "quantization_mode": "offline"},
              "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "tie_word_embeddings": True,
              "torch_dtype": "bfloat16", "vocab_size": s["vocabulary"]}
    with open(os.path.join(folder, "config.json"), "w") as out:
        out.write(json.dumps(config, indent=2) + "\n")
    tensors = [("model.embed_tokens.weight", "BF16", [s["vocabulary"], s["hidden"]],
                bfloats([rng.gauss(0, 0.1) for _ in range(s["vocabulary"] * s["hidden"])]))]
    for layer in range(s["layers"]):
        prefix = f"model.layers.{layer}."
        for name, _, outputs, inputs, zeros in matrices(s):
            w = ternary(rng, outputs * inputs, zeros)
            stored = outputs // 4
            codes = bytes(sum((w[(i * stored + r) * inputs + c] + 1) << 2 * i for i in range(4))
                          for r in range(stored) for c in range(inputs))
            tensors.append((prefix + name + ".weight", "U8", [stored, inputs], codes))
            scale = rng.uniform(0.9, 1.6) / inputs ** 0.5
            tensors.append((prefix + name + ".weight_scale", "BF16", [1], bfloats([scale])))
        for name, _, size in gains(s):
            tensors.append((prefix + name + ".weight", "BF16", [size],
                            bfloats([rng.uniform(0.5, 1.5) for _ in range(size)])))
    tensors.append(("model.norm.weight", "BF16", [s["hidden"]],
                    bfloats([rng.uniform(0.5, 1.5) for _ in range(s["hidden"])])))
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, dtype, shape, content in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(content)]}
        at += len(content)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(folder, "model.safetensors"), "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + b"".join(t[3] for t in tensors))


def text(s):
    return struct.pack("<Q", len(s)) + s.encode()


def entry(key, kind, value):
    data = text(value) if kind == 8 else struct.pack({4: "<I", 6: "<f"}[kind], value)
    return text(key) + struct.pack("<I", kind) + data


def gguf(path, ffn, activation):
    s, rng = dict(GGUF, ffn=ffn), random.Random(16)
    tensors = [("token_embd.weight", (s["hidden"], s["vocabulary"]),
                [rng.gauss(0, 0.1) for _ in range(s["hidden"] * s["vocabulary"])])]
    for layer in range(s["layers"]):
        for _, name, outputs, inputs, zeros in matrices(s):
            scale = 1.25 / inputs ** 0.5  # exact in half precision: inputs are powers of 4 or twice that
            scale = struct.unpack("<e", struct.pack("<e", scale))[0]
            tensors.append((f"blk.{layer}.{name}.weight", (inputs, outputs),
                            [scale * w for w in ternary(rng, outputs * inputs, zeros)]))
        for _, name, size in gains(s):
            tensors.append((f"blk.{layer}.{name}.weight", (size,), [rng.uniform(0.5, 1.5) for _ in range(size)]))
    tensors.append(("output_norm.weight", (s["hidden"],), [rng.uniform(0.5, 1.5) for _ in range(s["hidden"])]))
    entries = [entry("general.architecture", 8, "bitnet"), entry("general.name", 8, "tiny BitNet"),
               entry("general.alignment", 4, 32), entry("bitnet.block_count", 4, s["layers"]),
               entry("bitnet.context_length", 4, 256), entry("bitnet.embedding_length", 4, s["hidden"]),
               entry("bitnet.feed_forward_length", 4, s["ffn"]),
               entry("bitnet.attention.head_count", 4, s["heads"]),
               entry("bitnet.attention.head_count_kv", 4, s["kv_heads"]),
               entry("bitnet.attention.layer_norm_rms_epsilon", 6, 1e-5),
               entry("bitnet.rope.freq_base", 6, 500000.0),
               entry("bitnet.vocab_size", 4, s["vocabulary"]), entry("tokenizer.ggml.model", 8, "no_vocab")]
    if activation:
        entries.append(entry("bitnet.hidden_activation", 8, activation))
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["packed", "gguf"])
    parser.add_argument("out")
    parser.add_argument("--ffn", type=int, default=GGUF["ffn"])
    parser.add_argument("--activation", default="")
    a = parser.parse_args()
    packed(a.out) if a.kind == "packed" else gguf(a.out, a.ffn, a.activation)
