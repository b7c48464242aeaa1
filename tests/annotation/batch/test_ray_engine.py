"""A data set on a Ray cluster of several nodes: the same bytes as on one machine, whatever is killed in between."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from annotation.batch.tiny_videos import draw_folder, leftovers, tree_of

import kinescribe
from kinescribe.annotation.batch import annotate, exchange, ray_seat
from kinescribe.annotation.batch.events import Finished, Progressed, Started
from kinescribe.annotation.batch.files import Signature, signature_of
from kinescribe.annotation.batch.ray_cluster import Cluster
from kinescribe.errors import UsageError

cluster_utils = pytest.importorskip("ray.cluster_utils", reason="needs ray: pip install 'kinescribe[ray]'")

CLIPS = 4
STORE = 80 * 2**20


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without processors, and two nodes with two each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        made = cluster_utils.Cluster(
            initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False}
        )
        logs = made.head_node.get_session_dir_path()
        try:
            for _ in range(2):
                made.add_node(num_cpus=2, object_store_memory=STORE)
            yield made
        finally:
            made.shutdown()
            shutil.rmtree(logs, ignore_errors=True)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = draw_folder(tmp_path_factory.mktemp("videos"), CLIPS)
    (folder / "broken.mp4").write_bytes(b"no video at all" * 50)
    return folder


@pytest.fixture(scope="module")
def expected(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the local engine makes."""
    folder = tmp_path_factory.mktemp("local") / "data"
    annotate(videos, folder, workers=2, report=False)
    made = tree_of(folder)
    assert sum(name.endswith("states.csv") for name in made) == CLIPS
    return made


class Watching:
    """Notes what happens, and which processes are at it; does something at the first event of a kind."""

    def __init__(self, at: type | None = None, do: Callable[[], None] | None = None) -> None:
        self.at, self.do = at, do
        self.events: list[Any] = []
        self.seen: set[psutil.Process] = set()

    def __call__(self, event: Any) -> None:
        self.events.append(event)
        for actor in actors():
            self.seen |= {actor, *actor.children(recursive=True)}
        if self.at is not None and isinstance(event, self.at):
            self.at = None
            assert self.do is not None
            self.do()

    def of(self, kind: type) -> Counter[str]:
        return Counter(event.job.name for event in self.events if isinstance(event, kind))

    @property
    def left(self) -> list[psutil.Process]:
        return [one for one in self.seen if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def actors() -> list[psutil.Process]:
    out = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::KinescribeWorker"):
                out.append(process)
        except psutil.Error:
            continue  # it ended while we looked
    return out


def kill_the_actors() -> None:
    there = actors()
    assert there
    for one in there:
        os.kill(one.pid, signal.SIGKILL)


def run(videos: Path, folder: Path, cluster: Any, watch: Watching, **options: Any) -> Any:
    how = {"workers": 2, "report": False, "engine": "ray", "address": cluster.address, **options}
    return annotate(videos, folder, watch=watch, **how)


def test_same_bytes_as_on_one_machine_and_nothing_is_left_running(
    cluster: Any, videos: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    watch = Watching()
    done = run(videos, tmp_path / "data", cluster, watch)
    assert (done.done, done.failed) == (CLIPS, 1)
    assert tree_of(tmp_path / "data") == expected
    (failure,) = done.failures()
    assert (failure.video, failure.kind) == ("broken.mp4", "unreadable")
    assert watch.of(Started) == watch.of(Finished) == Counter({path.name: 1 for path in videos.iterdir()})
    assert watch.of(Progressed)
    assert len(watch.seen) >= 4  # two actors and a process of each
    assert watch.left == []
    assert leftovers(tmp_path / "data") == []


def test_killed_workers_are_replaced_and_their_videos_done_once_more(
    cluster: Any, videos: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    watch = Watching(Progressed, kill_the_actors)
    done = run(videos, tmp_path / "data", cluster, watch)
    assert (done.done, done.failed) == (CLIPS, 1)
    assert max(watch.of(Started).values()) == 2
    assert set(watch.of(Finished).values()) == {1}
    assert tree_of(tmp_path / "data") == expected
    assert watch.left == []
    assert leftovers(tmp_path / "data") == []


def test_lost_node(cluster: Any, videos: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    node = cluster.add_node(num_cpus=4, object_store_memory=STORE)
    watch = Watching(Finished, lambda: cluster.remove_node(node, allow_graceful=False))
    done = run(videos, tmp_path / "data", cluster, watch, workers=4)
    assert (done.done, done.failed) == (CLIPS, 1)
    assert tree_of(tmp_path / "data") == expected
    assert watch.left == []


def test_through_an_exchange(
    cluster: Any, videos: Path, expected: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(path: Path) -> Signature:
        """As if the nodes had another file under the path of the video."""
        real = signature_of(path)
        return Signature(real.size, real.mtime_ns - 1, real.count)

    monkeypatch.setattr(ray_seat, "signature_of", elsewhere)
    monkeypatch.setattr(exchange, "signature_of", elsewhere)
    sent: list[str] = []
    send = exchange.Exchange.send
    monkeypatch.setattr(
        exchange.Exchange, "send", lambda self, through, job, stopped: (sent.append(job.name), send(self, through, job, stopped))[1]
    )
    (tmp_path / "exchange").mkdir()
    watch = Watching()
    done = run(videos, tmp_path / "data", cluster, watch, exchange=(tmp_path / "exchange").as_uri())
    assert (done.done, done.failed) == (CLIPS, 1)
    assert sorted(sent) == sorted(path.name for path in videos.iterdir())
    assert tree_of(tmp_path / "data") == expected
    assert list((tmp_path / "exchange").iterdir()) == []
    assert leftovers(tmp_path / "data") == []
    assert watch.left == []


@pytest.fixture
def default_sigterm(cluster: Any) -> Iterator[None]:
    """As in a program of its own: the cluster that we started has a handler here."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("default_sigterm")
def test_ended_by_a_scheduler_and_gone_on_with(cluster: Any, videos: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    def terminate() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    through = str(tmp_path / "exchange")
    watch = Watching(Progressed, terminate)
    with pytest.raises(SystemExit, match="143"):
        run(videos, tmp_path / "data", cluster, watch, exchange=through)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert len(watch.seen) >= 2
    assert watch.left == []
    assert list(Path(through).iterdir()) == []
    assert leftovers(tmp_path / "data") == []
    run(videos, tmp_path / "data", cluster, Watching(), exchange=through)
    assert tree_of(tmp_path / "data") == expected


def test_another_version_on_the_nodes(cluster: Any, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinescribe, "__version__", "9.9.9")
    watch = Watching()
    with pytest.raises(UsageError, match=r"has kinescribe .*, this is 9\.9\.9; install the same"):
        run(videos, tmp_path / "data", cluster, watch, workers=1)
    assert watch.left == []


def test_node_that_does_not_see_the_data_set(cluster: Any, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_seat.Seat, "_serve", on_another_disk(ray_seat.Seat._serve))
    with pytest.raises(UsageError, match=r"does not see .*\.kinescribe/work'; share that folder .* or give --exchange"):
        run(videos, tmp_path / "data", cluster, Watching(), workers=1)
    assert not list((tmp_path / "data" / "states").rglob("states.csv"))


def on_another_disk(serve: Callable[..., None]) -> Callable[..., None]:
    def there(self: Any, *arguments: Any) -> None:
        self._probe = "not-there"
        serve(self, *arguments)

    return there


def test_cluster_of_its_own_ends_with_the_run(
    videos: Path, expected: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)  # else Ray writes one to our home

    before = {process.pid for process in psutil.Process().children(recursive=True)}
    handler = signal.getsignal(signal.SIGTERM)
    folders: list[Path] = []

    def note() -> None:
        folders.append(Path(ray._private.worker._global_node.get_session_dir_path()).parent)

    watch = Watching(Started, note)
    done = annotate(
        videos, tmp_path / "data", engine="ray", address="local", workers=1, only=["clip-000.mp4", "broken.mp4"], report=False, watch=watch
    )
    assert (done.done, done.failed) == (1, 1)
    assert all(expected[name] == data for name, data in tree_of(tmp_path / "data").items())
    assert not ray.is_initialized()
    assert [process for process in psutil.Process().children(recursive=True) if process.pid not in before and process.is_running()] == []
    assert not folders[0].exists()
    assert signal.getsignal(signal.SIGTERM) is handler
    assert "RAY_AUTH_MODE" not in os.environ


def test_missing_ray_is_told(videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'kinescribe\[ray\]'"):
        annotate(videos, tmp_path / "data", engine="ray", report=False)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_address_where_nobody_is(address: str) -> None:
    with pytest.raises(UsageError, match=rf"no Ray cluster answers at '{address}'"):
        Cluster(address, 1)


@pytest.mark.parametrize("address", ["garbage", "host:port", "[::1"])
def test_address_that_is_none(address: str) -> None:
    with pytest.raises(UsageError, match=r"must be HOST:PORT"):
        Cluster(address, 1)
