"""`python -m constructions`: inspect, compile, verify, show, atlas."""

from algebra.commands import application, atlas, inspect, run
from constructions.commands import compile_command, show, verify

app = application("From a group to a network that tracks it.")
app.command()(inspect)
app.command("compile")(compile_command)
app.command()(verify)
app.command()(show)
app.command()(atlas)


def main() -> None:
    """Run the command line."""
    run(app, "python -m constructions")


if __name__ == "__main__":
    main()
