"""`python -m proofs_check`: certify, check, refute, parity, horizon, lemmas."""

from algebra.commands import application, run
from proofs_check.commands import certify, check, horizon, lemmas
from proofs_check.parity_command import parity
from proofs_check.refutation_command import refute

app = application("What checks the claims.")
app.command()(certify)
app.command()(check)
app.command()(refute)
app.command()(parity)
app.command()(horizon)
app.command()(lemmas)


def main() -> None:
    """Run the command line."""
    run(app, "python -m proofs_check")


if __name__ == "__main__":
    main()
