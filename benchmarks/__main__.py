"""`make bench`: ours and named peers on the same inputs in one run."""

from benchmarks import allocation, features


def main() -> None:
    features.main([])
    allocation.main()


if __name__ == "__main__":
    main()
