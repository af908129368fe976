"""What makes the engine go by itself: a metronome that rings, and the work that is done each time it does."""
