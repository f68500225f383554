"""Work spread over processes is the work of one process."""

import pytest

from quant_resources.compute import LocalCompute


def scaled(factor: int, offset: int, item: int) -> int:
    return factor * item + offset


def refuse_five(item: int) -> int:
    if item == 5:
        raise LookupError("five")
    return item


def test_results_come_in_the_order_of_the_items_whatever_the_workers():
    items = list(range(40))
    alone = list(LocalCompute(1).map(scaled, (3, 1), items))
    assert alone == [3 * i + 1 for i in items]
    assert list(LocalCompute(2).map(scaled, (3, 1), items)) == alone


def test_few_pieces_stay_in_this_process():
    seen = []
    assert list(LocalCompute(8, least=4).map(seen.append, (), [1, 2, 3])) == [None] * 3
    assert seen == [1, 2, 3]  # a worker's list would have been another


def test_the_first_error_is_the_callers():
    with pytest.raises(LookupError, match="five"):
        list(LocalCompute(2).map(refuse_five, (), list(range(20))))


def test_workers_default_to_the_processors_of_this_process():
    assert LocalCompute.of_machine().workers >= 1
    assert LocalCompute.of_machine(3).workers == 3
