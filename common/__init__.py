"""What every room stands on: errors, wording, the terminal, files, processes."""
