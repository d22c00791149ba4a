"""A Prometheus page is read as TensorFlow Serving writes it, and every fault of it becomes a sentence."""

import math

import pytest

from playbook.errors import MonitorError
from playbook.monitor.scrape import Parser

PAGE = """# TYPE :tensorflow:serving:request_count counter
:tensorflow:serving:request_count{model_name="di } \\"gits",status="OK"} 12
:tensorflow:serving:request_count{model_name="",status="NOT_FOUND"} 3
# TYPE :tensorflow:serving:request_latency histogram
:tensorflow:serving:request_latency_bucket{API="predict",le="10"} 1
:tensorflow:serving:request_latency_bucket{API="predict",le="1.27482e+06"} 3
:tensorflow:serving:request_latency_bucket{API="predict",le="+Inf"} 4
:tensorflow:serving:request_latency_sum{API="predict"} 1.23457e+06
:tensorflow:serving:request_latency_count{API="predict"} 4
# TYPE :tensorflow:core:graph_runs counter
:tensorflow:core:graph_runs{} 7
# TYPE without_points gauge
"""


def named(series, name):
    return [one for one in series if one.name.endswith(name)]


def test_counters_histograms_and_labels_are_kept_whole():
    series, problems = Parser().parse(PAGE)
    counts = named(series, "request_count")
    assert problems == []
    assert [(one.labels["model_name"], one.value) for one in counts] == [('di } "gits', 12.0), ("", 3.0)]
    (latency,) = named(series, "request_latency")
    assert (latency.kind, latency.sum, latency.count) == ("histogram", 1234570.0, 4.0)
    assert latency.le == [10.0, 1274820.0, math.inf]
    assert latency.buckets == [1.0, 3.0, 4.0]
    assert latency.labels == {"API": "predict"}
    assert named(series, "graph_runs")[0].value == 7.0


def test_a_second_page_is_read_from_what_the_first_one_taught():
    parser = Parser()
    parser.parse(PAGE)
    series, _ = parser.parse(PAGE.replace("} 12", "} 20").replace("{} 7", "{} 9"))
    assert named(series, "request_count")[0].value == 20.0
    assert named(series, "graph_runs")[0].value == 9.0


def test_it_reads_what_prometheus_client_reads():
    from prometheus_client.parser import text_string_to_metric_families

    series, _ = Parser().parse(PAGE)
    theirs = {(s.name, s.value) for family in text_string_to_metric_families(PAGE) for s in family.samples}
    assert (":tensorflow:serving:request_latency_sum", 1234570.0) in theirs
    ours = sum(len(one.buckets) + 2 if one.kind == "histogram" else 1 for one in series)
    assert ours == len(theirs)


@pytest.mark.parametrize("page", ["<!DOCTYPE html><p>Not Found</p>", "  <html></html>", "\n<H1>404</H1>"])
def test_html_is_named_with_the_flag_that_is_missing(page):
    with pytest.raises(MonitorError, match=r"HTML page came.*--monitoring_config_file"):
        Parser().parse(page)


@pytest.mark.parametrize("page", ["hello world", "request_count", "{} 3", 'a{b="c} 4', "a b c\n", "[1, 2]"])
def test_text_that_is_not_prometheus_is_refused_with_the_line(page):
    with pytest.raises(MonitorError, match="Prometheus text was expected"):
        Parser().parse(page)


def test_an_empty_page_is_refused():
    with pytest.raises(MonitorError, match="without one sample"):
        Parser().parse("# TYPE a counter\n")


def histogram(*lines):
    return Parser().parse("# TYPE h histogram\n" + "\n".join(lines) + "\n")


def test_a_missing_infinite_bucket_is_taken_from_the_count():
    (one,), problems = histogram('h_bucket{le="1"} 2', "h_sum{} 9", "h_count{} 5")
    assert one.buckets == [2.0, 5.0]
    assert "no le" in problems[0]


def test_missing_buckets_and_count_leave_only_what_is_known():
    (one,), problems = histogram('h_bucket{le="1"} 2', "h_sum{} 9")
    assert one.buckets == []
    assert len(problems) == 1
    (one,), problems = histogram("h_sum{} 9", "h_count{} 5")
    assert (one.sum, one.count) == (9.0, 5.0)
    assert "means only" in problems[0]


def test_buckets_that_fall_are_not_trusted():
    (one,), problems = histogram('h_bucket{le="1"} 4', 'h_bucket{le="2"} 2', 'h_bucket{le="+Inf"} 5', "h_count{} 5")
    assert one.buckets == []
    assert "do not grow" in problems[0]


def test_a_server_clock_that_steps_back_is_noticed_and_not_used():
    parser = Parser()
    parser.parse("a 1 1700000005000\n")
    _, problems = parser.parse("a 2 1700000002000\n")
    assert problems == ["the server's clock went back 3.000 s; times here are this machine's and are not affected"]
