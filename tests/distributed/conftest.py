"""Executors of all kinds, each started once."""

import multiprocessing
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

SPAWN = multiprocessing.get_context("spawn")
MPI_TRIAL = """
from mpi4py.futures import MPIPoolExecutor
if __name__ == "__main__":
    with MPIPoolExecutor(1) as pool:
        pool.submit(abs, -1).result()
"""
MPI_SECONDS = 60


@pytest.fixture(scope="session")
def processes():
    with ProcessPoolExecutor(2, SPAWN) as pool:
        yield pool


@pytest.fixture(scope="session")
def dask_client():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            # Without a dashboard there is still a web server; on any free port, not on 8787.
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def mpi():
    futures = pytest.importorskip("mpi4py.futures")
    # Where MPI finds no mpiexec it waits for its workers for ever, and at the exit once more.
    try:
        subprocess.run([sys.executable, "-c", MPI_TRIAL], check=True, timeout=MPI_SECONDS)
    except subprocess.TimeoutExpired:
        pytest.fail(f"MPI started no worker in {MPI_SECONDS} s; is its mpiexec on the PATH?")
    with futures.MPIPoolExecutor(2, path=["tests"]) as pool:
        yield pool


@pytest.fixture(params=["threads", "processes", "loky", "dask client", "dask executor", "mpi"])
def executor(request):
    if request.param == "threads":
        with ThreadPoolExecutor(3) as pool:
            yield pool
    elif request.param == "loky":
        loky = pytest.importorskip("loky")
        pool = loky.ProcessPoolExecutor(2)
        yield pool
        pool.shutdown()
    elif request.param in ("processes", "mpi"):
        yield request.getfixturevalue(request.param)
    else:
        client = request.getfixturevalue("dask_client")
        yield client if request.param == "dask client" else client.get_executor(pure=False)
