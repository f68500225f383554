"""`make bench`: ours and named peers on the same inputs in one run."""

from benchmarks import allocation, features, ingestion, tournament


def main() -> None:
    ingestion.main([])
    features.main([])
    allocation.main()
    tournament.main()


if __name__ == "__main__":
    main()
