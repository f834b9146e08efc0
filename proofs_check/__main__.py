"""`python -m proofs_check`: certify, check, refute, parity, horizon, lemmas, catalogue."""

from algebra.commands import application, run
from proofs_check.commands import catalogue, certify, check, horizon, lemmas
from proofs_check.parity_command import parity
from proofs_check.refutation_command import refute

app = application("What checks the claims.")
app.command()(certify)
app.command()(check)
app.command()(refute)
app.command()(parity)
app.command()(horizon)
app.command()(lemmas)
app.command()(catalogue)


def main() -> None:
    """Run the command line."""
    run(app, "python -m proofs_check")


if __name__ == "__main__":
    main()
