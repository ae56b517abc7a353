"""CPU time and memory of processes, and numbers as text."""
import os
import re
import statistics

TICKS = os.sysconf("SC_CLK_TCK")


def session_pids(leader):
    """All processes of the session that the process leads (it and its children)."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append((int(name), fields))
    return found


def cpu_seconds(leader):
    """User and system time of all of the session, dead children included."""
    return sum(int(value) for _, fields in session_pids(leader) for value in fields[11:15]) / TICKS


def peak_resident_bytes(pid):
    """The highest resident set since reset_peak."""
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"^VmHWM:\s+(\d+)", status.read(), re.M)[1]) * 1024


def reset_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def number(value, digits=0):
    return "–" if value is None else f"{value:,.{digits}f}"


def table(heads, rows):
    """A Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def verdicts(items):
    """A table of figures against what they should reach: (what, value, "≤" or "≥", bound, digits)."""
    rows = []
    for what, value, relation, bound, digits in items:
        reached = value is not None and (value <= bound if relation == "≤" else value >= bound)
        rows.append([what, number(value, digits), f"{relation} {bound:g}", "yes" if reached else "**no**"])
    return table(["figure", "measured", "to reach", "reached"], rows)
