"""What was found, for people and for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bridge.adapter import Finding, Standing

#: subject -> what was found, in the order in which it is told
Report = Mapping[str, Sequence[Finding]]


def as_text(found: Report) -> str:
    lines = []
    for subject, findings in found.items():
        lines.append(subject)
        for one in findings:
            where = f"{one.where}: " if one.where else ""
            lines.append(f"  {one.standing:<8} {where}{one.what}")
            if one.remedy:
                lines.append(f"  {'':<8} -> {one.remedy}")
    counted = Counter(one.standing for findings in found.values() for one in findings)
    told = [f"{counted[one]} {one}" for one in Standing if counted[one]]
    return "\n".join([*lines, "", ", ".join(told)])


def as_json(found: Report, routing: Sequence[Mapping[str, Any]]) -> str:
    """`routing`: the rows of the routing table, none where the configuration cannot be read."""
    wrong = any(one.standing is Standing.WRONG for findings in found.values() for one in findings)
    listed = [
        {
            "subject": subject,
            "standing": one.standing,
            "where": one.where,
            "what": one.what,
            "remedy": one.remedy,
        }
        for subject, findings in found.items()
        for one in findings
    ]
    return json.dumps(
        {"works": not wrong, "routes": routing, "findings": listed}, indent=2, ensure_ascii=False
    )
