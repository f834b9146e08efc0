"""Build everything, and fail where a theorem rests on something unproved: what CI runs."""

import sys

from subnormal.common.errors import InputError
from subnormal.proofs_check.coq import building

if __name__ == "__main__":
    try:
        problems = building.audit()
        building.checker_program()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(building.source_files())} files, {len(building.named_theorems())} theorems, {len(problems)} problems")
    sys.exit(bool(problems))
