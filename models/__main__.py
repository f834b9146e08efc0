"""`python -m models`: train, evaluate, words, reproduce, sweep."""

from algebra.commands import application, run
from models.commands import evaluate, reproduce, sweep, train, words

app = application("Train the papers' models, from random weights or from compiled ones.")
app.command()(train)
app.command()(evaluate)
app.command()(words)
app.command()(reproduce)
app.command()(sweep)


def main() -> None:
    """Run the command line."""
    run(app, "python -m models")


if __name__ == "__main__":
    main()
