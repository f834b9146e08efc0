"""Checkpoints written for other libraries, run by those libraries or by the plain recurrence."""

from __future__ import annotations

import inspect
import itertools
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from subnormal.algebra.arithmetic.permutations import cycles
from subnormal.algebra.automata.automaton import Automaton
from subnormal.algebra.input.parser import read_automaton
from subnormal.command_line.__main__ import application
from subnormal.common.errors import InputError, RefutedError
from subnormal.common.packages import missing_package
from subnormal.constructions.targets.compiler import compile_target
from subnormal.constructions.targets.preimages import preimage_fault, preimage_machine
from subnormal.models.references.fla import FlaReference
from subnormal.models.references.hugging_face import load
from subnormal.models.references.pd_ssm import PDSSMReference
from subnormal.models.references.trial import SpelledWords, try_checkpoint
from tests.cases import group


def _cache_name() -> str:
    transformers = pytest.importorskip("transformers")
    known = inspect.signature(transformers.OlmoHybridForCausalLM.forward).parameters
    return "cache" if "cache" in known else "past_key_values"


CACHE = _cache_name()
"""What a model's cache is called: transformers 5.24 renamed it."""


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Folders by (group, target, resets), each written once, with the machine."""
    pytest.importorskip("transformers")
    made = {}

    def make(name, target="olmo-hybrid", resets=False):
        if (name, target, resets) not in made:
            folder = tmp_path_factory.mktemp("target")
            checkpoint = compile_target(group(name), target, resets=resets)
            checkpoint.save(folder)
            made[name, target, resets] = folder, checkpoint.machine
        return made[name, target, resets]

    return make


def text_of(machine, word):
    return " ".join(cycles(machine.group.elements[x]) for x in word)


def prefixes(machine, word):
    products = [machine.group.product(word[: i + 1]) for i in range(len(word))]
    return [cycles(machine.group.elements[p]) for p in products]


def ends(machine, word):
    return len(machine.start()) - 1 + np.cumsum([len(machine.spell(int(x))) for x in word])


def random_word(machine, length, seed=0):
    generator = np.random.default_rng(seed)
    return generator.choice(machine.alphabet, length)


def answers(tokenizer, logits):
    return tokenizer.convert_ids_to_tokens(logits.argmax(-1).tolist())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("name", ["S3", "Q8", "A5"])
def test_the_whole_word_at_once(checkpoints, name, dtype):
    folder, machine = checkpoints(name)
    tokenizer, model = load(folder, dtype)
    word = random_word(machine, 300)
    tokens = tokenizer(text_of(machine, word), return_tensors="pt")
    assert tokens.input_ids.shape[1] == ends(machine, word)[-1] + 1
    with torch.no_grad():
        logits = model(**tokens).logits[0]
    assert answers(tokenizer, logits[ends(machine, word)]) == prefixes(machine, word)


def test_the_states_are_exact(checkpoints):
    """Not only the answers: every entry of every head's state is what integer arithmetic says, after 1,000 elements."""
    folder, machine = checkpoints("A5")
    tokenizer, model = load(folder)
    word = random_word(machine, 1000)
    tokens = tokenizer(text_of(machine, word), return_tensors="pt")
    with torch.no_grad():
        cache = model(**tokens, use_cache=True)[CACHE]
    state = cache.layers[0].recurrent_states
    state = (state[0] if isinstance(state, (dict, list, tuple)) else state)[0]
    expected = machine.state_of(machine.group.product(word)) * 128
    for head in state:
        np.testing.assert_array_equal(head[: len(expected)].numpy(), expected)
        assert not head[len(expected) :].any()


def test_token_by_token_through_the_cache(checkpoints):
    folder, machine = checkpoints("S3")
    tokenizer, model = load(folder)
    word = random_word(machine, 60)
    tokens = tokenizer(text_of(machine, word), return_tensors="pt").input_ids
    cache, found = None, []
    with torch.no_grad():
        for token in tokens[0]:
            output = model(token[None, None], use_cache=True, **{CACHE: cache})
            cache = output[CACHE]
            found.append(output.logits[0, -1])
    assert answers(tokenizer, torch.stack(found)[ends(machine, word)]) == prefixes(machine, word)


@pytest.mark.parametrize("cut", [1, 63, 64, 65, 100])
def test_in_two_pieces_and_across_a_chunk(checkpoints, cut):
    folder, machine = checkpoints("S3")
    tokenizer, model = load(folder)
    word = random_word(machine, 70, seed=cut)
    tokens = tokenizer(text_of(machine, word), return_tensors="pt").input_ids
    with torch.no_grad():
        first = model(tokens[:, :cut], use_cache=True)
        second = model(tokens[:, cut:], use_cache=True, **{CACHE: first[CACHE]})
    logits = torch.cat([first.logits, second.logits], 1)[0]
    assert answers(tokenizer, logits[ends(machine, word)]) == prefixes(machine, word)


def test_saved_and_loaded(checkpoints, tmp_path):
    folder, machine = checkpoints("S3")
    tokenizer, model = load(folder)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    again, copy = load(tmp_path)
    text = text_of(machine, random_word(machine, 40))
    tokens = tokenizer(text, return_tensors="pt")
    assert torch.equal(tokens.input_ids, again(text, return_tensors="pt").input_ids)
    with torch.no_grad():
        assert torch.equal(model(**tokens).logits, copy(**tokens).logits)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padded_batches(checkpoints, side):
    folder, machine = checkpoints("S3")
    tokenizer, model = load(folder)
    tokenizer.padding_side = side
    words = [random_word(machine, length, seed=length) for length in (3, 40, 17)]
    tokens = tokenizer([text_of(machine, word) for word in words], return_tensors="pt", padding=True)
    with torch.no_grad():
        logits = model(**tokens).logits
    for row, word in enumerate(words):
        padding = int((tokens.attention_mask[row] == 0).sum()) if side == "left" else 0
        assert answers(tokenizer, logits[row, padding + ends(machine, word)]) == prefixes(machine, word)


def test_generate_gives_the_product_as_text(checkpoints):
    folder, _ = checkpoints("S3")
    tokenizer, model = load(folder)
    tokens = tokenizer(["(1,2,3) (1,2) ()", "(1, 3)(1,2)", ""], return_tensors="pt", padding=True)
    answer = model.generate(**tokens, max_new_tokens=1)
    assert tokenizer.decode(answer[0], skip_special_tokens=True) == "(2,3)"
    listed = group("S3")
    names = [cycles(row) for row in listed.elements]
    product = listed.times(names.index("(1,3)"), names.index("(1,2)"))
    assert tokenizer.decode(answer[1, -1:]) == names[product]
    assert tokenizer.decode(answer[2, -1:]) == "()"
    again = model.generate(**tokens, max_new_tokens=3)  # a name that is read changes nothing
    assert (again[:, -1] == answer[:, -1]).all()


def test_a_cycle_may_be_written_with_spaces(checkpoints):
    folder, _ = checkpoints("S3")
    tokenizer, _ = load(folder)
    assert all(
        tokenizer(text).input_ids == tokenizer("(1,2,3) (1,2) () (1,3)").input_ids
        for text in ("(1 2 3) (1 2) () (1 3)", "( 1, 2 ,3 )(1  2)()(1\t3)", "(1 2 3 )( 1 2)()(1 3)")
    )
    assert tokenizer.unk_token_id in tokenizer("(1 2 3").input_ids


def test_what_is_no_element_is_unknown_until_a_reset(checkpoints):
    folder, _ = checkpoints("S3", resets=True)
    tokenizer, model = load(folder)
    cases = {
        "(1,2) (1,4)": "[UNK]",
        "(1,2) (1,4) (1,3)": "[UNK]",
        "(1,2) hello (1,3) =(1,2,3)": "(1,2,3)",
        "(1,2) =() (1,3)": "(1,3)",
        "=(1,2) (1,2)": "()",
    }
    for text, expected in cases.items():
        tokens = tokenizer(text, return_tensors="pt")
        assert tokenizer.decode(model.generate(**tokens, max_new_tokens=1)[0, -1:]) == expected, text


def test_resets_within_and_across_chunks(checkpoints):
    folder, machine = checkpoints("S3", resets=True)
    tokenizer, model = load(folder)
    generator = np.random.default_rng(3)
    names = [cycles(row) for row in machine.group.elements]
    pieces, product = [], 0
    for x in generator.integers(0, 6, 200).tolist():
        reset = generator.random() < 0.2
        pieces.append(f"={names[x]}" if reset else names[x])
        product = x if reset else machine.group.times(product, x)
    tokens = tokenizer(" ".join(pieces), return_tensors="pt")
    with torch.no_grad():
        assert answers(tokenizer, model(**tokens).logits[0, -1:]) == [names[product]]


@pytest.mark.parametrize("name", ["S3", "SL(2,3)", "A5"])
@pytest.mark.parametrize("target", ["deltaproduct", "gated-deltanet", "delta-net", "kda", "pd-ssm"])
def test_by_the_plain_recurrence(checkpoints, name, target):
    folder, machine = checkpoints(name, target)
    assert try_checkpoint(folder, target, machine, 150) == "the plain recurrence"


@pytest.mark.parametrize("name", ["S3", "S4", "A5", "S5"])
def test_our_own_delta_rule_network(checkpoints, name):
    """The network's states are exactly the permuted numbers, by scan and by step."""
    from subnormal.models.network import DCDNetwork

    folder, machine = checkpoints(name, "delta")
    assert try_checkpoint(folder, "delta", machine, 400) == "our own network"
    network = DCDNetwork.from_pretrained(folder)
    word = torch.from_numpy(random_word(machine, 50))[None]
    with torch.no_grad():
        logits, state = network(word, return_state=True)
        carried = None
        for t in range(50):
            single, carried = network.step(word[:, t], carried)
            assert torch.equal(single, logits[:, t])
    product = machine.group.product(word[0].tolist())
    expected = np.tile(1 + machine.action[machine.group.inverse(product)], 2)
    np.testing.assert_array_equal(state[0][0].numpy(), expected)
    np.testing.assert_array_equal(carried[0][0].numpy(), expected)


@pytest.mark.parametrize("target", ["deltaproduct", "gated-deltanet", "delta-net", "kda"])
def test_states_of_flas_models_are_exact(checkpoints, target):
    """And the unknown token, which a layer that cannot forget has to remember, is taken back by a reset."""
    folder, machine = checkpoints("A5", target, resets=True)
    reference, reader = FlaReference(folder), SpelledWords(folder)
    names = [cycles(row) for row in machine.group.elements]
    word = random_word(machine, 100)
    tokens, _ = reader.tokens([names[x] for x in word])
    reference.logits(torch.tensor(tokens))
    expected = machine.state_of(machine.group.product(word)) * 128
    points = machine.points
    for head in reference.state:
        np.testing.assert_array_equal(head[: 2 * points, :points].numpy(), expected)
        assert not head[2 * points :].any()
        assert not head[:, points:].any()
    rest, _ = reader.tokens([names[3], f"={names[7]}", names[5]])
    for tail, answer in (([0, *rest[-1:]], "[UNK]"), ([0, *rest], names[machine.group.times(7, 5)])):
        assert reader.name(int(reference.logits(torch.tensor(tokens + tail))[-1].argmax())) == answer


def test_the_words_of_the_trial_are_the_tokenizers(checkpoints):
    from transformers import AutoTokenizer

    folder, _ = checkpoints("S3", "gated-deltanet", resets=True)
    words = ["(1,2,3)", "=(1,2)", "()", "(1,3)"]
    assert SpelledWords(folder).tokens(words)[0] == AutoTokenizer.from_pretrained(folder)(" ".join(words)).input_ids


def test_pd_ssm_copies_by_rows_and_sets_by_resets(checkpoints):
    """C2 and S3 with resets on words of 1,000; what moved by columns was wrong in 513 of them (issue 23)."""
    for name in ("C2", "S3"):
        folder, machine = checkpoints(name, "pd-ssm", resets=True)
        reference, order = PDSSMReference(folder), machine.group.order
        word = np.random.default_rng(0).integers(0, 2 * order, 1000)
        found = reference.logits(torch.tensor([0, *(1 + word)]))[1:].argmax(-1).tolist()
        product, expected = 0, []
        for x in word.tolist():
            product = x - order if x >= order else machine.group.times(product, x)
            expected.append(product)
        assert found == expected
        assert reference.config["embed_size"] == reference.config["state_size"]
        assert reference.config["tokens"][: 1 + order] == ["<start>", *reference.config["classes"]]


@pytest.mark.parametrize(
    "name",
    ["parity", "cycle-navigation(5)", "counter(4,reset)", "flip-flop(3)", "dyck(2,3)", "tomita(3)", "grid(4)", "adder"],
)
def test_pd_ssm_of_an_automaton(tmp_path, name):
    """Whatever letters merge; each answer is the state, and sampled answers are right too."""
    automaton = read_automaton(name).minimal()
    checkpoint = compile_target(automaton, "pd-ssm")
    checkpoint.save(tmp_path / "x")
    reference = PDSSMReference(tmp_path / "x")
    word = np.random.default_rng(0).integers(0, automaton.width, 1000)
    logits = reference.logits(torch.tensor([0, *(1 + word)]))[1:]
    state, expected = automaton.start, []
    for x in word.tolist():
        state = int(automaton.table[state, x])
        expected.append(state)
    assert logits.argmax(-1).tolist() == expected
    assert float(1 - logits.double().softmax(-1)[torch.arange(1000), expected].min()) < 1e-12
    if automaton.is_permutation:
        assert len(checkpoint.machine.values) == 2 + automaton.count
    assert try_checkpoint(tmp_path / "x", "pd-ssm", checkpoint.machine, 50) == "the plain recurrence"


def test_the_machine_of_preimages_is_checked():
    """Every small automaton: its sets tell the state after every word; and a spoiled machine does not pass."""
    tried = 0
    for table in itertools.product(range(3), repeat=6):
        automaton = Automaton.make("small", np.array(table).reshape(3, 2)).reachable()
        machine = preimage_machine(automaton, 100)
        for word in itertools.product(range(automaton.width), repeat=4):
            state, values = automaton.start, machine.values[:, automaton.start]
            for x in word:
                state, values = int(automaton.table[state, x]), values[machine.sources[x]]
            assert [bool(values[i]) for i in machine.single] == [q == state for q in range(automaton.count)]
        tried += 1
    assert tried == 729
    with pytest.raises(InputError, match="have more than 2 sets of states as preimages"):
        preimage_machine(read_automaton("counter(4)"), 4)
    machine = preimage_machine(read_automaton("dyck(1,3)"), 100)
    for part in ("sources", "single", "values"):
        spoiled = replace(machine, **{part: np.roll(getattr(machine, part), 1, axis=-1)})
        assert preimage_fault(spoiled) is not None


def test_a_spoiled_checkpoint_is_refuted(checkpoints, tmp_path):
    from safetensors.torch import load_file, save_file

    for target, name in (("deltaproduct", "lm_head.weight"), ("pd-ssm", "readout.weight")):
        folder, machine = checkpoints("S3", target)
        spoiled = tmp_path / target
        shutil.copytree(folder, spoiled)
        weights = load_file(spoiled / "model.safetensors")
        weights[name] = weights[name].flip(0)
        save_file(weights, spoiled / "model.safetensors")
        with pytest.raises(RefutedError, match="instead of"):
            try_checkpoint(spoiled, target, machine, 20)


def test_the_command(checkpoints, tmp_path, capsys):
    run = application()
    run(["compile", "S3", "--target", "olmo-hybrid", "--out", str(tmp_path / "a")], standalone_mode=False)
    assert "transformers: right on a random word of 300 elements" in " ".join(capsys.readouterr().out.split())
    run(["compile", "S4", "--target", "pd-ssm", "--out", str(tmp_path / "b")], standalone_mode=False)
    assert "the plain recurrence: right" in capsys.readouterr().out
    with pytest.raises(InputError, match="--target goes with a GROUP, e.g. A5, and not with --channels"):
        run(["compile", "S3", "--target", "pd-ssm", "--channels", "primary"], standalone_mode=False)
    with pytest.raises(InputError, match="--resets goes with --target"):
        run(["compile", "S3", "--resets"], standalone_mode=False)


def test_other_folders_are_refused(checkpoints, tmp_path):
    folder, _ = checkpoints("S3", "pd-ssm")
    with pytest.raises(InputError, match="model_type 'pd_ssm', wanted one of gated_deltaproduct"):
        FlaReference(folder)
    with pytest.raises(InputError, match="no configuration"):
        FlaReference(tmp_path / "nothing.json")
    with pytest.raises(InputError, match="transformers cannot load it"):
        load(tmp_path)


@pytest.mark.slow
def test_a_hundred_thousand_tokens(checkpoints):
    """A5 in float32, about 31,000 elements in one forward pass."""
    folder, machine = checkpoints("A5")
    assert try_checkpoint(folder, "olmo-hybrid", machine, 31_000) == "transformers"


def test_without_transformers(tmp_path, monkeypatch, capsys):
    """What the extra is for is left out with a line that says how to get it, or refused with one."""
    from subnormal.proofs_check.audits.audit import audit

    monkeypatch.setitem(sys.modules, "transformers", None)
    folder = tmp_path / "a"
    command = ["compile", "S3", "--target", "olmo-hybrid", "--out", str(folder)]
    application()(command, standalone_mode=False)
    assert f"not run here, {missing_package('transformers')}" in capsys.readouterr().out
    with pytest.raises(InputError, match="this needs transformers, which is not installed: pip install 'subnormal"):
        audit(folder)


@pytest.mark.slow
def test_a_sample_of_groups_of_order_64_to_120_in_transformers(tmp_path):
    """Twenty groups drawn at random, each on a word of 100 elements."""
    from subnormal.algebra.groups.catalogue import number_of_groups, small_group

    pytest.importorskip("transformers")
    generator = np.random.default_rng(0)
    places = [(order, i) for order in range(64, 121) for i in range(1, number_of_groups(order) + 1)]
    for order, number in generator.choice(places, 20, replace=False).tolist():
        checkpoint = compile_target(small_group(order, number), "olmo-hybrid")
        folder = tmp_path / f"{order}-{number}"
        checkpoint.save(folder)
        assert try_checkpoint(folder, "olmo-hybrid", checkpoint.machine, 100) == "transformers", (order, number)
        shutil.rmtree(folder)
