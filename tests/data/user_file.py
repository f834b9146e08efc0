"""A user's own file: every public function is called once, with the types that a user would write. It is type-checked,
never run (tests/test_user_types.py)."""

from pathlib import Path

import networkx as nx
import numpy as np
import torch
from automata.fa.dfa import DFA
from sympy.combinatorics import Permutation, PermutationGroup

import subnormal as sn


def groups_and_automata() -> None:
    table = np.array([[0, 1], [1, 0]])
    signs = sn.group(table, name="signs")
    order: int = sn.group("S4").order + signs.order
    tracked = sn.machine("tomita(5)")
    automaton = sn.regex("(ab|b)*a")
    found = sn.inspect(signs, stack=["aussm", "aussm"], channels=[1, 1], alphabet="all", pareto=True)
    if isinstance(found, sn.Inspection):
        depth: int | None = found.depth
        print(depth, found.series, order)
    print(found, sn.inspect(automaton), sn.inspect(tracked), sn.inspect("S4").as_json())
    for choice in sn.pareto("S4", family="negative-mamba"):
        layers: int = choice.cost.layers
        print(layers)


class Learnt:
    """A machine with states, as AALpy has them."""

    def __init__(self) -> None:
        self.states: list[object] = []
        self.initial_state = object()


def what_others_hold() -> None:
    graph = nx.MultiDiGraph()
    graph.add_edge(0, 1, label="a")
    parity = DFA(
        states={"0", "1"},
        input_symbols={"a"},
        transitions={"0": {"a": "1"}, "1": {"a": "0"}},
        initial_state="0",
        final_states={"0"},
    )
    table = np.array([[0, 1], [1, 0]])
    learnt = {"states": ["0"], "letters": ["a"], "transitions": [[0]]}
    for found in (sn.inspect(graph), sn.inspect(parity), sn.inspect(table), sn.inspect([[1, 0]]), sn.inspect(Learnt())):
        print(found)
    sn.inspect(learnt)
    sn.compile(graph)
    sn.compile(PermutationGroup(Permutation([1, 2, 0])), target="olmo-hybrid", answers="points").save("c3")
    sn.pareto(PermutationGroup(Permutation([1, 2, 0])))


def compiled() -> torch.Tensor:
    group = sn.group("S4").listed()
    net: torch.nn.Module = sn.compile(group, family=["aussm"], alphabet=[0, 1, 2]).network(dtype="float32")
    of_automaton = sn.compile(sn.regex("a*b"), family="gated-aussm", out="ab", check=True)
    folder: Path = of_automaton.save("ab", force=True)
    checkpoint: sn.Checkpoint = sn.compile("A5", target="olmo-hybrid", resets=True)
    checkpoint.save(folder / "a5")
    several = sn.compile("S4", series="(1,2)", out=Path("s4"), force=False)
    print(several.series, several.cascade, several.order, several.tracked.letter_names)
    made: sn.Artifact = sn.load(folder)
    print(made.kind, made.can("certify"), made.network().alphabet_size)
    sn.show("S4", html=Path("s4.html")).path.unlink()
    sn.show("S4", out="s4.png", family="aussm", channels="primary")
    logits: torch.Tensor = net(torch.tensor([[0, 1]]))
    return logits


def proofs(folder: Path) -> None:
    proved: sn.Proved = sn.certify(folder)
    sentences: tuple[str, ...] = proved.sentences + sn.check(folder, network=False, coq=False).sentences
    verified: sn.Verified = sn.verify(folder, length=1000, words=["random"], dtype="float32")
    trial = sn.run_word(folder, "turns", "constant", length=10, seed=3)
    horizons: sn.Horizons = sn.horizon(folder, arithmetic=["turns"], words="random", length=100)
    longest: int | None = horizons.proved["turns"]
    print(sentences, verified.lines, trial.tokens, longest, sn.audit(folder).layers)
    print(sn.lemmas([folder]).verified, sn.catalogue(max_order=4, out="c.csv").rows(), sn.atlas(html="a.html").path)


def models(net: sn.DCDNetwork, folder: str) -> None:
    found = sn.refute(net, "S3", alphabet=np.arange(6), epsilon=1e-6, html="s3.html")
    kind: str = found.kind
    refuted: bool = sn.refute("S3", random="aussm", layers=1, width=2, seed=0, activation="hard").refuted
    sn.refute(folder).as_json()
    sn.refute(lambda ids: ids, "C2", reading={"letters": [0, 1], "classes": [0, 1]}, length=100)
    read = sn.decompile(net, "S3", out="machine", pruned="pruned", seed=1, length=100, force=True)
    exact: bool = read.exact
    verdict: str = sn.diagnose(folder, seed=2).verdict
    accuracy: sn.Accuracy = sn.evaluate(net, "S3", length=100, words=10)
    longest: int = accuracy.longest
    print(kind, refuted, exact, verdict, longest, sn.parity(layers=1, seeds=2).refuted)


def training() -> None:
    start = sn.compile("S3")
    assert isinstance(start, sn.Compiled)
    trained: sn.Training = sn.train("S3", init=start, noise=[0.0, 0.1], seeds=[1, 2], steps=10, batch=4)
    network: torch.nn.Module = trained.network(run=1)
    learnt = sn.learn("S3", runs=2, layers=3, steps=100, channels=16)
    folder: Path = learnt.folder
    file: sn.WordFile = sn.words("S3", length=5, count=10, out=folder)
    sn.words("S3", check=file.path)
    rows = sn.sweep("sweep.toml", scheduler=None, processes=2).rows
    probed: sn.Probe = sn.probe("mamba;aussm", ["C2", "S3"], seeds=[1, 2], learning_rate=3e-3, out=Path("probes"))
    cell: tuple[int, str, bool] | None = probed.cell("S3", "mamba x2")
    page: Path = sn.reproduce("table1", quick=True, out="results").page
    print(network, rows[0]["key"], cell, page)


def main() -> None:
    print(sn.__version__)
    try:
        groups_and_automata()
        compiled()
        training()
    except sn.InputError as error:
        raise SystemExit(str(error)) from error
    except sn.RefutedError:
        proofs(Path("s4"))
