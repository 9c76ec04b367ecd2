"""A city of invented households as two Parquet tables, for measuring the sweep: shapes and rates, not a population.

Every fact of the vocabulary has a column of the type a registry would deliver; every value is drawn from the number of
its household and member alone, so that the same call writes the same tables. Facts may be unknown at a settable rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from engine.language.model import Fact, Rulebook
from engine.language.types import Base

# Values that make a household like households: SQL over h (household), m (member, 0 first), d(k) (0 … k-1, drawn), in
# yuan. What is not named here is drawn by type: a truth is true in 2 of 100, a number or money is mostly nothing, a choice mostly
# its first value.
SHAPES = {
    "relation": "CASE m WHEN 0 THEN 'self' WHEN 1 THEN 'spouse' WHEN 2 THEN 'child' WHEN 3 THEN 'child' ELSE 'parent' END",
    "birth_date": "DATE '2025-08-01' - (CASE WHEN m < 2 THEN 8000 + {25000} WHEN m < 4 THEN {7300} ELSE 20000 + {14000} END)::INTEGER",
    "hukou": "CASE WHEN {100} < 85 THEN 'shanghai' ELSE 'elsewhere' END",
    "living_arrangement": "CASE WHEN {200} < 197 THEN 'together' WHEN {200} = 197 THEN 'apart' WHEN {200} = 198 THEN 'prison' ELSE 'drug_treatment' END",
    "spouse_or_child_of_resident": "{100} < 80",
    "labour_income": "(CASE WHEN m < 2 AND {100} < 65 THEN {1500000} ELSE 0 END / 100.0)::DECIMAL(12,2)",
    "other_income": "(CASE WHEN {100} < 30 THEN {600000} ELSE 0 END / 100.0)::DECIMAL(12,2)",
    "savings": "(CASE WHEN {100} < 60 THEN {8000000} ELSE {50000000} END / 100.0)::DECIMAL(12,2)",
    "employment": "CASE WHEN m >= 2 THEN 'student' WHEN {100} < 65 THEN 'employed' WHEN {100} < 80 THEN 'retired' ELSE 'unemployed' END",
    "schooling": "CASE WHEN m = 2 THEN ['preschool', 'compulsory', 'senior_secondary', 'university'][1 + {4}] ELSE 'none' END",
    "disability_grade": "CASE WHEN {100} < 93 THEN 'none' ELSE 'grade_' || (1 + {4}) END",
    "disability_kinds": "CASE WHEN {100} < 93 THEN []::VARCHAR[] ELSE [['visual', 'hearing', 'speech', 'physical', 'intellectual', 'mental'][1 + {6}]] END",
    "homes_owned": "CASE WHEN {100} < 20 THEN 'none' WHEN {100} < 85 THEN 'one' WHEN {100} < 90 THEN 'two_small' ELSE 'more' END",
    "owns_car": "{100} < 35",
    "living_area": "(10 + {14000} / 100.0)::DECIMAL(9,2)",
    "yearly_income": "({30000000} / 100.0)::DECIMAL(12,2)",
    "recent_income": "({8000000} / 100.0)::DECIMAL(12,2)",
    "household_property": "({90000000} / 100.0)::DECIMAL(12,2)",
    "city_hukou_years": "{40}",
    "place_hukou_years": "{40}",
    "medical_insurance": "CASE WHEN {100} < 3 THEN 'none' WHEN {100} < 65 THEN 'employee' ELSE 'resident' END",
    "resident_premium": "({100000} / 100.0)::DECIMAL(12,2)",
    "local_dibao_standard": "(500 + {100000} / 100.0)::DECIMAL(12,2)",
    "district": "['huangpu', 'xuhui', 'changning', 'jingan', 'putuo', 'hongkou', 'yangpu', 'minhang', 'baoshan', 'jiading', 'pudong', 'jinshan', "
    "'songjiang', 'qingpu', 'fengxian', 'chongming'][1 + {16}]",
    "subdistrict": "['华阳路街道', '江苏路街道', '新华路街道', '周家桥街道', '天山路街道', '仙霞新村街道', '虹桥街道', '程家桥街道', '北新泾街道', '新泾镇'][1 + {10}]",
    "meal_days": "CASE WHEN {100} < 95 THEN 0 ELSE {20} END",
    "sex": "CASE WHEN {100} < 50 THEN 'male' ELSE 'female' END",
}
# The same for the twenty-five rules of the comparison.
SHAPES25 = {
    "birth_date": "DATE '2025-08-01' - (CASE WHEN m = 0 THEN 8000 + {25000} WHEN {100} < 70 THEN {7300} ELSE 8000 + {25000} END)::INTEGER",
    "hukou": "CASE WHEN {100} < 85 THEN 'here' ELSE 'elsewhere' END",
    "income": SHAPES["labour_income"],
    "savings": SHAPES["savings"],
    "employment": SHAPES["employment"],
    "disability_grade": SHAPES["disability_grade"],
    "owns_car": SHAPES["owns_car"],
    "homes": "{3}",
    "lives_apart": "{100} < 2",
}
MEMBERS = "1 + hash(h, 'members') % 4"  # 2.5 on average


def write(
    rulebook: Rulebook,
    households: int,
    folder: Path,
    unknown: float = 0.0,
    gaps: Iterable[str] | None = None,
    shapes: Mapping[str, str] = SHAPES,
) -> tuple[Path, Path]:
    """The tables `households.parquet` and `persons.parquet`, in the order of household_id.

    unknown   the share of values that are not known, from 0 to 1
    gaps      in which facts they are; None: in every one
    shapes    how facts are drawn that are not drawn by their type
    """
    connection = duckdb.connect()
    folder.mkdir(parents=True, exist_ok=True)
    open_ = None if gaps is None else frozenset(gaps)
    id = "'h' || lpad(h::VARCHAR, 9, '0') AS household_id"
    paths = folder / "households.parquet", folder / "persons.parquet"
    for level, path in zip(("household", "member"), paths, strict=True):
        columns = [id] + (["'m' || m AS id"] if level == "member" else [])
        for n, fact in enumerate(rulebook.facts.values()):
            if fact.level == level and not fact.derived:
                here = unknown if open_ is None or fact.name in open_ else 0.0
                columns.append(f"{_known(_value(fact, rulebook, n, shapes), here, n)} AS \"{fact.name}\"")
        drawn = [p for p in rulebook.ids() if rulebook.level(p) == level]
        listed = "[" + ", ".join(f"'{p}'" for p in drawn) + "]"
        some = f"CASE WHEN {_drawn(50, 998)} = 0 THEN [{listed}[1 + {_drawn(max(1, len(drawn)), 999)}]] ELSE []::VARCHAR[] END"
        columns.append(f"{_known(some, unknown if open_ is None or 'receiving' in open_ else 0.0, 997)} AS receiving")
        # one row after another, so that the members of a household lie together and the tables are in order
        inner = f"SELECT h, 0 AS m FROM range({households}) t(h)"
        if level == "member":
            inner = f"SELECT h, m FROM (SELECT i // 4 AS h, i % 4 AS m FROM range({4 * households}) t(i)) WHERE m < {MEMBERS}"
        connection.execute(f"COPY (SELECT {', '.join(columns)} FROM ({inner})) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 122880)")
    return paths


def repeat(source: Path, times: int, folder: Path) -> tuple[Path, Path]:
    """The households of a city made by `write` again and again under further numbers: a larger city in a few minutes."""
    connection = duckdb.connect()
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "households.parquet", folder / "persons.parquet"
    (many,) = connection.execute(f"SELECT count(*) FROM '{source / paths[0].name}'").fetchone() or (0,)
    number = "substr(household_id, 2)::BIGINT"
    for path in paths:
        again = (
            f"SELECT 'h' || lpad(({number} + {n * many})::VARCHAR, 9, '0') AS household_id, * EXCLUDE (household_id) FROM '{source / path.name}'"
            for n in range(times)
        )
        connection.execute(f"COPY ({' UNION ALL '.join(again)}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 122880)")
    return paths


def tables(folder: Path) -> tuple[str, str]:
    """The two tables of a city: a file each, or all files of a folder each."""
    households, persons = (str(next(folder.glob(f"{name}.parquet"), folder / name)) for name in ("households", "persons"))
    return households, persons


def relation(table: str) -> str:
    return f"'{table}'" if table.endswith(".parquet") else f"'{table}/*.parquet'"


def with_gaps(source: Path, columns: Iterable[str], rate: float, folder: Path) -> None:
    """A city of which some columns are unknown here and there."""
    connection = duckdb.connect()
    for table in tables(source):
        (folder / Path(table).name).mkdir(parents=True, exist_ok=True)
        for part in sorted(Path(table).glob("*.parquet")):
            names = [row[0] for row in connection.execute(f"DESCRIBE FROM '{part}'").fetchall()]
            who = "household_id, id" if "id" in names else "household_id"
            gone = [f"CASE WHEN hash({who}, '{c}') % 1000 >= {round(rate * 1000)} THEN {c} END AS {c}" for c in columns if c in names]
            query = f"SELECT * REPLACE ({', '.join(gone)}) FROM '{part}'" if gone else f"FROM '{part}'"
            connection.execute(f"COPY ({query}) TO '{folder / Path(table).name / part.name}' (FORMAT parquet, ROW_GROUP_SIZE 122880)")


def _drawn(below: int, salt: int) -> str:
    return f"(hash(h * 64 + m + {salt * 10**12}) % {below})::BIGINT"


def _known(value: str, unknown: float, salt: int) -> str:
    if not unknown:
        return value
    return f"CASE WHEN {_drawn(100_000, salt + 5000)} >= {round(unknown * 100_000)} THEN {value} END"


def _value(fact: Fact, rulebook: Rulebook, salt: int, shapes: Mapping[str, str]) -> str:
    shape = shapes.get(fact.name)
    if shape is not None:
        found = shape
        for below in {int(part.split("}")[0]) for part in shape.split("{")[1:]}:
            found = found.replace(f"{{{below}}}", _drawn(below, salt))
        return found
    base, kind = fact.type.base, fact.type
    if base is Base.YES_NO:
        return f"{_drawn(100, salt)} < 2"
    if base in (Base.CHOICE, Base.CHOICES):
        listed = "[" + ", ".join(f"'{v}'" for v in rulebook.choices[kind.choices].values) + "]"
        many = len(rulebook.choices[kind.choices].values)
        one = f"{listed}[1 + CASE WHEN {_drawn(100, salt)} < 97 THEN 0 ELSE {_drawn(many, salt + 300)} END]"
        return one if base is Base.CHOICE else f"[{one}]"
    if base is Base.TEXT:
        return f"'text ' || {_drawn(10, salt)}"
    if base is Base.DATE:
        return f"DATE '2025-08-01' - {_drawn(30000, salt)}::INTEGER"
    least, most = int(kind.least), min(int(kind.most), 3_000_000 if base is Base.MONEY else 240)
    if base is Base.WHOLE:
        return f"(CASE WHEN {_drawn(100, salt)} < 95 THEN {least} ELSE {least} + {_drawn(max(1, most - least), salt + 300)} END)::INTEGER"
    span = max(1, (min(most, 20_000) - least) * 100)
    return f"(CASE WHEN {_drawn(100, salt)} < 90 THEN {least * 100} ELSE {least * 100} + {_drawn(span, salt + 300)} END / 100.0)::DECIMAL(12,2)"
