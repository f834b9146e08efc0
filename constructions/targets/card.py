"""The model card of a checkpoint: what it does, what is proved, what it cannot do."""

from __future__ import annotations

from ...algebra.arithmetic.permutations import cycles
from ...common.wording import counted, describe_order, short
from .delta_layer import margins
from .points import QUESTION, PointMachine
from .reflections import ReflectionMachine, Reflections
from .sampling import WRONG


def _task(machine: Reflections) -> tuple[str, str, str, str]:
    """Some word, its answer, what answers are, and where they stand."""
    if isinstance(machine, PointMachine):
        letters = list(range(len(machine.alphabet)))[:2]
        image = point = int((machine.action[letters[0]] != range(machine.points)).argmax())
        for x in letters:
            image = int(machine.action[x][image])
        names = machine.answer_names
        asked = f"{names[point]}{QUESTION}"
        word = " ".join([*(machine.letter_names[x] for x in letters), asked])
        return (
            word, names[image],
            f"elements of the group in cycle notation with spaces between, and a question such as `{asked}`, the most "
            "likely next\ntoken is the image of that point under their product, read from left to right",
            "after the question, which changes nothing: several may follow each other. After anything else it is "
            "`[UNK]`",
        )  # fmt: skip
    assert isinstance(machine, ReflectionMachine)
    group = machine.group
    example = [x for x in machine.alphabet if x][:2] or [0]
    return (
        " ".join(cycles(group.elements[x]) for x in example), cycles(group.elements[group.product(example)]),
        "elements of the group in cycle notation with spaces between,\nthe most likely next token is their product, "
        "read from left to right", "after its last one",
    )  # fmt: skip


def model_card(machine: Reflections, architecture: str, cannot: str, resets: bool, package: str = "") -> str:
    """A `README.md` for a checkpoint of one reflection a factor; `package` is imported where it brings the class."""
    group = machine.group
    word, product, task, where = _task(machine)
    proved = [name for name, good in margins(machine).items() if good]
    rest = [name for name, good in margins(machine).items() if not good]
    more = f" In {' and '.join(rest)} the last sums have too many terms for the same proof." if rest else ""
    imported = f"import {package}  # brings the class\n" if package else ""
    setting = "\n`=x` in place of an element sets the product to x, whatever came before.\n" if resets else ""
    return f"""---
library_name: transformers
tags: [state-tracking, group-theory]
---

# {short(group.name)}, tracked by {architecture}

Weights written, not trained: after the text of a word, {task}. Order {describe_order(group.order)},
{counted(len(machine.alphabet), "element")} may be read.

```python
{imported}from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer, model = AutoTokenizer.from_pretrained("."), AutoModelForCausalLM.from_pretrained(".")
inputs = tokenizer("{short(word)}", return_tensors="pt")
answer = model.generate(**inputs, max_new_tokens=1)[0, -1:]
print(tokenizer.decode(answer))  # {short(product)}
```
{setting}
An element becomes up to {counted(max(machine.longest, 1), "token")} of input; the answer stands {where}. A
word that is no element of the alphabet makes the answer `[UNK]` from there on.

## What is proved

The group acts on {machine.points} points, and an element is a product of at most {machine.longest} transpositions,
each of them one Householder reflection. The state is a signed permutation matrix at any time, because every number in
the recurrence is a small dyadic rational: no rounding occurs, in the chunked algorithm, token by token, or in any
other order of the same sums. So words of every length are tracked, with weights in {", ".join(proved)}, on hardware
that computes float32 sums and products as IEEE 754 says (the recurrence itself runs in float32 in all cases).{more}

Answers may also be sampled: at temperature 1 a wrong token is drawn with a probability below {WRONG}, in the same
precisions, because every other logit is far enough below the right one.

## What cannot be written into it

{cannot}
"""
