"""From words with labels to an exact machine: training, the snap, and what it found."""
