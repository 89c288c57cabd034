"""The scores: printed where the documents are, and the goals held there."""

from benchmarks import scores, shell_scores, wording_scores


def test_scores_say_that_the_documents_are_not_here(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("CLOSELOOP_DATA", str(tmp_path))

    assert scores.main([]) == 2
    assert "CLOSELOOP_DATA=" in capsys.readouterr().out


def test_scores_refuse_a_scorer_that_is_none(capsys):
    assert scores.main(["taste"]) == 2
    assert "wording" in capsys.readouterr().out


def test_table_is_markdown():
    table = scores.Table("Speed", ["what", "n"], [["a", 10], ["bcd ef", 2]])

    assert scores.show(table).splitlines() == [
        "## Speed",
        "",
        "| what   |  n |",
        "|--------|----|",
        "| a      | 10 |",
        "| bcd ef |  2 |",
    ]


def test_precision_and_recall_leave_the_borderline_out():
    items = [
        {"text": "Improve monitoring", "label": "vague"},
        {"text": "Improve the docs", "label": "concrete"},
        {"text": "Set the limit to 5", "label": "concrete"},
        {"text": "Set a limit", "label": "vague"},
        {"text": "Improve it", "label": "borderline"},
    ]

    count, precision, recall = wording_scores.precision_and_recall(items)

    assert (dict(count), precision, recall) == ({"tp": 1, "fp": 1, "tn": 1, "fn": 1}, 0.5, 0.5)


# The documents are no part of the repository: these two are there for whoever has them, as `make scores` is.
if scores.data_folder() is not None:

    def test_wording_meets_its_goals():
        missed = [goal for table in wording_scores.tables(scores.data_folder()) for goal in table.missed]

        assert missed == []

    def test_command_lines_meet_their_goals():
        assert [goal for table in shell_scores.tables(scores.data_folder()) for goal in table.missed] == []
