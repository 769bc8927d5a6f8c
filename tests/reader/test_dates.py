from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import chain
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.config import FormatSection
from importer.errors import ConfigError
from importer.reader.date_order import prove_order, weigh_dates
from importer.reader.dates import _read, read_dates
from importer.reader.evidence import Evidence
from tests.reader.frames import cells, mixed_cells, shown, values

if TYPE_CHECKING:
    import polars as pl

    from importer.reader.cells import Reading
    from importer.reader.notes import Note

AUTO = FormatSection()
BERLIN = FormatSection(timezone="Europe/Berlin")


def read(*texts: str | None, kind: str | None = None, layout: FormatSection = AUTO) -> list[object]:
    return values(read_dates(cells(*texts, kind=kind), layout))


def in_pieces(
    column: pl.DataFrame, layout: FormatSection
) -> tuple[list[tuple[object, ...]], tuple[Note, ...]]:
    """Return what two rows at a time are read as, and the notes."""
    pieces = [*column.iter_slices(2)]
    order = prove_order(sum((weigh_dates(piece, layout) for piece in pieces), Evidence()), layout)
    read = [read_dates(piece, layout, order).cells.rows() for piece in pieces]
    return [*chain.from_iterable(read)], order.notes


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-04", "2026-03-04"),
        ("2026-03-04T10:20", "2026-03-04T10:20"),
        ("2026-03-04 10:20:30", "2026-03-04T10:20:30"),
        ("2026-03-04T10:20:30.5", "2026-03-04T10:20:30.500000"),
        ("2026-03-04T10:20:30.123456Z", "2026-03-04T10:20:30.123456"),
        ("2026-03-04 10:20:30.1200000", "2026-03-04T10:20:30.120000"),
        ("2026-03-04T10:20Z", "2026-03-04T10:20"),
        ("2026-03-04T10:20:30+02:00", "2026-03-04T08:20:30"),
        ("2026-03-04T10:20:30+0530", "2026-03-04T04:50:30"),
        ("2026-03-04 10:20:30-05", "2026-03-04T15:20:30"),
        ("2026-03-04T23:30-03:00", "2026-03-05T02:30"),
        ("2026-03-04 10:20:30 +0100", "2026-03-04T09:20:30"),
        ("2026-03-04 10:20:30.5 -05:00", "2026-03-04T15:20:30.500000"),
        ("2026-03-04 10:20:30 UTC", "2026-03-04T10:20:30"),
        ("2026-03-04 10:20 GMT", "2026-03-04T10:20"),
        ("04.03.2026\u00a010:20", "2026-03-04T10:20"),
        ("2026-03-04\u202f10:20:30\u00a0+01:00", "2026-03-04T09:20:30"),
        ("4.3.2026", "2026-03-04"),
        ("04.03.2026 9:05", "2026-03-04T09:05"),
        ("2026/03/04", "2026-03-04"),
        ("2026/03/04 10:20:30", "2026-03-04T10:20:30"),
        ("13/04/2026", "2026-04-13"),
        ("4-13-2026 10:20", "2026-04-13T10:20"),
        ("03/03/2026", "2026-03-03"),
        ("29.2.2028", "2028-02-29"),
        ("\u00a02026-03-04\u200b ", "2026-03-04"),
    ],
)
def test_a_date_that_can_be_read_in_one_way_is_read(text: str, instant: str) -> None:
    assert read(text) == [utc(instant)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026-02-30", "not-a-date"),
        ("29.2.2026", "not-a-date"),
        ("3.14.2026", "not-a-date"),
        ("31/04/2026", "not-a-date"),
        ("13/13/2026", "not-a-date"),
        ("2026-W05-1", "not-a-date"),
        ("2026-063", "not-a-date"),
        ("2026-3-4", "not-a-date"),
        ("20260304", "not-a-date"),
        ("46085", "not-a-date"),
        ("10", "not-a-date"),
        ("March", "not-a-date"),
        ("4 March 2026", "not-a-date"),
        ("2026-03-04T24:00", "not-a-date"),
        ("2026-03-04T10:60", "not-a-date"),
        ("2026-03-04T10:20:60", "not-a-date"),
        ("2026-03-04T10", "not-a-date"),
        ("2026-03-04Z", "not-a-date"),
        ("2026-03-04 UTC", "not-a-date"),
        ("2026-03-04 10:20:30  +0100", "not-a-date"),
        ("2026-03-04 10:20:30 +1", "not-a-date"),
        ("2026-03-04\t10:20:30", "not-a-date"),
        ("2026-03-04T10:20+15:00", "not-a-date"),
        ("2026-03-04T10:20 CET", "not-a-date"),
        ("4/13/2026 9:05 PM", "not-a-date"),
        ("3/4-2026", "not-a-date"),
        ("2026.03.04", "not-a-date"),
        ("\u0662\u0660\u0662\u0666-03-04", "not-a-date"),
        ("\uff12\uff10\uff12\uff16-03-04", "not-a-date"),
        ("4.3.26", "two-digit-year"),
        ("03/04/26 10:20", "two-digit-year"),
        ("26-03-04", "two-digit-year"),
        ("1999-12-31", "date-out-of-range"),
        ("31.12.1999", "date-out-of-range"),
        ("0026-03-04", "date-out-of-range"),
        ("2101-01-01", "date-out-of-range"),
        ("2026-03-04T10:20:30.1234567", "date-too-precise"),
        ("03/04/2026", "ambiguous-date"),
        ("3-4-2026 10:20", "ambiguous-date"),
    ],
)
def test_anything_else_is_refused(text: str, code: str) -> None:
    assert read(text) == [code]


@pytest.mark.parametrize(
    ("texts", "read_as"),
    [
        (["03/04/2026", "13/04/2026"], ["2026-04-03", "2026-04-13"]),
        (["04/13/2026", "03/04/2026"], ["2026-04-13", "2026-03-04"]),
        (["3-4-2026", "13/4/2026"], ["2026-04-03", "2026-04-13"]),
        (
            ["03/04/2026", "13/04/2026", "04/13/2026"],
            ["ambiguous-date", "2026-04-13", "2026-04-13"],
        ),
        # These prove nothing: dots, ISO, equal parts, garbage.
        (["03/04/2026", "13.4.2026", "2026-04-13"], ["ambiguous-date", "2026-04-13", "2026-04-13"]),
        (["03/04/2026", "03/03/2026"], ["ambiguous-date", "2026-03-03"]),
        (["03/04/2026", "31/02/2026"], ["ambiguous-date", "not-a-date"]),
        (["03/04/2026", "13/4/26"], ["ambiguous-date", "two-digit-year"]),
        # A refused date proves nothing, but it can contradict.
        (["03/04/2026", "13/04/1926"], ["ambiguous-date", "date-out-of-range"]),
        (
            ["03/04/2026", "13/04/1926", "04/13/2026"],
            ["ambiguous-date", "date-out-of-range", "2026-04-13"],
        ),
    ],
)
def test_the_column_itself_proves_whether_the_day_comes_first(
    texts: list[str], read_as: list[str]
) -> None:
    assert read(*texts) == [utc(text) if text[0] == "2" else text for text in read_as]


@pytest.mark.parametrize(
    ("texts", "read_as"),
    [
        # Slashed dates of a country that puts the month first, opened where dots and day are.
        (["03.04.2026", "03/14/2026"], ["ambiguous-date", "2026-03-14"]),
        (["03.04.2026 10:20", "03.03.2026", "03/14/2026"], ["ambiguous-date", "2026-03-03", None]),
        (["03.04.2026", "03/14/2026", "13.04.2026"], ["2026-04-03", "2026-03-14", "2026-04-13"]),
        (["03.04.2026", "13/04/2026"], ["2026-04-03", "2026-04-13"]),
        (["03.04.2026", "03.14.2026"], ["ambiguous-date", "not-a-date"]),
        (
            ["03.04.2026", "13.04.2026", "03.14.2026"],
            ["ambiguous-date", "2026-04-13", "not-a-date"],
        ),
    ],
)
def test_dots_mean_the_day_first_unless_the_column_says_otherwise(
    texts: list[str], read_as: list[str | None]
) -> None:
    for value, expected in zip(read(*texts), read_as, strict=True):
        assert expected is None or value == (utc(expected) if expected[0] == "2" else expected)


@pytest.mark.parametrize(
    ("column", "refused"),
    [
        # Excel of another country made dates of what it could read, and exchanged day and month.
        ([("2026-03-04", "date"), ("13/04/2026", "text")], [True, False]),
        ([("2026-03-04T10:20:30", "date"), ("04/13/2026", "text")], [True, False]),
        ([("2026-03-03", "date"), ("13/04/2026", "text")], [False, False]),
        # A day that cannot be exchanged, or a text that could be, shows that it was not so.
        ([("2026-03-04", "date"), ("2026-04-13", "date"), ("13/04/2026", "text")], [False] * 3),
        (
            [("2026-03-04", "date"), ("13/04/2026", "text"), ("03/04/2026", "text")],
            [False] * 3,
        ),
        ([("2026-03-04", "date"), ("2026-04-13", "text")], [False, False]),
        ([("2026-03-04", "text"), ("13/04/2026", "text")], [False, False]),
    ],
)
def test_dates_of_a_workbook_beside_what_it_could_not_read_may_be_exchanged(
    column: list[tuple[str | None, str | None]], refused: list[bool]
) -> None:
    read = values(read_dates(mixed_cells(column), AUTO))
    assert [value == "ambiguous-date" for value in read] == refused
    assert all(isinstance(value, datetime) for value in read if value != "ambiguous-date")
    configured = FormatSection(dates=("%d/%m/%Y", "%m/%d/%Y"))
    assert "ambiguous-date" not in values(read_dates(mixed_cells(column[:1]), configured))


def test_exchanged_dates_show_both_readings_and_what_betrayed_them() -> None:
    reading = read_dates(mixed_cells([("2026-03-04", "date"), ("13/04/2026", "text")]), AUTO)
    assert details(reading) == ["2026-03-04 or 2026-04-03", None]
    assert (
        "Dates such as row 2: 2026-03-04 are refused: row 3: 13/04/2026 was left as text, and a "
        "program that expects the other order may have exchanged day and month where it could."
    ) in shown(reading.notes)
    dots = read_dates(cells("03.04.2026", "3/14/2026"), AUTO)
    assert details(dots) == ["2026-04-03 or 2026-03-04", None]
    assert shown(dots.notes)[1:] == (
        "Dates with dots such as row 2: 03.04.2026 are refused: row 3: 3/14/2026 puts month first.",
        "Dates without an offset taken in UTC, for example row 2: 03.04.2026.",
    )


def details(reading: Reading) -> list[str | None]:
    return reading.cells["detail"].to_list()


def test_an_ambiguous_date_shows_both_readings() -> None:
    reading = read_dates(cells("03/04/2026", "3/4/2026 10:20"), AUTO)
    assert details(reading) == [
        "2026-04-03 or 2026-03-04",
        "2026-04-03T10:20:00 or 2026-03-04T10:20:00",
    ]
    assert reading.notes[0].shown == (
        "Nothing proves whether day or month comes first, and 2 ambiguous dates are refused, "
        "for example row 2: 03/04/2026."
    )


def test_notes_tell_the_proof_and_what_was_taken_for_granted() -> None:
    reading = read_dates(cells("03/04/2026", "13/04/2026", "4.3.2026"), BERLIN)
    assert shown(reading.notes) == (
        "Dates read with the day first, proven by row 3: 13/04/2026.",
        "Dates with dots read with the day first, for example row 4: 4.3.2026.",
        "Dates without an offset taken in Europe/Berlin, for example row 2: 03/04/2026.",
    )
    assert read_dates(cells("2026-03-04T10:20Z"), BERLIN).notes == ()


def test_a_time_without_an_offset_is_in_the_configured_zone() -> None:
    texts = ["2026-01-10", "2026-07-10 12:00", "2026-07-10 12:00Z"]
    assert read(*texts, layout=BERLIN) == [
        utc("2026-01-09T23:00"),
        utc("2026-07-10T10:00"),
        utc("2026-07-10T12:00"),
    ]


def test_a_time_that_the_clocks_skipped_or_showed_twice_is_refused_unless_it_has_an_offset() -> (
    None
):
    texts = ["2026-03-29 02:30", "2026-10-25 02:30", "2026-10-25 02:30+01:00"]
    assert read(*texts, layout=BERLIN) == [
        "local-time-missing",
        "local-time-ambiguous",
        utc("2026-10-25T01:30"),
    ]


def test_a_local_time_beyond_the_known_clock_changes_needs_an_offset() -> None:
    texts = ["2099-07-10 12:00", "2100-07-10 12:00", "2100-07-10 12:00+02:00"]
    assert read(*texts, layout=BERLIN) == [
        utc("2099-07-10T10:00"),
        "date-out-of-range",
        utc("2100-07-10T10:00"),
    ]
    assert read("2100-07-10 12:00") == [utc("2100-07-10T12:00")]


def test_a_midnight_that_does_not_exist_is_refused() -> None:
    layout = FormatSection(timezone="Africa/Cairo")
    assert read("2026-04-24", "2026-04-25", layout=layout) == [
        "local-time-missing",
        utc("2026-04-24T21:00"),
    ]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("date", "2026-03-04", utc("2026-03-04")),
        ("date", "2026-03-04T10:20:30", utc("2026-03-04T10:20:30")),
        ("text", "4.3.2026", utc("2026-03-04")),
        ("time", "10:20:30", "not-a-date"),
        ("boolean", "TRUE", "not-a-date"),
        ("number", "46085", "date-is-number"),
    ],
)
def test_a_workbook_says_itself_what_is_a_date(kind: str, text: str, value: object) -> None:
    assert read(text, kind=kind) == [value]


def test_a_number_shows_which_date_it_may_be() -> None:
    reading = read_dates(cells("46085", "46085.75", "99999999", kind="number"), AUTO)
    told = "counted as Excel does it would be 2026-03-04"
    assert details(reading) == [told, told, None]


def test_configured_formats_replace_the_guessing_and_iso_stays() -> None:
    layout = FormatSection(dates=("%d/%m/%Y", "%d.%m.%y"))
    assert read("03/04/2026", "4.3.26", "2026-03-04T10:20Z", "4.3.2026", layout=layout) == [
        utc("2026-04-03"),
        utc("2026-03-04"),
        utc("2026-03-04T10:20"),
        "not-a-date",
    ]


def test_a_configured_format_takes_any_blank_on_one_line() -> None:
    layout = FormatSection(dates=("%m/%d/%Y, %I:%M:%S %p",))
    assert read("3/25/2026, 2:20:30\u202fPM", layout=layout) == [utc("2026-03-25T14:20:30")]


def test_a_date_on_which_two_configured_formats_differ_is_refused() -> None:
    layout = FormatSection(dates=("%d/%m/%Y", "%m/%d/%Y"))
    assert read("03/04/2026", "03/03/2026", "13/04/2026", layout=layout) == [
        "ambiguous-date",
        utc("2026-03-03"),
        utc("2026-04-13"),
    ]


def test_a_format_that_contradicts_iso_leaves_only_workbook_dates_sure() -> None:
    layout = FormatSection(dates=("%Y-%d-%m",))
    assert read("2026-03-04", "2026-13-04", layout=layout) == ["ambiguous-date", utc("2026-04-13")]
    assert read("2026-03-04", kind="date", layout=layout) == [utc("2026-03-04")]


def test_a_zone_that_polars_does_not_know_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match=r"format\.timezone"):
        read("2026-03-04", layout=FormatSection.model_construct(dates="auto", timezone="Mars/Base"))


MOMENTS = st.datetimes(datetime(2000, 1, 2), datetime(2100, 12, 30))  # noqa: DTZ001 - local times


@given(MOMENTS, st.integers(-14 * 60, 14 * 60), st.sampled_from(["T", " "]))
def test_any_time_with_an_offset_is_read_as_that_instant(
    local: datetime, minutes: int, gap: str
) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert read(moment.isoformat(gap)) == [moment.astimezone(UTC)]


@given(MOMENTS, st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"]))
def test_any_local_time_is_the_instant_that_zoneinfo_says_or_refused(
    local: datetime, zone: str
) -> None:
    early, late = (local.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1))
    (value,) = read(local.isoformat(), layout=FormatSection(timezone=zone))
    if local.year == 2100 and zone != "UTC":
        assert value == "date-out-of-range"
    elif early.utcoffset() == late.utcoffset():
        assert value == early.astimezone(UTC)
    else:
        assert value in {"local-time-missing", "local-time-ambiguous"}


@given(st.dates(datetime(2000, 1, 1).date(), datetime(2100, 12, 31).date()), st.booleans())  # noqa: DTZ001
def test_any_slashed_date_is_read_as_itself_once_the_order_is_proven(
    day: datetime, day_first: bool
) -> None:
    order = "{0.day}/{0.month}/{0.year}" if day_first else "{0.month}/{0.day}/{0.year}"
    proof = "31/12/2025" if day_first else "12/31/2025"
    assert read(order.format(day), proof)[0] == utc(day.isoformat())
    (alone,) = read(order.format(day))
    assert alone in {utc(day.isoformat()), "ambiguous-date"}


@given(st.text(alphabet="0123456789-/. :TZ+", max_size=20))
def test_what_is_read_is_a_date_whose_numbers_stand_there(text: str) -> None:
    (value,) = read(text)
    if isinstance(value, datetime):
        assert str((value + timedelta(hours=14)).year) in text or str(value.year) in text


ISO_TIMES = st.from_regex(
    r"\A20[0-9]{2}-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-6][0-9](:[0-6][0-9])?(Z|\+01:00)?)?\Z"
)


@given(st.lists(ISO_TIMES, min_size=1, max_size=6), st.sampled_from([AUTO, BERLIN]))
def test_a_column_of_plain_times_is_read_as_one_with_every_spelling(
    texts: list[str], layout: FormatSection
) -> None:
    every = "2026-03-04T10:20:30.5+01:00"
    assert read(*texts, layout=layout) == read(*texts, every, layout=layout)[:-1]


@given(
    column=st.lists(
        st.tuples(
            st.sampled_from(
                [
                    *("2026-03-04", "2026-03-29 02:30", "2026-10-25 02:30", "4.3.2026", "46053"),
                    *("2026-03-04T10:20Z", "2026-03-04T10:20:30.1234567", "1999-01-01", "x", ""),
                    *("03/04/2026", "04/04/2026", "13/04/2026", "04/13/2026", "3/4/26", None),
                    *("03.14.2026", "14.3.2026"),
                ]
            ),
            st.sampled_from([None, None, None, "text", "date", "number", "error"]),
        ),
        max_size=6,
    ).flatmap(lambda drawn: st.lists(st.sampled_from(drawn or [(None, None)]), max_size=20)),
    layout=st.sampled_from([AUTO, BERLIN, FormatSection(dates=("%d/%m/%Y",))]),
)
def test_a_column_that_repeats_its_dates_and_its_pieces_are_read_as_cell_by_cell(
    column: list[tuple[str | None, str | None]], layout: FormatSection
) -> None:
    frame = mixed_cells(column)
    order = prove_order(weigh_dates(frame, layout), layout)
    quickly, slowly = read_dates(frame, layout), _read(frame, layout, order)
    assert quickly.cells.schema == slowly.cells.schema
    assert quickly.cells.rows() == slowly.cells.rows()
    assert in_pieces(frame, layout) == (quickly.cells.rows(), quickly.notes)
