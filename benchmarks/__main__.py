"""`make bench`: ours and named peers on the same inputs in one run."""

from benchmarks import allocation, features, tournament


def main() -> None:
    features.main([])
    allocation.main()
    tournament.main()


if __name__ == "__main__":
    main()
