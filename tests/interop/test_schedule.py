"""The schedules that unit tests compare with are those of the real Megatron-Core."""

import json

from conftest import GOLDEN
from oracle import jobs


def test_the_golden_schedules_are_megatrons() -> None:
    lines = (GOLDEN / "schedule/schedule.jsonl").read_text().splitlines()
    cases = [json.loads(line) for line in lines]
    own = ("max_lr", "min_lr")
    results = jobs.run(
        "schedule",
        [
            {
                "id": case["case"],
                "action": "values",
                "settings": case["settings"],
                "increment": case["increment"],
                "override": {key: case["override"][key] for key in own}
                if "override" in case
                else None,
            }
            for case in cases
        ],
    )
    assert len(results) == len(cases) == 33
    for case in cases:
        result = results[case["case"]]
        assert result["lr"] == case["lr"], case["case"]
        assert result["wd"] == case["wd"], case["case"]
        if "override" in case:
            assert result["own"] == case["override"]["lr"], case["case"]
