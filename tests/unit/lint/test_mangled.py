"""Published texts with letters and lines lost, moved and put in: lint says something of each, and never breaks."""

import random

from lint_corpus import CASES

from playbook.lint.linter import examine

SEED = 28
TRIED = 400
LETTERS = "{}[]()\"'\\:\n\t$#-|>=,&%`"


def mangled(text, draw):
    """The text after a few slips of a hand: some letters gone, one typed, a piece twice, a line lost, its end cut."""
    for _ in range(draw.randint(1, 4)):
        if not text:
            break
        place, other = sorted((draw.randrange(len(text)), draw.randrange(len(text))))
        lines = text.split("\n")
        del lines[draw.randrange(len(lines))]
        text = draw.choice([
            text[:place] + text[place + draw.randint(1, 8) :],
            text[:place] + draw.choice(LETTERS) + text[place:],
            text[:other] + text[place:other][:200] + text[other:],
            "\n".join(lines),
            text[:place],
        ])  # fmt: skip
    return text


def test_a_mangled_text_ends_in_findings_and_no_traceback(tmp_path):
    draw = random.Random(SEED)
    names = draw.sample(sorted(CASES), TRIED)
    broken = []
    for name in names:
        folder = tmp_path / name
        for file, content in CASES[name][0].items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(mangled(content, draw))
        try:
            assert examine(folder).findings is not None
        except Exception as error:
            broken.append((name, repr(error)))
    assert broken == []
