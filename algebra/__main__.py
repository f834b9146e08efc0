"""`python -m algebra`: the commands about groups alone."""

from algebra.commands import application, atlas, inspect, run

app = application("Groups: how many layers they need, and why.")
app.command()(inspect)
app.command()(atlas)


def main() -> None:
    """Run the command line."""
    run(app, "python -m algebra")


if __name__ == "__main__":
    main()
