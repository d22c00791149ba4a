"""The tolerance beside the requests is read, or refused with its file's name before any load."""

from __future__ import annotations

import pytest

from loadgen import Level, LevelError, hold
from loadgen.__main__ import main
from loadgen.bodies import read_bodies

BROKEN = {
    "empty": b"",
    "cut off": b'{"rtol": 1e-',
    "not text": b"\xff\xfe{}",
    "a list": b"[1e-5, 1e-6]",
    "a number": b"1e-5",
    "null": b'{"rtol": null}',
    "words": b'{"atol": "small"}',
    "an object": b'{"atol": {}}',
    "negative": b'{"rtol": -1}',
    "not a number": b'{"rtol": NaN}',
    "without end": b'{"atol": Infinity}',
    "too long": b'{"atol": 1' + b"0" * 400 + b"}",
    "too deep": b"[" * 100_000,
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "00000.body").write_bytes(b"{}")
    return tmp_path


@pytest.mark.parametrize("case", BROKEN)
def test_a_tolerance_that_is_none_is_refused_with_its_file(case, folder):
    (folder / "check.json").write_bytes(BROKEN[case])
    with pytest.raises(LevelError, match=r"check\.json' holds no tolerance .*write numbers of at least 0"):
        hold(Level("http://127.0.0.1:1/", bodies=folder, concurrency=1), folder / "out")


def test_the_command_says_so_without_a_traceback(folder, capsys):
    (folder / "check.json").write_bytes(b"{")
    with pytest.raises(SystemExit) as ended:
        main(["--url", "http://127.0.0.1:1/", "--bodies", str(folder), "--concurrency", "1"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "check.json" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("text", "rtol", "atol"), [('{"rtol": 0.5}', 0.5, 1e-6), ('{"rtol": 0, "atol": 2, "by": "me"}', 0, 2)]
)
def test_what_the_tolerance_leaves_out_is_the_default(text, rtol, atol, folder):
    (folder / "check.json").write_text(text)
    read = read_bodies(folder)
    assert (read.rtol, read.atol) == (rtol, atol)
