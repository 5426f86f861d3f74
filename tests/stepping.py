"""Run generators that yield their progress and return a result."""


def ended(steps):
    """Exhaust a generator and return its return value."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value
