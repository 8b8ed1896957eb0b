"""BitNet b1.58 in numpy, written from its publications: "The Era of 1-bit LLMs" (arXiv 2402.17764) and
its "Training Tips, Code and FAQ", the BitNet b1.58 2B4T technical report (arXiv 2504.12285) with
transformers' BitNet model for layouts and names, and RoFormer (2104.09864) for RoPE. It shares nothing
with tomestimate: no code, no reader, and numpy's own functions and order of sums.

Single precision between operations.
"""
import json
import os
import struct

import numpy as np

f32 = np.float32


# ---- files ----

def read_safetensors(path):
    with open(path, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        data = file.read()
    out = {}
    for name, t in header.items():
        if name == "__metadata__":
            continue
        begin, end = t["data_offsets"]
        raw = data[begin:end]
        if t["dtype"] == "BF16":
            out[name] = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(f32).reshape(t["shape"])
        else:
            out[name] = np.frombuffer(raw, {"U8": "u1", "F32": "<f4"}[t["dtype"]]).reshape(t["shape"])
    return out


def unpack(packed):
    """transformers, integrations/bitnet.py: bits 2i of stored row r are row i R + r, less 1."""
    return np.concatenate([(packed >> 2 * i & 3).astype(np.int8) - 1 for i in range(4)])


class Model:
    def __init__(self, folder):
        with open(os.path.join(folder, "config.json")) as file:
            c = json.load(file)
        self.tensors = read_safetensors(os.path.join(folder, "model.safetensors"))
        self.hidden, self.layers = c["hidden_size"], c["num_hidden_layers"]
        self.heads, self.kv_heads = c["num_attention_heads"], c["num_key_value_heads"]
        self.head_dim = self.hidden // self.heads
        self.eps, self.theta, self.act = c["rms_norm_eps"], c["rope_theta"], c["hidden_act"]
        self.cache = [([], []) for _ in range(self.layers)]
        self.integers = []  # (layer, projection, codes, sums) of the last call
        self.position = 0

    def gain(self, layer, name):
        return self.tensors[f"model.layers.{layer}.{name}.weight"]

    def linear(self, layer, name, x):
        prefix = f"model.layers.{layer}.{name}.weight"
        codes, scale = quantize(x)
        sums = codes.astype(np.int64) @ unpack(self.tensors[prefix]).astype(np.int64).T
        self.integers.append((layer, name, codes, sums))
        return (sums * (self.tensors[prefix + "_scale"].astype(float) / scale.astype(float))).astype(f32)

    def forward(self, tokens):
        """Logits of the last token."""
        self.integers = []
        embedding = self.tensors["model.embed_tokens.weight"]
        x = embedding[np.asarray(tokens)]
        positions = np.arange(self.position, self.position + len(tokens))
        self.position += len(tokens)
        for l in range(self.layers):
            n = rms_norm(x, self.gain(l, "input_layernorm"), self.eps)
            q = self.linear(l, "self_attn.q_proj", n).reshape(len(tokens), self.heads, self.head_dim)
            k = self.linear(l, "self_attn.k_proj", n).reshape(len(tokens), self.kv_heads, self.head_dim)
            v = self.linear(l, "self_attn.v_proj", n).reshape(len(tokens), self.kv_heads, self.head_dim)
            q, k = rope(q, positions, self.theta), rope(k, positions, self.theta)
            self.cache[l][0].append(k)
            self.cache[l][1].append(v)
            keys, values = (np.concatenate(c) for c in self.cache[l])
            context = attention(q, keys, values, positions)
            context = rms_norm(context, self.gain(l, "self_attn.attn_sub_norm"), self.eps)
            x = x + self.linear(l, "self_attn.o_proj", context)
            n = rms_norm(x, self.gain(l, "post_attention_layernorm"), self.eps)
            active = activation(self.act, self.linear(l, "mlp.gate_proj", n)) * self.linear(l, "mlp.up_proj", n)
            active = rms_norm(active, self.gain(l, "mlp.ffn_sub_norm"), self.eps)
            x = x + self.linear(l, "mlp.down_proj", active)
        x = rms_norm(x[-1], self.tensors["model.norm.weight"], self.eps)
        return embedding @ x


# ---- operations ----

def quantize(x):
    """Absmax int8 a token: codes, and the scale that x was multiplied by."""
    scale = f32(127) / np.maximum(np.abs(x).max(axis=-1, keepdims=True), f32(1e-5))
    return np.clip(np.rint(x * scale), -128, 127).astype(np.int8), scale


def rms_norm(x, gain, eps):
    wide = x.astype(float)
    return gain * (wide / np.sqrt((wide * wide).mean(axis=-1, keepdims=True) + eps)).astype(f32)


def rope(x, positions, theta):
    """x is tokens, heads, head_dim; dimension i turns with i + head_dim / 2 (rotate_half)."""
    d = x.shape[-1]
    angles = positions[:, None, None] * theta ** (-np.arange(0, d, 2) / d)
    cos, sin = np.cos(angles), np.sin(angles)
    a, b = x[..., :d // 2], x[..., d // 2:]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1).astype(f32)


def attention(q, keys, values, positions):
    """q: tokens, heads, dim; keys, values: positions, kv_heads, dim. Causal softmax(q k / sqrt(dim)) v."""
    group = q.shape[1] // keys.shape[1]
    keys, values = (np.repeat(a.astype(float), group, axis=1) for a in (keys, values))
    scores = np.einsum("thd,phd->htp", q.astype(float), keys) / np.sqrt(q.shape[-1])
    scores = np.where(np.arange(len(keys)) <= positions[:, None], scores, -np.inf)
    p = np.exp(scores - scores.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    return np.einsum("htp,phd->thd", p, values).reshape(len(q), -1).astype(f32)


def activation(name, x):
    if name == "relu2":
        return np.maximum(x, 0) ** 2
    return (x / (1 + np.exp(-x.astype(float)))).astype(f32)
