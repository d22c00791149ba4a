"""--fix makes one word of a flag and its value, however they stand apart; and takes no number from where it is none."""

from tables import each_row

from playbook.lint import fixes
from playbook.lint.joining import GONE, join
from playbook.lint.linter import examine

APART = {
    "a blank": (["run --num_load_threads 3 --port=8500"], ["run --num_load_threads=3 --port=8500"]),
    "a shell's next line": (["run --num_load_threads \\", "  3 \\", "  --port=8500"],
                            ["run --num_load_threads=3 \\", "  --port=8500"]),
    "blanks around the equals sign": (["run --num_load_threads = 3 \\"], ["run --num_load_threads=3 \\"]),
    "quotes of a shell": (["  '--num_load_threads' \\", '  "3"'], ["  '--num_load_threads=3'"]),
    "items of YAML with a note between": (["- --num_load_threads", "# as measured", "- '3'"],
                                          ["- --num_load_threads=3", "# as measured"]),
    "JSON on one line": (['CMD ["--num_load_threads", "3"]'], ['CMD ["--num_load_threads=3"]']),
    "JSON over lines": (['["--num_load_threads", \\', '  "3"]'], ['["--num_load_threads=3"]']),
    "calls of Python": (["c.append('--num_load_threads')", "c.append('3')"], ["c.append('--num_load_threads=3')"]),
    "a variable that grows": (['A+=" --num_load_threads"', 'A+=" 3"'], ['A+=" --num_load_threads=3"']),
    "a notebook's lines": ([r'  "  --num_load_threads \\\n",', r'  "  3 \\\n",'], [r'  "  --num_load_threads=3 \\\n",']),  # noqa: E501
    "quotes inside quotes": ([r'"run \"--num_load_threads\" 3"'], [r'"run \"--num_load_threads=3\""']),
}  # fmt: skip


@each_row("how", APART)
def test_a_value_is_joined_to_its_flag(how):
    lines, right = list(APART[how][0]), APART[how][1]
    join(lines, 0, "--num_load_threads", "3")
    assert [line for line in lines if line != GONE] == right


@each_row("apart", [["run --num_load_threads", "", "echo 3"], ["run --num_load_threads=2", "x 3"]])
def test_what_is_no_value_of_it_stays(apart):
    lines = list(apart)
    join(lines, 0, "--num_load_threads", "3")
    assert lines == apart


def test_sizes_are_sorted_by_their_own_numbers_alone(tmp_path):
    text = "num_batch_threads { value: 4 } allowed_batch_sizes: [8, 1, 64] max_batch_size { value: 64 }"
    text += " # max_batch_size: 128\n"
    (tmp_path / "b.config").write_text(text)
    fixes.write(fixes.fixed(examine(tmp_path)))
    assert (tmp_path / "b.config").read_text() == text.replace("[8, 1, 64]", "[1, 8, 64]")
