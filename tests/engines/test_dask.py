"""Tasks on a Dask cluster: the contract of engines, and workers that are lost."""

import pytest

from datacheck.engines import Dask
from datacheck.testing.engines import EngineContract

distributed = pytest.importorskip("distributed", reason="distributed is not installed (the extra dask)")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""What Dask leaves open when it is shut down is not ours."""


def cluster_of(workers):
    return distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=None, worker_dashboard_address=None
    )


@pytest.fixture(scope="module")
def client():
    with cluster_of(2) as cluster, distributed.Client(cluster, set_as_default=False) as client:
        yield client


@pytest.fixture(scope="class")
def for_class(request, client):
    request.cls.client = client


@pytest.mark.usefixtures("for_class")
class TestDask(EngineContract):
    @property
    def make(self):
        return Dask(self.client)
