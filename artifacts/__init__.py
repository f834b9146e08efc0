"""What was made, opened once: `load` says what a folder holds and gives its machine, its network and its proof."""
