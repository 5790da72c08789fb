"""What a night costs: ours against hand-written SQL, in alternating runs."""
