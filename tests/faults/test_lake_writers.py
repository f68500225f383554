"""Writers that race: one commits, the others build again on it, none is lost."""

import pytest


def race(writers, root, kinds, commits):
    """All writers at once; every acknowledged row is there, once. Returns the attempts of every commit."""
    pids = {name: writers.start(kind, root, name, count=commits, rows=2) for name, kind in kinds.items()}
    for name, pid in pids.items():
        assert writers.wait(pid) == 0, (root.parent / f"{root.name}.{name}.error").read_text()
    lake = writers.lake(root)
    acks = {name: writers.acks(root, name) for name in kinds}
    assert {name: len(found) for name, found in acks.items()} == dict.fromkeys(kinds, commits)
    for table, kind in [("facts", "add"), ("choices", "replace")]:
        versions = [version for name, found in acks.items() if kinds[name] == kind for _, _, version in found]
        assert sorted(versions) == list(range(len(versions))), "two commits made one version"
        assert (lake.version(table) if versions else None) == (len(versions) - 1 if versions else None)
    adders = [name for name, kind in kinds.items() if kind == "add"]
    if adders:
        stored = lake.read("facts")["symbol"]
        assert stored.is_unique
        assert set(stored) == {f"X:{name}_{k}_{i}" for name in adders for k in range(commits) for i in range(2)}
    for name in set(kinds) - set(adders):
        assert int(lake.decision("choices", name, writers.kit.DAY)["weight"].iloc[0]) == commits - 1
    assert lake.verify() == []
    return [attempts for found in acks.values() for _, attempts, _ in found]


def test_writers_of_one_partition_lose_nothing(tmp_path, writers):
    attempts = race(writers, tmp_path / "lake", dict.fromkeys(["A", "B", "C", "D"], "add"), commits=12)
    assert max(attempts) > 1, "nobody ever lost a race: this test no longer tests it"


def test_writers_of_different_profiles_and_tables_lose_nothing(tmp_path, writers):
    race(writers, tmp_path / "lake", {"p": "replace", "q": "replace", "A": "add"}, commits=12)


def test_several_processes_may_create_one_table(tmp_path, writers):
    for number in range(6):
        race(writers, tmp_path / f"lake{number}", dict.fromkeys(["A", "B", "C"], "add"), commits=1)


@pytest.mark.slow
def test_eight_writers_of_one_partition_two_hundred_commits_each(tmp_path, writers):
    attempts = race(writers, tmp_path / "lake", {f"W{w}": "add" for w in range(8)}, commits=200)
    assert max(attempts) < 200
