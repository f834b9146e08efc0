"""`python -m models`: train, evaluate, words."""

from algebra.commands import application, run
from models.commands import evaluate, train, words

app = application("Train the papers' models, from random weights or from compiled ones.")
app.command()(train)
app.command()(evaluate)
app.command()(words)


def main() -> None:
    """Run the command line."""
    run(app, "python -m models")


if __name__ == "__main__":
    main()
