"""Tasks, configuration, the training loop, the store of runs, sweeps, evaluation."""
