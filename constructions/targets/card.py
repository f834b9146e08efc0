"""The model card of a checkpoint: what it does, what is proved, what it cannot do."""

from __future__ import annotations

from ...algebra.arithmetic.permutations import cycles
from ...common.wording import counted, short
from .delta_layer import margins
from .reflections import ReflectionMachine
from .sampling import WRONG


def model_card(machine: ReflectionMachine, architecture: str, cannot: str, resets: bool, package: str = "") -> str:
    """A `README.md` for a checkpoint of one reflection a factor; `package` is imported where it brings the class."""
    group = machine.group
    example = [x for x in machine.alphabet if x][:2] or [0]
    word = " ".join(cycles(group.elements[x]) for x in example)
    product = cycles(group.elements[group.product(example)])
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

Weights written, not trained: after the text of a word, elements of the group in cycle notation with spaces between,
the most likely next token is their product, read from left to right. Order {group.order:,},
{counted(len(machine.alphabet), "element")} may be read.

```python
{imported}from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer, model = AutoTokenizer.from_pretrained("."), AutoModelForCausalLM.from_pretrained(".")
inputs = tokenizer("{short(word)}", return_tensors="pt")
answer = model.generate(**inputs, max_new_tokens=1)[0, -1:]
print(tokenizer.decode(answer))  # {short(product)}
```
{setting}
An element becomes up to {counted(max(machine.longest, 1), "token")} of input; the answer stands after its last one. A
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
