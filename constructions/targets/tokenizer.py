"""A tokenizer for group words: elements in cycle notation in, the tokens of their spelling out.

It is written as `tokenizer.json` of Hugging Face's `tokenizers`, with nothing but its own parts: replacements turn
every element into the tokens that spell it, the longest names first; then the text is split at spaces. What is left
over is no element and becomes the unknown token. The tokens of spellings are special tokens, so that decoding leaves
the names alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

UNKNOWN_TOKEN, PAD_TOKEN = "[UNK]", "[PAD]"


def tokenizer_files(
    inner: Sequence[str], names: Sequence[str], spellings: Mapping[str, Sequence[str]], start: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """`tokenizer.json`, `tokenizer_config.json` and `special_tokens_map.json` as JSON objects.

    Arguments:
        inner: the tokens that the network reads, besides names; numbers follow those of the unknown and the pad token.
        names: the tokens that it answers with; numbers follow.
        spellings: for each word that may stand in a text the inner tokens it becomes.
        start: inner tokens that are put before every text.
    """
    vocabulary = {token: i for i, token in enumerate((UNKNOWN_TOKEN, PAD_TOKEN, *inner, *names))}
    replacements = [
        {"type": "Replace", "pattern": {"String": word}, "content": f" {' '.join(tokens)} "}
        for word, tokens in sorted(spellings.items(), key=lambda item: (-len(item[0]), item[0]))
    ]
    special = [UNKNOWN_TOKEN, PAD_TOKEN, *inner]
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": vocabulary[token],
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for token in special
        ],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                # Spaces in a cycle, as textbooks write it: only between digits or commas, up to the next parenthesis.
                {"type": "Replace", "pattern": {"Regex": r"(?<=\()\s+(?=[\d\s,]*\))|(?<=\d)\s+(?=\))"}, "content": ""},
                {"type": "Replace", "pattern": {"Regex": r"\s*,\s*|(?<=\d)\s+(?=\d[\d\s,]*\))"}, "content": ","},
                *replacements,
            ],
        },
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [*_special(start), {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [
                *_special(start),
                {"Sequence": {"id": "A", "type_id": 0}},
                {"Sequence": {"id": "B", "type_id": 0}},
            ],
            "special_tokens": {
                token: {"id": token, "ids": [vocabulary[token]], "tokens": [token]} for token in sorted(set(start))
            },
        },
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": UNKNOWN_TOKEN},
    }
    specials = {"unk_token": UNKNOWN_TOKEN, "pad_token": PAD_TOKEN}
    config = {
        **specials,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "padding_side": "left",
        "clean_up_tokenization_spaces": False,
        "model_max_length": 10**9,
        "model_input_names": ["input_ids", "attention_mask"],
    }
    return {"tokenizer.json": tokenizer, "tokenizer_config.json": config, "special_tokens_map.json": specials}


def letter_tokenizer(letters: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The same files for an automaton: the words of a text are its letters, one token each.

    Arguments:
        letters: numbers follow those of the unknown and the pad token.
        names: the tokens that it answers with; numbers follow.
    """
    files = tokenizer_files(letters, names, {}, [])
    tokenizer = files["tokenizer.json"]
    tokenizer["normalizer"] = None
    special = [UNKNOWN_TOKEN, PAD_TOKEN]  # letters are plain words: as special tokens "0" would split "10"
    tokenizer["added_tokens"] = [token for token in tokenizer["added_tokens"] if token["content"] in special]
    return files


def _special(tokens: Sequence[str]) -> list[dict[str, Any]]:
    return [{"SpecialToken": {"id": token, "type_id": 0}} for token in tokens]
