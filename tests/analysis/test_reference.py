"""The paper's printed rows beside our tasks."""

import pytest

from tale_eval.analysis.reference import ReferenceRow, paper_rows


def test_the_papers_rows_stand_beside_our_tasks() -> None:
    tasks = ["gsm8k", "mathbench(language=en, level=college)", "chain_sum(size=24)"]
    rows = paper_rows(tasks)
    assert ReferenceRow("gpt-4o-mini", "gsm8k", "tale_ep", 0.8446, 77.26, "Table 3") in rows
    assert ReferenceRow("o3-mini", tasks[1], "cot", 0.9733, 1163.55, "Table 4") in rows
    # tables 3 and 5 with 3 and 5 methods; table 3 once and three more models of table 4
    assert [sum(row.task == task for row in rows) for task in tasks] == [3 + 5, 3 + 3 * 3, 0]


@pytest.mark.parametrize(
    ("task", "n"),
    [
        ("inspect_evals/gsm8k", 8),
        ("gsm8k(split=test)", 8),
        ("gsm8k(split=train)", 0),
        ("gsm8k_zero", 7),
        ("mathbench", 0),
        ("mathbench(language=cn, level=high)", 0),
        ("mathbench(level=high)", 3),
    ],
)
def test_printed_rows_are_only_for_the_same_questions(task: str, n: int) -> None:
    assert len(paper_rows([task])) == n
