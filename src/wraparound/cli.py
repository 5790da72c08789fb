def main() -> None:
    """Placeholder until the rooms exist."""
