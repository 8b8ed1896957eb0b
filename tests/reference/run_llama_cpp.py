#!/usr/bin/env python3
"""Runs tiny BitNet models in llama.cpp: logits and tokens, and what each operation of it gives.

    run_llama_cpp.py BINS OUT [FFN]

BINS is bins/linux-x64 of the npm package @node-llama-cpp/linux-x64 3.22.1 (llama.cpp v0.5.0, built by
others). Written to OUT, for the activations silu (no key) and relu2 (bitnet.hidden_activation):

    NAME.gguf                    quantized to TQ1_0 by llama_model_quantize
    NAME_logits.npy              64 greedy steps x vocabulary
    NAME_tokens.txt              the greedy tokens
    NAME_ops/LAYER_NAME.npy      results of the graph's nodes for the prompt (cb_eval)
"""
import ctypes
import os
import struct
import subprocess
import sys

PROMPT = [5, 17, 3, 12, 8, 31, 20, 2]
STEPS = 64
TQ1_0_FTYPE, F16, F32 = 36, 1, 0


class QuantizeParams(ctypes.Structure):  # llama.h, llama_model_quantize_params
    _fields_ = [("nthread", ctypes.c_int32), ("ftype", ctypes.c_int32),
                ("output_tensor_type", ctypes.c_int32), ("token_embedding_type", ctypes.c_int32),
                ("flags", ctypes.c_bool * 6), ("rest", ctypes.c_void_p * 12)]


class ModelParams(ctypes.Structure):  # llama_model_params, larger than any version's
    _fields_ = [("bytes", ctypes.c_uint8 * 256)]


EVAL = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_bool, ctypes.c_void_p)


class ContextParams(ctypes.Structure):  # llama_context_params of v0.5.0
    _fields_ = [("n_ctx", ctypes.c_uint32), ("n_batch", ctypes.c_uint32), ("n_ubatch", ctypes.c_uint32),
                ("n_seq_max", ctypes.c_uint32), ("others", ctypes.c_uint32 * 3),
                ("n_threads", ctypes.c_int32), ("n_threads_batch", ctypes.c_int32),
                ("ctx_type", ctypes.c_int32), ("rope_scaling_type", ctypes.c_int32),
                ("pooling_type", ctypes.c_int32), ("attention_type", ctypes.c_int32),
                ("flash_attn_type", ctypes.c_int32), ("floats", ctypes.c_float * 6),
                ("yarn_orig_ctx", ctypes.c_uint32), ("defrag_thold", ctypes.c_float),
                ("cb_eval", EVAL), ("cb_eval_user_data", ctypes.c_void_p),
                ("type_k", ctypes.c_int32), ("type_v", ctypes.c_int32),
                ("rest", ctypes.c_void_p * 16)]


class Batch(ctypes.Structure):
    _fields_ = [("n_tokens", ctypes.c_int32), ("token", ctypes.c_void_p), ("embd", ctypes.c_void_p),
                ("pos", ctypes.c_void_p), ("n_seq_id", ctypes.c_void_p), ("seq_id", ctypes.c_void_p),
                ("logits", ctypes.c_void_p)]


def load(folder):
    def version(name):
        return next(f for f in os.listdir(folder) if f.startswith(name + ".v"))
    base = ctypes.CDLL(os.path.join(folder, "libggml-base.so"), ctypes.RTLD_GLOBAL)
    ggml = ctypes.CDLL(os.path.join(folder, version("libggml")), ctypes.RTLD_GLOBAL)
    ggml.ggml_backend_load_all_from_path.argtypes = [ctypes.c_char_p]
    ggml.ggml_backend_load_all_from_path(folder.encode())
    llama = ctypes.CDLL(os.path.join(folder, version("libllama")), ctypes.RTLD_GLOBAL)
    p = ctypes.c_void_p
    for library, name, result, arguments in [
            (llama, "llama_model_quantize_default_params", QuantizeParams, []),
            (llama, "llama_model_quantize", ctypes.c_uint32, [ctypes.c_char_p, ctypes.c_char_p, p]),
            (llama, "llama_model_default_params", ModelParams, []),
            (llama, "llama_model_load_from_file", p, [ctypes.c_char_p, ModelParams]),
            (llama, "llama_context_default_params", ContextParams, []),
            (llama, "llama_init_from_model", p, [p, ContextParams]),
            (llama, "llama_batch_get_one", Batch, [p, ctypes.c_int32]),
            (llama, "llama_decode", ctypes.c_int32, [p, Batch]),
            (llama, "llama_get_logits_ith", ctypes.POINTER(ctypes.c_float), [p, ctypes.c_int32]),
            (base, "ggml_get_name", ctypes.c_char_p, [p]), (base, "ggml_nelements", ctypes.c_int64, [p]),
            (base, "ggml_nbytes", ctypes.c_size_t, [p]),
            (base, "ggml_backend_tensor_get", None, [p, p, ctypes.c_size_t, ctypes.c_size_t])]:
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return base, llama


def quantize(llama, source, target):
    params = llama.llama_model_quantize_default_params()
    params.nthread, params.ftype, params.token_embedding_type = 1, TQ1_0_FTYPE, F16
    if llama.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(params)) != 0:
        sys.exit(f"llama.cpp did not quantize {source}")


def save(path, shape, values):
    """float32 .npy"""
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape!r}, }}"
    text += " " * (63 - (10 + len(text)) % 64) + "\n"
    with open(path, "wb") as out:
        out.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + values)


def run(base, llama, path, out):
    os.makedirs(out + "_ops", exist_ok=True)
    prompt_pass = [True]

    def node(tensor, ask, _):
        name = base.ggml_get_name(tensor).decode()
        if ask:
            return prompt_pass[0] and "view" not in name and "copy" not in name
        count, size = base.ggml_nelements(tensor), base.ggml_nbytes(tensor)
        if size == 4 * count:
            data = ctypes.create_string_buffer(size)
            base.ggml_backend_tensor_get(tensor, data, 0, size)
            file = name.replace(" (reshaped)", "").replace("/", "_").replace(" ", "_")
            save(os.path.join(out + "_ops", file + ".npy"), (count,), data.raw)
        return True

    callback = EVAL(node)
    model = llama.llama_model_load_from_file(path.encode(), llama.llama_model_default_params())
    params = llama.llama_context_default_params()
    assert (params.flash_attn_type, params.type_k, params.type_v) == (-1, F16, F16), "llama_context_params has other fields"
    params.n_ctx, params.n_threads, params.n_threads_batch = 256, 1, 1
    params.type_k, params.type_v, params.flash_attn_type = F32, F32, 0
    params.cb_eval = callback
    context = llama.llama_init_from_model(model, params)
    tokens, generated, logits = PROMPT, [], []
    for _ in range(STEPS):
        array = (ctypes.c_int32 * len(tokens))(*tokens)
        if llama.llama_decode(context, llama.llama_batch_get_one(ctypes.addressof(array), len(tokens))) != 0:
            sys.exit("llama.cpp did not decode")
        prompt_pass[0] = False
        logits.append(llama.llama_get_logits_ith(context, -1)[:32])
        generated.append(max(range(32), key=lambda i: logits[-1][i]))
        tokens = generated[-1:]
    flat = [x for row in logits for x in row]
    save(out + "_logits.npy", (STEPS, 32), struct.pack(f"<{len(flat)}f", *flat))
    with open(out + "_tokens.txt", "w") as file:
        file.write(" ".join(map(str, generated)) + "\n")


def main(bins, out, ffn="256"):
    base, llama = load(bins)
    make = os.path.join(os.path.dirname(os.path.abspath(__file__)), "make_checkpoint.py")
    for activation in ("silu", "relu2"):
        name = os.path.join(out, "llama_cpp_" + activation)
        key = [] if activation == "silu" else ["--activation", activation]
        subprocess.run([sys.executable, make, "gguf", name + ".f32", "--ffn", ffn, *key], check=True)
        quantize(llama, name + ".f32", name + ".gguf")
        run(base, llama, name + ".gguf", name)


if __name__ == "__main__":
    main(*sys.argv[1:])
