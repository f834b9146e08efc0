"""Small models of transformers' own classes, trained here on the CPU in seconds to minutes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from subnormal.algebra.tracked import Tracked


def olmo_hybrid(letters: int, classes: int, negative: bool, **more: Any) -> torch.nn.Module:
    """One recurrent layer of transformers' `OlmoHybridForCausalLM`, with the flag or without it. The class wants an
    attention layer too; it writes nothing here, and stays so."""
    from transformers import OlmoHybridConfig, OlmoHybridForCausalLM

    settings = {
        "vocab_size": max(letters, classes), "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2,
        "layer_types": ["linear_attention", "full_attention"], "num_attention_heads": 2, "num_key_value_heads": 2,
        "linear_num_key_heads": 2, "linear_num_value_heads": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
        "linear_conv_kernel_dim": 2, "linear_allow_neg_eigval": negative, "pad_token_id": None, "bos_token_id": None,
        "eos_token_id": None,
    }  # fmt: skip
    model = OlmoHybridForCausalLM(OlmoHybridConfig(**{**settings, **more}))
    silent = model.model.layers[1].self_attn.o_proj.weight
    torch.nn.init.zeros_(silent)
    silent.requires_grad_(False)
    return model


def mamba2(letters: int, classes: int, **more: Any) -> torch.nn.Module:
    """One layer of transformers' `Mamba2ForCausalLM`."""
    from transformers import Mamba2Config, Mamba2ForCausalLM

    settings = {
        "vocab_size": max(letters, classes), "hidden_size": 32, "num_hidden_layers": 1, "num_heads": 4, "head_dim": 16,
        "state_size": 16, "n_groups": 1, "chunk_size": 16, "conv_kernel": 2, "expand": 2, "pad_token_id": None,
        "bos_token_id": None, "eos_token_id": None, "tie_word_embeddings": False,
    }  # fmt: skip
    return Mamba2ForCausalLM(Mamba2Config(**{**settings, **more}))


def trained(
    make: Any, task: Tracked, *, steps: int, length: int = 32, batch: int = 64, rate: float = 3e-3, seed: int = 0,
    stop: float = 2e-4,
) -> torch.nn.Module:  # fmt: skip
    """A fresh model, trained on random words whose lengths grow, with a label at every position."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    model = make()
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.1)
    moves, low = torch.from_numpy(task.moves), 0.0
    for step in range(steps):
        longest = max(2, min(length, 2 + int(length * step / (0.6 * steps))))
        words = torch.from_numpy(random.integers(task.count, size=(batch, int(random.integers(2, longest + 1)))))
        state, labels = torch.full((batch,), int(task.start)), torch.empty_like(words)
        for t in range(words.shape[1]):
            state = moves[state, words[:, t]]
            labels[:, t] = state
        given = model(words)
        logits = getattr(given, "logits", given)[..., : task.classes]
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), labels.flatten())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        low = 0.95 * low + 0.05 * loss.item() if step else loss.item()
        if low < stop and longest == length:
            break
    return model.eval()
