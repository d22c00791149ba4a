"""The page of a run: verdict first, every section from what there is, a sentence for whatever is missing or broken."""

import json
import re
import shutil
from xml.etree import ElementTree

import duckdb
import fake_run
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from playbook import analyze
from playbook.analyze import analysis
from playbook.drawing import bars, canvas, curves, palette, timeline
from playbook.errors import QueryFailed, RecordExists, RecordUnreadable
from playbook.promise import Promise
from playbook.records import journal, record, run_folder
from playbook.report import catalogue, opening, report


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    run = fake_run.make(tmp_path_factory.mktemp("outputs") / "20260101T000000Z-quick", seconds=2.0)
    first = run_folder.read(run).rows(0).scheduled_ns[0]
    journal.note(run, "adapt", "batch_timeout_micros", 0, 2000, "rate above 100/s", at_ns=int(first) + 4 * 10**9)
    report.write(run)
    return run


def test_the_title_and_the_verdict_come_first_and_the_sections_follow(whole):
    page = (whole / "record.md").read_text()
    title, about, headline = page.split("\n\n")[:3]
    assert title == "# digits: measured"
    assert "the embedded server (not TensorFlow Serving itself)" in about
    assert headline.startswith("**digits on the embedded server (not TensorFlow Serving itself): NOT PROVEN: ")
    assert headline.endswith("run 65_prove.**")
    titles = re.findall(r"^## (.*)", page, re.M)
    assert titles[:3] == ["Throughput against tail latency", "Where the time goes", "Capacity, and what is proven"]
    assert titles[-3:] == ["Environment", "What these numbers do not tell", "Repeat it"]
    assert "playbook run params/quick.yml" in page
    assert "could not be made" not in page


def test_tables_are_markdown_and_pictures_stand_beside_the_page(whole):
    page = (whole / "record.md").read_text()
    assert "<table" not in page
    assert "<div" not in page
    pictures = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", page)
    assert [name for _, name in pictures] == [
        "figures/throughput_p99.svg",
        "figures/latency_percentiles.svg",
        "figures/ledger.svg",
        "figures/timeline.svg",
    ]
    for alt, name in pictures:
        assert len(alt) > 40
        drawn = (whole / name).read_text()
        assert ElementTree.fromstring(drawn).get("aria-label") == alt
        assert len(drawn) < 100_000
        assert "prefers-color-scheme:dark" in drawn


def test_the_html_is_one_file_for_light_and_dark_that_fetches_nothing(whole):
    html = (whole / "record.html").read_text()
    assert html.count('<svg xmlns="http://www.w3.org/2000/svg"') == 4
    assert "<img" not in html
    assert "<script" not in html
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', html)
    assert len(re.findall(r'<svg [^>]*role="img" aria-label="[^"]{40,}"', html)) == 4


def test_the_same_run_gives_the_same_page(whole):
    before = (whole / "record.md").read_bytes(), (whole / "figures" / "ledger.svg").read_bytes()
    report.write(whole)
    assert ((whole / "record.md").read_bytes(), (whole / "figures" / "ledger.svg").read_bytes()) == before


def test_the_index_lists_all_runs_newest_first_with_a_sparkline(whole, tmp_path):
    for day, slow in (("01", 1.0), ("02", 1.3), ("03", 1.1)):
        fake_run.make(tmp_path / f"202601{day}T000000Z-quick", seconds=1.0, slow=slow, plan=(("closed", 1, None),))
    for run in sorted(tmp_path.glob("2026*")):
        content = json.loads((run / "export.json").read_text())
        (run / "export.json").write_text(json.dumps({**content, "created_utc": run.name}))
    report.write(tmp_path / "20260102T000000Z-quick")
    page = (tmp_path / "index.md").read_text()
    shown = re.findall(r"\[(\S+)\]\(\S+/record.md\)", page)
    assert shown == ["20260103T000000Z-quick", "20260102T000000Z-quick", "20260101T000000Z-quick"]
    assert re.search(r"\| digits \| embedded \| [▁-█]{3} \|", page)
    assert 'href="20260103T000000Z-quick/record.html"' in (tmp_path / "index.html").read_text()


def test_list_and_show_speak_in_the_terminal(whole):
    listing = catalogue.listing(whole.parent)
    header, first = listing.splitlines()[:2]
    assert header.split() == [
        "run",
        "date",
        "model",
        "and",
        "server",
        "promise",
        "answer",
        "rate",
        "p99",
        "ms",
        "gain",
        "tags",
    ]
    assert first.startswith("20260101T000000Z-quick")
    assert "digits on embedded" in first
    shown = report.show(whole)
    assert "WHERE THE TIME GOES" in shown
    assert "![" not in shown
    assert report.headline(whole) in shown
    with pytest.raises(QueryFailed, match="no such folder"):
        catalogue.listing(whole / "nowhere")


@pytest.mark.parametrize("kept", [(), ("export",), ("serve",), ("export", "serve"), ("stress",)])
def test_a_run_with_some_stages_still_has_a_page(whole, tmp_path, kept):
    run = tmp_path / "20260105T000000Z-part"
    run.mkdir()
    for verb in kept:
        shutil.copy(whole / f"{verb}.json", run)
    page = report.write(run).read_text()
    assert page.split("\n\n")[2].startswith("**")
    assert "could not be made" not in page
    if "stress" in kept:
        assert "has no raw rows" in page


def test_the_headline_names_the_server_even_where_nothing_was_reached(whole, tmp_path):
    run = tmp_path / "20260108T000000Z-served"
    run.mkdir()
    shutil.copy(whole / "serve.json", run)
    assert "the embedded server (not TensorFlow Serving itself): " in report.write(run).read_text().split("\n\n")[2]


def test_without_a_valid_level_nothing_is_claimed_of_proof_goodput_or_cost(whole, tmp_path):
    run = shutil.copytree(whole, tmp_path / "20260109T000000Z-doubtful")
    told = json.loads((run / "stress.json").read_text())
    told["results"] |= {"best": None, "levels": [level | {"valid": False} for level in told["results"]["levels"]]}
    (run / "stress.json").write_text(json.dumps(told))
    promise, prices = Promise(3.0), analysis.Prices(0.04)
    sure, doubtful = (analysis.results(run_folder.read(folder), promise, prices=prices) for folder in (whole, run))
    claims = ("certificate", "goodput_rps", "cost")
    assert all(sure[claim] for claim in claims)
    assert [doubtful[claim] for claim in claims] == [None, None, None]
    assert doubtful["bottleneck"] == sure["bottleneck"]
    assert any(problem.startswith("No level is VALID") for problem in doubtful["problems"])


@pytest.mark.parametrize(("realtime", "told"), [(False, True), (True, False), (None, False)])
def test_a_client_that_shared_its_core_is_among_what_the_numbers_do_not_tell(whole, tmp_path, realtime, told):
    run = stressed(tmp_path / "20260110T000000Z-shared", [a_level(whole, client_realtime=realtime)])
    page = report.write(run).read_text()
    assert ("had no right to go before it (`playbook doctor` says what it takes)" in page) == told


def stressed(folder, rows, frame=None):
    """A run of these levels, with one file of requests for level 0."""
    folder.mkdir()
    fake_run.save(folder, rows)
    if frame is not None:
        record.write_parquet(folder / "data" / "requests" / "stress_000" / "requests.parquet", frame)
    return folder


def a_level(whole, **changes):
    return {**run_folder.read(whole).levels[0], **changes}


def test_an_empty_level_is_a_sentence_and_the_rest_stands(whole, tmp_path):
    nothing = {
        f"latency_{name}_ms": None for name in ("mean", "p50", "p90", "p95", "p99", "p99_low", "p99_high", "max")
    }
    empty = a_level(whole, requests=0, throughput_rps=0.0, success_rate=0.0, valid=False, **nothing)
    run = stressed(tmp_path / "20260106T000000Z-empty", [empty])
    page = report.write(run).read_text()
    assert "is empty: no request was sent in its window." in page
    assert "could not be made" not in page


def test_all_requests_failed_is_a_sentence_and_the_rest_stands(whole, tmp_path):
    count = 50
    frame = pd.DataFrame({"level": [0] * count, "worker": 0, "scheduled_ns": np.arange(count) * 10**6})
    frame = frame.assign(sent_ns=frame["scheduled_ns"], done_ns=frame["scheduled_ns"] + 5, status=503, error="http")
    failed = a_level(whole, requests=count, errors=count, success_rate=0.0, throughput_rps=0.0, valid=False)
    failed |= {"latency_p99_ms": None, "latency_p99_low_ms": None, "latency_p99_high_ms": None}
    run = stressed(tmp_path / "20260107T000000Z-failed", [failed], frame)
    page = report.write(run).read_text()
    assert "all 50 requests failed" in page
    assert "could not be made" not in page


def test_a_future_schema_a_broken_record_and_a_half_file_are_named(whole, tmp_path):
    run = tmp_path / "20260108T000000Z-odd"
    shutil.copytree(whole, run)
    (run / "tune.json").write_text(json.dumps({"schema_version": 99}))
    (run / "serve.json").write_text('{"schema_version": 1, "resul')
    part = run / "data" / "requests" / "stress_001" / "requests.parquet"
    part.write_bytes(part.read_bytes()[:1000])
    page = report.write(run).read_text()
    assert "has schema 99, this playbook reads up to 1" in page
    assert "serve.json is not readable JSON" in page
    assert "level 1 (4 clients in a closed loop) has no raw rows" in page
    assert "could not be made" not in page


def test_a_section_that_breaks_says_so_and_the_others_stand(whole, tmp_path):
    run = tmp_path / "20260109T000000Z-wrong"
    shutil.copytree(whole, run)
    path = run / "data" / "changes.parquet"
    duckdb.sql("SELECT 'not a time' AS at_ns").write_parquet(str(path))
    page = report.write(run).read_text()
    assert "This part could not be made" in page
    assert "## Environment" in page


def test_no_such_run_is_said(tmp_path):
    with pytest.raises(RecordUnreadable, match="nothing is there"):
        report.write(tmp_path / "nowhere")


def test_an_analysis_is_kept_once_and_the_same_one_is_fine(whole, tmp_path):
    run_dir = tmp_path / "20260110T000000Z-kept"
    shutil.copytree(whole, run_dir)
    run = run_folder.read(run_dir)
    found = analysis.results(run, Promise(3.0))
    kept = record.keep(run_dir, analyze, {}, found)
    assert record.keep(run_dir, analyze, {}, analysis.results(run, Promise(3.0))) == kept
    with pytest.raises(RecordExists, match=r"says something else: results\.capacity"):
        record.keep(run_dir, analyze, {}, analysis.results(run, Promise(4.0)))


def test_pictures_differ_between_light_and_dark_and_are_drawn_once():
    picture = curves.throughput_p99([], 50.0)
    assert picture.png("light") != picture.png("dark")
    assert picture.png("light") is picture.png("light")
    assert picture._repr_mimebundle_()["text/plain"] == picture.alt


def test_every_colour_of_an_svg_follows_the_theme_and_words_on_shapes_stay_legible(whole):
    """WCAG 2.2: 4.5 to 1 for words."""
    run = run_folder.read(whole)
    ledger = analysis.results(run, Promise(3.0))["ledger"]
    drawn = bars.ledger_bars(ledger).svg().partition("</style>")[2]
    assert not re.findall(r"#[0-9a-f]{6}\b", drawn)
    assert "var(--on" in drawn
    for theme in ("light", "dark"):
        colours = palette.variables(theme)
        for number in range(10):
            assert contrast(colours[f"on{number}"], colours[f"s{number}"]) >= 3


def test_in_the_lab_a_picture_is_part_of_the_page_and_elsewhere_an_svg(monkeypatch):
    picture = curves.throughput_p99([], 50.0)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert set(picture._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}
    monkeypatch.setenv("JPY_SESSION_NAME", "notebooks/40_stress.ipynb")
    assert set(picture._repr_mimebundle_()) == {"text/html", "text/plain"}


def contrast(one, two):
    def luminance(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dim = sorted((luminance(one), luminance(two)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_and_words_stand_out_from_the_page(theme):
    """WCAG 2.2: text 4.5 to 1. Lines 3 to 1, but for the two that are only ever fills with an edge."""
    colours = canvas.THEMES[theme]
    assert contrast(colours["ink"], colours["page"]) >= 4.5
    assert contrast(colours["muted"], colours["page"]) >= 4.5
    for colour in colours["series"][:3]:
        assert contrast(colour, colours["page"]) >= 3


@pytest.mark.parametrize(
    ("share", "said"), [(None, "0.1 % failures"), (0.0, "at most 0 % failures"), (0.02, "2 % failures")]
)
def test_the_failures_that_a_promise_allows_are_those_it_was_held_to(tmp_path, share, said):
    params = {"p99_limit_ms": 50.0, "max_error_share": share}
    record.save(tmp_path / "run", "stress", params=params, results={"levels": []}, verdict="held")
    assert said in opening.promise_in_words(run_folder.read(tmp_path / "run"))


def test_names_of_levels_do_not_cover_one_another():
    crowd = [fake_run._row(_frame(n), n, "closed", n, None, 1.0) for n in (15, 16, 17, 18)]
    assert len({(round(v["throughput_rps"], 3), v["latency_p99_ms"]) for v in crowd}) == 1
    figure = Figure()
    curves.throughput_p99(crowd, 50.0).draw(figure, canvas.LIGHT)
    spots = {text.get_text(): text.get_position() for text in figure.axes[0].texts if "clients" in text.get_text()}
    assert len(set(spots.values())) == 4


def test_a_number_in_a_ledgers_bar_lies_inside_its_part():
    ledgers = []
    for tenths in range(1, 60, 2):  # a middle part from too narrow for any number to wide enough
        parts = {"client": 59_912, "network_http": 9_988 * tenths, "graph_run": 74_345}
        ledgers.append({"load": str(tenths), "mean_ns": parts, "total_ns": sum(parts.values())})
    shown = 0
    picture = bars.ledger_bars(ledgers)
    figure = Figure(picture.size_in, layout="constrained")
    picture.draw(figure, canvas.LIGHT)
    figure.draw_without_rendering()
    for axes in figure.axes:
        pieces = [piece.get_window_extent() for piece in axes.patches]
        for text in axes.texts:
            box = text.get_window_extent()
            assert any(part.x0 <= box.x0 and box.x1 <= part.x1 and part.y0 <= box.y0 <= part.y1 for part in pieces)
            shown += 1
    assert 30 < shown < 2 * 3 * len(ledgers)  # some are left out, not all


def _frame(number):
    return pd.DataFrame({"scheduled_ns": np.zeros(100), "done_ns": np.linspace(1e6, 5e6, 100), "level": number})


def test_the_time_axis_has_rate_p99_cpu_and_the_change(whole):
    seen = timeline.read(run_folder.read(whole))
    assert np.nanmax(seen.rate_rps.values) == pytest.approx(2400, rel=0.05)
    assert np.isnan(seen.p99_ms.values).any()
    assert len(seen.cpu["server"].values) > 3
    assert [words for _, words in seen.changes] == ["batch_timeout_micros 0 → 2000"]
    assert "4 s batch_timeout_micros 0 → 2000" in timeline.picture(seen, 3.0).alt


def test_a_run_that_only_tuned_knows_which_server_it_was(tmp_path):
    tuned = run_folder.RunFolder(tmp_path, {"tune": {"params": {"server": "docker"}, "results": {}}})
    assert tuned.server == "docker"
    assert run_folder.RunFolder(tmp_path, {}).server == "unknown"
