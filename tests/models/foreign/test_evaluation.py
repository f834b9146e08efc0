"""How far models of others are right: counts against a plain loop, adversarial words, ways of reading, damage."""

import inspect
import json
import shutil

import numpy as np
import pytest
import torch

import subnormal as sn
from subnormal.algebra.automata.named import flip_flop
from subnormal.api.models import task_of_name
from subnormal.common.errors import InputError
from subnormal.constructions.targets.compiler import compile_target
from subnormal.models.foreign import evaluation
from subnormal.models.foreign.model import foreign_model
from subnormal.models.foreign.ways import WAYS, ways_named
from subnormal.models.foreign.words import adversarial_words, words_by_sort
from subnormal.models.training.evaluation import lengths_to

S3 = task_of_name("S3")


def tracks(name, until=10**9, off=1):
    """A model that is right on words of up to `until` letters, and then answers with another class."""
    task = task_of_name(name)

    def run(ids):
        labels = torch.from_numpy(task.labels(ids.numpy(), task.tracked.start))
        late = torch.arange(ids.shape[1]) >= until
        return torch.nn.functional.one_hot((labels + off * late) % task.classes, task.classes).float()

    return run


@pytest.mark.parametrize(("until", "longest"), [(0, 0), (19, 0), (20, 20), (137, 120), (1000, 1000)])
@pytest.mark.parametrize("batch", [1, 7, None])
def test_longest_is_where_it_is_right(until, longest, batch):
    found = sn.evaluate(tracks("S3", until), "S3", words=20, batch=batch)
    assert found.longest == longest
    assert found.lengths == lengths_to(1000)
    assert found.by_length == {n: float(n <= until) for n in found.lengths}
    assert found.last == found.whole


def test_a_share_of_words_and_whole_words_against_a_plain_loop():
    """A model that is wrong for one letter only, everywhere: the last symbol is mostly right, whole words are not."""
    generator = np.random.default_rng(5)
    task = S3

    def run(ids):
        labels = task.labels(ids.numpy())
        wrong = np.random.default_rng(int(ids.sum())).random(labels.shape) < 0.05
        return torch.nn.functional.one_hot(torch.from_numpy((labels + wrong) % 6), 6).float()

    model = foreign_model(run, None, task.tracked, batch=10)
    counts = evaluation.Evaluation(model, task, 60, 40, 3)
    counts.run()
    found = counts.accuracy()
    assert found.lengths == (20, 40, 60)
    words = np.concatenate([task.evaluation_words(1 + 2, 16, 60, 3, block) for block in range(3)])[:40]
    last, whole = np.zeros(3), np.zeros(3)
    for begin in range(0, 40, 10):
        batch = words[begin : begin + 10]
        best = run(torch.from_numpy(batch)).argmax(-1).numpy()
        for word, answers in zip(batch, best, strict=True):
            product, unbroken = 0, True
            for t, (x, answer) in enumerate(zip(word, answers, strict=True), 1):
                product = task.group.times(product, int(x))
                unbroken &= answer == product
                if t % 20 == 0:
                    last[t // 20 - 1] += answer == product
                    whole[t // 20 - 1] += unbroken
    assert found.last == tuple(last / 40)
    assert found.whole == tuple(whole / 40)
    assert 0 < whole[0] < last[0] <= 40
    assert generator is not None


@pytest.mark.parametrize("name", ["parity", "flip-flop(2)", "tomita(5)"])
def test_automata_start_where_they_start(name):
    found = sn.evaluate(tracks(name), name, length=40, words=20)
    assert found.longest == 40
    assert all(one.until == 40 for one in found.sorts)


def test_it_goes_on_where_it_was_stopped(tmp_path):
    calls = []

    def run(ids):
        calls.append(len(ids))
        if len(calls) == 3:
            raise RuntimeError("stopped")
        return tracks("S3", 30)(ids)

    path = tmp_path / "counts.json"
    with pytest.raises(InputError, match="stopped"):
        sn.evaluate(run, "S3", length=60, words=40, batch=10, out=tmp_path)
    assert json.loads(path.read_text())["done"] == 20
    found = sn.evaluate(run, "S3", length=60, words=40, batch=10, out=tmp_path)
    assert calls[:5] == [10] * 5
    assert (found.words, found.longest) == (40, 20)
    assert found.last == sn.evaluate(tracks("S3", 30), "S3", length=60, words=40).last
    for length, words, seed in ((60, 40, 1), (40, 40, 0), (60, 50, 0)):
        with pytest.raises(InputError, match="is about another (seed|lengths|words)"):
            sn.evaluate(run, "S3", length, words, seed, out=tmp_path)
    state = json.loads(path.read_text())
    for spoilt in ({"done": 50}, {"last": [1]}, {"whole": [99, 99, 99]}, {"done": None}):
        path.write_text(json.dumps(state | spoilt))
        with pytest.raises(InputError, match="is damaged"):
            sn.evaluate(run, "S3", length=60, words=40, out=tmp_path)


def test_memory_is_bounded_by_the_batch():
    """However many words there are, no call has more than a batch, and nothing keeps their answers."""
    sizes = []

    def run(ids):
        sizes.append(tuple(ids.shape))
        return tracks("C2")(ids)

    sn.evaluate(run, "C2", length=100, words=500, batch=50)
    assert max(sizes) == (50, 100)
    with pytest.raises(InputError, match=r"length 1,000,000,000: .*wanted at most"):
        sn.evaluate(run, "C2", length=10**9, words=1)


def test_words_of_a_file(tmp_path):
    """Judged by their labels; and each word for itself where the answer stands behind it."""
    file = sn.words("S3", length=12, count=30, out=tmp_path).path
    assert sn.evaluate(tracks("S3", 9), "S3", data=file).longest == 9

    def last(ids):
        return tracks("S3", 9)(ids)[:, -1]

    assert sn.evaluate(last, data=file, reading={"answer": "last"}).longest == 9


def test_answers_behind_the_word_alone():
    def run(ids):  # id 6 asks
        assert (ids[:, -1] == 6).all()
        return tracks("S3", 30)(ids[:, :-1])[:, -1]

    found = sn.evaluate(run, "S3", length=60, words=10, reading={"after": [6], "answer": "next"})
    assert found.longest == 20
    assert found.lengths == (1, 2, 5, 10, 20, 40, 60)
    assert found.by_length[20] == 1
    assert found.by_length[40] == 0


def test_letters_that_are_some_elements():
    task = task_of_name("S4")
    generators = task.group.generators

    def run(ids):
        elements = np.array(generators)[ids.numpy()]
        return torch.nn.functional.one_hot(torch.from_numpy(task.labels(elements)), 24).float()

    assert sn.evaluate(run, "S4", length=40, words=10, alphabet="generators").longest == 40
    with pytest.raises(InputError, match="goes with a group"):
        sn.evaluate(run, "parity", alphabet="generators")
    with pytest.raises(InputError, match="alphabet: goes with a model of others"):
        sn.evaluate(sn.compile("S3").network(), "S3", alphabet="generators")


class TestWords:
    @pytest.mark.parametrize(
        "name", ["C2", "S3", "A5", "Q8", "C60", "parity", "flip-flop(2)", "dyck(1,3)", "tomita(5)"]
    )
    @pytest.mark.parametrize("length", [1, 2, 7, 100])
    def test_shapes_and_letters(self, name, length):
        tracked = task_of_name(name).tracked
        words = adversarial_words(tracked, length)
        assert words.shape == (len(words), length)
        assert words.dtype == np.int64
        assert ((words >= 0) & (words < tracked.count)).all()
        assert len(np.unique(words, axis=0)) == len(words) > 0
        assert np.array_equal(words, adversarial_words(tracked, length))

    def test_each_sort_is_what_it_says(self):
        tracked, group = S3.tracked, S3.group
        found = words_by_sort(tracked, 24)
        assert {int(word[0]) for word in found["constant"]} == set(range(6))
        assert all(len(set(word)) == 1 for word in found["constant"].tolist())
        a, b = found["alternating"][0][:2]
        assert group.times(int(a), int(b)) != group.times(int(b), int(a))
        products = S3.labels(found["commutators"])
        assert products[0, 3] != 0  # the first pair does not commute
        word = found["commutators"][0]
        x, y = int(word[2]), int(word[3])
        assert products[0, 3] == group.multiply(
            group.multiply(group.inverse(x), group.inverse(y)), group.multiply(x, y)
        )

    def test_commutators_of_commutators_reach_deep(self):
        """In A5 they never end; some word of sixteen letters has a value that no commutator chain of S3 has."""
        task = task_of_name("A5")
        found = words_by_sort(task.tracked, 100)["commutators"]
        assert (task.labels(found)[:, 3] != 0).any()


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    pytest.importorskip("transformers")
    place = tmp_path_factory.mktemp("checkpoints")
    compile_target(sn.group("S3").listed(), "olmo-hybrid").save(place / "s3")
    compile_target(flip_flop(2), "qwen3-next").save(place / "qwen")
    compile_target(flip_flop(2), "mamba2").save(place / "mamba")
    return place


@pytest.mark.parametrize("name", ["s3", "qwen", "mamba"])
def test_an_exact_checkpoint_is_right_in_every_way(checkpoints, name):
    found = sn.evaluate(checkpoints / name, length=30, words=8, ways="all")
    assert found.longest == 30
    assert all(one.until == 30 for one in found.sorts)
    assert [way.name for way in found.ways] == list(WAYS)
    assert all((way.right, way.other, way.said) == (1.0, 0, "") for way in found.ways)
    assert found.notes == ()


def broken(model, forward):
    """The model with another forward in its place."""
    inner = model.forward

    def spoilt(*given, **options):
        return forward(inner, *given, **options)

    model.forward = spoilt
    spoilt.__signature__ = inspect.signature(inner)  # type: ignore[attr-defined]
    return model


def ways_of(model, folder):
    from subnormal.models.foreign.checkpoint import OwnCheckpoint

    own = OwnCheckpoint(folder)
    found = evaluation.by_way(
        foreign_model(model, own.reading(own.tracked), own.tracked),
        type(S3)(own.tracked),
        tuple(WAYS),
        30,
    )
    return {way.name: way for way in found}


@pytest.mark.parametrize("name", ["s3", "qwen", "mamba"])
def test_a_state_that_is_lost_between_pieces_is_seen(checkpoints, name):
    """The fault of some of the library's classes: a piece of several tokens begins anew, single tokens go on."""
    from subnormal.models.references.hugging_face import load_model

    cache = "cache_params" if name == "mamba" else "past_key_values"

    def forward(inner, input_ids=None, **options):
        if input_ids.shape[1] > 1:
            options[cache] = None
        return inner(input_ids=input_ids, **options)

    found = ways_of(broken(load_model(checkpoints / name), forward), checkpoints / name)
    assert found["pieces"].other > 0
    assert "in its 2nd piece" in found["pieces"].said
    assert all(found[way].other == 0 for way in ("whole", "cached", "left", "bfloat16"))


def test_padding_that_is_read_is_seen(checkpoints):
    """The mask is forgotten, and padding is taken for a letter that writes."""
    from subnormal.models.references.hugging_face import load_model

    def forward(inner, input_ids=None, attention_mask=None, **options):
        return inner(input_ids=torch.where(input_ids == 1, 3, input_ids), **options)

    found = ways_of(broken(load_model(checkpoints / "qwen"), forward), checkpoints / "qwen")
    assert found["left"].said == "another answer in a padded batch in the prompt"
    assert all(found[way].other == 0 for way in ("cached", "pieces", "bfloat16"))


def test_a_cache_that_loses_its_state_in_a_padded_batch_is_seen(checkpoints):
    """Right in the prompt and at the first new token, wrong from the second on."""
    from subnormal.models.references.hugging_face import load_model

    steps = []

    def forward(inner, input_ids=None, attention_mask=None, past_key_values=None, **options):
        if attention_mask is not None and input_ids.shape[1] == 1:
            steps.append(1)
            if len(steps) >= 2:
                past_key_values = None
        return inner(input_ids=input_ids, past_key_values=past_key_values, **options)

    found = ways_of(broken(load_model(checkpoints / "qwen"), forward), checkpoints / "qwen")
    assert found["left"].said == "another answer in a padded batch from the 2nd new token on"
    assert found["cached"].other == found["pieces"].other == 0


def test_a_flag_that_was_turned_is_named(checkpoints, tmp_path):
    folder = shutil.copytree(checkpoints / "s3", tmp_path / "s3")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"linear_allow_neg_eigval": False}))
    found = sn.evaluate(folder, length=30, words=8)
    assert found.longest == 0
    assert found.notes == ("not as compiled: config.json: linear_allow_neg_eigval is false, was true",)
    assert found.sorts[0].wrong.word
    assert found.as_json()["sorts"][0]["wrong"]["product"]


@pytest.mark.parametrize(("name", "value"), [("s3", 1.001), ("mamba", 1.001)])
def test_a_weight_that_is_another_is_named(checkpoints, tmp_path, name, value):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(checkpoints / name, tmp_path / name)
    weights = load_file(folder / "model.safetensors")
    tensor = next(key for key in sorted(weights) if weights[key].dim() == 2 and weights[key].any())
    place = weights[tensor].nonzero()[0].tolist()
    weights[tensor][tuple(place)] *= value
    save_file(weights, folder / "model.safetensors")
    (note,) = sn.evaluate(folder, length=10, words=2).notes
    assert note.startswith(f"not as compiled: {tensor} ")


def test_what_cannot_be_read_in_a_way_says_why(checkpoints):
    found = sn.evaluate(tracks("S3"), "S3", length=30, words=4, ways="all")
    assert [way.right for way in found.ways] == [1.0, None, None, None, None]
    assert {way.said for way in found.ways[1:]} == {"not run: a function takes token ids alone"}
    module = torch.nn.Sequential(torch.nn.Embedding(6, 6))
    found = sn.evaluate(module, "S3", length=30, words=4, ways="cached,bfloat16")
    assert [way.name for way in found.ways] == ["whole", "cached", "bfloat16"]
    assert found.ways[1].said == "not run: it takes no cache"
    assert found.ways[2].right is not None
    with pytest.raises(InputError, match="cannot be read token by token"):
        foreign_model(module, None, S3.tracked).answers(np.zeros((1, 2), dtype=int), way="cached")
    with pytest.raises(InputError, match="ways: 'fast'; wanted all"):
        ways_named("fast")


def test_whom_nobody_tells_what_to_track():
    with pytest.raises(InputError, match="does not say what it should track; wanted it too, e.g. `evaluate .* S3`"):
        sn.evaluate(tracks("S3"))
    with pytest.raises(InputError, match="does not say what it should track"):
        sn.evaluate(tracks("S3"), reading={"letters": [0, 1]})
    for name, length, words, batch in (("length", 0, 1, 1), ("words", 1, 0, 1), ("batch", 1, 1, 0)):
        with pytest.raises(InputError, match=f"{name} 0; wanted at least 1"):
            sn.evaluate(tracks("S3"), "S3", length, words, batch=batch)
