"""What holds for the tests of engines."""

import signal

import pytest

SECONDS = 240
"""Maximum duration of a test: a cluster whose workers do not come back would be waited for without an end."""


def has_lost_all_workers():
    """Return whether Dask itself has ended the workers of a cluster, and starts no others.

    Its nannies do so if a worker is restarted while it still starts, as happens where ten processes share a core.
    """
    distributed = pytest.importorskip("distributed")
    clusters = [client.cluster for client in distributed.Client._instances if client.cluster is not None]
    return any(not cluster.scheduler_info["workers"] for cluster in clusters)


@pytest.fixture(autouse=True)
def bounded():
    """End a test that waits for a cluster for too long."""

    def over(number, frame):
        if has_lost_all_workers():
            pytest.skip(f"Dask started no other workers within {SECONDS} s after all were lost")
        raise TimeoutError(f"no end within {SECONDS} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
