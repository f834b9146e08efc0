"""Tasks in words: the answers are worked out again from the texts alone, and a language model is asked for them."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import shutil
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import subnormal as sn
from subnormal.__main__ import main
from subnormal.common.errors import InputError
from subnormal.models.prose import judging
from subnormal.models.prose.judging import draw_text, judge_text
from subnormal.models.prose.samples import is_prose, read_samples, samples_of
from subnormal.models.prose.styles import COLOURS, ORDINALS, PARAPHRASES, STYLES

MANY: dict[str, Any] = {"count": 60, "length": 12, "distractors": 3, "paraphrases": PARAPHRASES, "seed": 1}


def written(name, style, tmp_path, **options):
    return read_samples(sn.words(name, style=style, out=tmp_path, **(MANY | options)).path)


@pytest.mark.parametrize(
    "name", ["S3", "S5", "A4", "C6", "C2xC2", "Q8", "tomita(3)", "dyck(1,3)", "modular-arithmetic(5)"]
)
def test_code_prints_the_answer(name, tmp_path):
    """Python runs the prompt."""
    for sample in written(name, "code", tmp_path):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(sample.prompt, "prompt", "exec"), {})
        assert out.getvalue().strip() == sample.answer


def moved(prompt, names, things):
    """Where each thing is after a text about cups or boxes, by the words in it: pairs of places that are exchanged,
    and `the x … to/into the y`."""
    places = dict(things)
    word = "|".join(names)
    for sentence in prompt.split(". ")[1:]:
        if sentence.endswith(("that is", "one that is")) or "?" in sentence:
            continue
        goes = {}
        for part in sentence.split("; and at the same time "):
            steps = re.findall(rf"\b({word})(?: cup| box)? (?:to the|into the) ({word})\b", part)
            if not steps and re.search("cup|box", part):
                pair = re.findall(rf"\b({word})\b", part)
                steps = [(pair[0], pair[1]), (pair[1], pair[0])] if len(pair) == 2 else []
            goes |= dict(steps)
        places = {thing: goes.get(place, place) for thing, place in places.items()}
    return places


@pytest.mark.parametrize("name", ["S3", "S5", "A5", "C6", "C2xC2", "D4"])
def test_cups_by_the_words_alone(name, tmp_path):
    for sample in written(name, "cups", tmp_path):
        start = re.search(r"A ball is under the (\w+) cup", sample.prompt)[1]
        assert moved(sample.prompt, ORDINALS, {"ball": start})["ball"] == sample.answer


@pytest.mark.parametrize("name", ["S3", "S5", "A5", "C6", "C2xC2"])
def test_boxes_by_the_words_alone(name, tmp_path):
    for sample in written(name, "boxes", tmp_path):
        held = dict(re.findall(r"the (\w+) is in the (\w+) box", sample.prompt.partition(". ")[0].lower()))
        asked = next(thing for thing in held if re.search(rf"\b{thing}\b", sample.prompt.rpartition(". ")[2].lower()))
        assert moved(sample.prompt, COLOURS, held)[asked] == sample.answer


@pytest.mark.parametrize("name", ["tomita(3)", "flip-flop(3)", "parity", "even-pairs"])
def test_boxes_of_an_automaton_by_the_words_alone(name, tmp_path):
    for sample in written(name, "boxes", tmp_path):
        _, start, *steps, end = re.split(r"(?<=\.) ", sample.prompt)
        place = re.search(r"in the (\w+) box", start)[1]
        for sentence in steps:
            goes = re.findall(r"is in the (\w+) box, \D*?(?:to|into) the (\w+) one", sentence)
            place = dict(goes).get(place, place)
        assert "key" in end
        assert place == sample.answer


def test_a_memory_by_the_words_alone(tmp_path):
    for sample in written("flip-flop(3)", "flip-flop", tmp_path):
        held = re.search(r"A memory holds (\d)", sample.prompt)[1]
        for found in re.finditer(r"(?<!not )(?:Write|Store|Set the memory to|now holds) (\d)", sample.prompt):
            held = found[1]
        assert held == sample.answer


@pytest.mark.parametrize("style", STYLES)
def test_samples_are_told_apart_by_their_seed_and_have_all_steps(style, tmp_path):
    name = "flip-flop(2)" if style == "flip-flop" else "S3"
    one, same, other = (written(name, style, tmp_path / str(i), seed=seed) for i, seed in enumerate((1, 1, 2)))
    assert one == same
    assert [sample.prompt for sample in one] != [sample.prompt for sample in other]
    assert sorted({sample.steps for sample in one}) == list(range(1, 13))
    assert all(sample.steps == len(sample.letters) for sample in one)
    assert len({sample.answer for sample in one}) == len(one[0].choices)
    plain = written(name, style, tmp_path / "plain", distractors=0, paraphrases=1)
    between = STYLES[style].between
    for sample, short in zip(one, plain, strict=True):
        assert sample.letters == short.letters
        assert sample.prompt.count(between) > short.prompt.count(between)


@pytest.mark.parametrize(
    ("name", "style", "depth"),
    [("S5", "cups", None), ("S4", "cups", 3), ("S3", "code", 2), ("C2xC2", "code", 1), ("A5", "boxes", None),
     ("flip-flop(2)", "flip-flop", 1), ("tomita(5)", "code", 1), ("A4", "code", 2)],
)  # fmt: skip
def test_the_depth_that_theory_asks_for(name, style, depth, tmp_path):
    assert {sample.depth for sample in written(name, style, tmp_path)} == {depth}


@pytest.mark.parametrize(
    ("name", "style", "message"),
    [
        ("tomita(3)", "cups", "is an automaton"),
        ("S3", "flip-flop", "neither keep the state nor set it"),
        ("tomita(3)", "flip-flop", "neither keep"),
        ("C60", "cups", "acts on 12 points|acts on 60 points"),
        ("modular-arithmetic(5)", "boxes", "60 states, and there are 2 to 12 boxes"),
        ("S3", "haiku", "unknown style 'haiku'"),
    ],
)
def test_what_a_style_cannot_say(name, style, message, tmp_path):
    if name == "C60":
        name, message = "C13", "acts on 13 points"
    with pytest.raises(InputError, match=message):
        written(name, style, tmp_path)


def test_options_that_do_not_fit(tmp_path):
    for options, message in (
        ({"distractors": 1}, "go with a style"),
        ({"style": "cups", "format": "text"}, "leave format"),
        ({"style": "cups", "paraphrases": 5}, "wanted 1 to 4"),
    ):
        with pytest.raises(InputError, match=message):
            sn.words("S3", out=tmp_path, **options)


# ---------------------------------------------------------------------------------------------- a language model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A random causal language model with a tokenizer of words, made here."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers

    place = tmp_path_factory.mktemp("model")
    texts = []
    for name, style in (("S3", "cups"), ("C2xC2", "code"), ("flip-flop(2)", "flip-flop")):
        for sample in written(name, style, place):
            texts += [sample.prompt, *sample.choices]
    split = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    words = sorted({word for text in texts for word, _ in split.pre_tokenize_str(text)})
    vocabulary = {word: number for number, word in enumerate(["<unk>", "<pad>", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = split
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>")
    fast.save_pretrained(place / "lm")
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(
        "mamba2", vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=1, state_size=8, num_heads=4,
        head_dim=16, n_groups=1, chunk_size=16, pad_token_id=1, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(place / "lm")
    return place


def test_a_random_model_is_judged(folder, tmp_path):
    path = sn.words("S3", style="cups", out=tmp_path, **(MANY | {"length": 3})).path
    assert is_prose(path)
    found = sn.evaluate(folder / "lm", data=path, out=tmp_path / "out")
    assert [row["steps"] for row in found.rows] == [1, 2, 3]
    assert [row["chance"] for row in found.rows] == pytest.approx([1 / 3] * 3)
    assert found.architecture == "mamba2"
    assert found.picture.stat().st_size > 1000
    assert (tmp_path / "out" / "summary.csv").read_text().count("\n") == 4
    assert found.to_frame()["choice"].between(0, 1).all()
    quick = sn.evaluate(folder / "lm", data=path, generate=False)
    assert quick.generated is None
    assert quick.choice == found.choice
    assert sn.evaluate(folder / "lm", data=path).as_json() == found.as_json()


def test_several_models_in_one_table_and_picture(folder, tmp_path, capsys, monkeypatch):
    path = sn.words("S3", style="cups", out=tmp_path, **(MANY | {"length": 3})).path
    for name in ("one", "two"):
        shutil.copytree(folder / "lm", tmp_path / name)
    weights = load_file(tmp_path / "two" / "model.safetensors")
    changed = {name: tensor + 0.3 * torch.randn(tensor.shape) for name, tensor in weights.items()}
    save_file(changed, tmp_path / "two" / "model.safetensors", metadata={"format": "pt"})
    folders = [tmp_path / "one", tmp_path / "two"]
    found = sn.evaluate(folders, data=path, generate=False, out=tmp_path / "out")
    alone = [sn.evaluate(one, data=path, generate=False) for one in folders]
    assert [one.as_json() for one in found.models] == [one.as_json() for one in alone]
    assert found.as_json() == {"models": [one.as_json() for one in alone]}
    rows = list(csv.DictReader((tmp_path / "out" / "summary.csv").read_text().splitlines()))
    assert [(row["model"], row["steps"]) for row in rows] == [(str(f), str(n)) for f in folders for n in (1, 2, 3)]
    assert found.picture.stat().st_size > 1000
    assert len(found.to_frame()) == 6
    assert "one  two" in " ".join(repr(found).split("\n")[0].split()).replace(" two", "  two")
    monkeypatch.setattr("sys.argv", ["subnormal", "evaluate", f"{folders[0]};{folders[1]}", "--data", str(path),
                                     "--no-generate", "--json"])  # fmt: skip
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (0, None)
    assert json.loads(capsys.readouterr().out) == found.as_json()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda lm: [lm, lm], "each of them once"),
        (lambda lm: [], "each of them once"),
        (lambda lm: [lm, "nosuch"], "nosuch: prompts are for a causal language model"),
        (lambda lm: f"{lm};", "each of them once"),
    ],
)
def test_several_models_that_cannot_be_compared(folder, tmp_path, given, said):
    path = sn.words("S3", style="cups", out=tmp_path, count=3).path
    with pytest.raises(InputError, match=said):
        sn.evaluate(given(folder / "lm"), data=path)
    with pytest.raises(InputError, match="they go with prompts"):
        sn.evaluate([folder / "lm"], "S3")


def loaded(folder):
    from subnormal.models.references.hugging_face import load

    return load(folder / "lm")


def test_the_likeliest_choice_is_that_of_a_plain_loop(folder, tmp_path, monkeypatch):
    """One text after the other, by the library alone; answers of two tokens, and batches of several lengths."""
    tokenizer, model = loaded(folder)
    samples = written("S3", "cups", tmp_path, count=12)
    some = [sample.__class__(**{**vars(sample), "choices": ("first", "second cup", "third"),
                                "answer": "third"}) for sample in samples]  # fmt: skip
    for chosen_from in (samples, some):
        expected = []
        for sample in chosen_from:
            merits = {}
            for choice in sample.choices:
                prompt = tokenizer(sample.prompt, return_tensors="pt")["input_ids"]
                ids = tokenizer(f"{sample.prompt} {choice}", return_tensors="pt")["input_ids"]
                with torch.no_grad():
                    scores = model(input_ids=ids).logits[0].log_softmax(-1)
                merits[choice] = sum(scores[t - 1, ids[0, t]].item() for t in range(prompt.shape[1], ids.shape[1]))
            expected.append(max(merits, key=merits.__getitem__))
        for room in (1 << 14, 150):
            monkeypatch.setattr(judging, "BATCH_TOKENS", room)
            assert judging._chosen(model, tokenizer, chosen_from, None) == expected
        assert len(set(expected)) > 0


class Oracle(torch.nn.Module):
    """A language model that answers rightly, or wrongly, by the samples."""

    class config:  # noqa: N801
        model_type = "oracle"

    device = torch.device("cpu")

    def __init__(self, tokenizer, samples, wrong=()):
        super().__init__()
        self.size = len(tokenizer)
        self.answers = {}
        for place, sample in enumerate(samples):
            other = next(choice for choice in sample.choices if choice != sample.answer)
            said = other if place in wrong else sample.answer
            self.answers[tuple(tokenizer(sample.prompt)["input_ids"])] = tokenizer(said)["input_ids"][0]

    def forward(self, input_ids, use_cache=False):
        logits = torch.zeros(*input_ids.shape, self.size)
        for row, ids in enumerate(input_ids.tolist()):
            for end in range(1, len(ids) + 1):
                if tuple(ids[:end]) in self.answers:
                    logits[row, end - 1, self.answers[tuple(ids[:end])]] = 9.0
        return type("Out", (), {"logits": logits})

    def generate(self, input_ids, max_new_tokens, **_):
        said = torch.tensor([[self.answers[tuple(ids)]] for ids in input_ids.tolist()])
        return torch.cat([input_ids, said, said], 1)


def test_right_and_wrong_answers_are_counted(folder, tmp_path):
    tokenizer, _ = loaded(folder)
    samples = written("flip-flop(2)", "flip-flop", tmp_path, count=24, length=12)
    right = judge_text(Oracle(tokenizer, samples), tokenizer, samples)
    assert (right.choice, right.generated) == (1.0, 1.0)
    wrong = judge_text(Oracle(tokenizer, samples, wrong=(0, 12, 5)), tokenizer, samples)
    by_steps = {row["steps"]: (row["choice"], row["generated"]) for row in wrong.rows}
    assert by_steps[1] == (0.0, 0.0)
    assert by_steps[6] == (0.5, 0.5)
    assert all(by_steps[steps] == (1.0, 1.0) for steps in (2, 3, 4, 5, 7, 8, 9, 10, 11, 12))
    assert wrong.choice == pytest.approx(21 / 24)
    draw_text([right, wrong], tmp_path / "both.png")
    assert (tmp_path / "both.png").stat().st_size > 1000


def test_a_tokenizer_that_does_not_know_the_answers(folder, tmp_path):
    path = sn.words("S5", style="boxes", out=tmp_path, count=3).path
    with pytest.raises(InputError, match="alike"):
        sn.evaluate(folder / "lm", data=path)


def test_prompts_are_for_language_models(tmp_path):
    path = sn.words("S3", style="cups", out=tmp_path, count=3).path
    with pytest.raises(InputError, match="for a causal language model"):
        sn.evaluate(sn.compile("S3").network(), data=path)
    with pytest.raises(InputError, match="leave the first out"):
        sn.evaluate(tmp_path, "S3", data=path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"prompt": "x", "answer": "a", "choices": ["b", "c"], "steps": 1}', "is none of"),
        ('{"prompt": "x", "answer": "a", "choices": ["a"], "steps": 1}', "two choices"),
        ('{"prompt": "x", "answer": "a", "choices": "ab", "steps": 1}', "choices"),
        ('{"prompt": "x", "answer": "a"}', "choices"),
        ("[1]", "wanted an object"),
    ],
)
def test_damaged_samples(line, message, tmp_path):
    good = json.dumps({"prompt": "x", "answer": "a", "choices": ["a", "b"], "steps": 1})
    (tmp_path / "x.jsonl").write_text(good + "\n" + line + "\n")
    with pytest.raises(InputError, match="line 2") as caught:
        read_samples(tmp_path / "x.jsonl")
    assert message in str(caught.value)


def test_labels_are_the_task_s(tmp_path):
    """Of `code` for a group the answer is the inverse image: by the product of the letters, multiplied here."""
    from subnormal.models.training.tasks import make_task

    task = make_task(sn.group("S4").listed(), "generators")
    for sample in samples_of(task, "code", 20, 6, seed=3):
        image = np.arange(4)
        for letter in sample.letters:
            image = task.group.elements[task.alphabet[letter]][image]
        asked = "abcd".index(re.search(r"print\((\w)\)", sample.prompt)[1])
        assert image[int(sample.answer) - 1] == asked
