"""Shell text as simple commands: quotes, continuation lines, here-documents, redirections and known variables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playbook.lint.forms.shell_numbers import counted, number
from playbook.lint.forms.shell_quotes import is_apostrophe, is_closed
from playbook.lint.forms.shell_variables import PART, assign, fed_text, laid_out, parted, unquoted
from playbook.lint.forms.simple import Simple, ungrouped
from playbook.lint.forms.text import Word, expand

_HEREDOC = re.compile(r"<<(-?)\s*(\\?['\"]?)(\w+)['\"]?")
# `<your model>`, `[your model]` and `{your model}` in documents
_PLACEHOLDER = re.compile(
    r"<[^\W\d_][\w /.,:'\"{}-]*>|(?<==)< [A-Z][\w /.,:-]*>|\[[A-Za-z]+(?:[ _][A-Za-z]+)+\]|\{[A-Za-z]+(?: [A-Za-z]+)+\}"
)
_ARRAY = re.compile(r"([A-Za-z_]\w*)(\+?)=\(")
_WHOLE_NAME = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_WHOLE_ARRAY = re.compile(r"\$\{(\w+)\[[@*]\]\}")
_KEPT = re.compile(r"\$\{(\w+):?=.*\}", re.DOTALL)
_DROPPED = "\x1e"  # a line's end inside quotes that a backslash takes away
_ENDS = ("&&", "||", ";;", ";", "|", "&", "\n", "(", ")")


def simple_commands(text: str, values: dict[str, str] | None = None, first_line: int = 1) -> Iterator[Simple]:
    """The simple commands of a script, in order; `values` are variables known so far, and are filled on the way.

    What a variable or `$(...)` stands for is left as it is written where it is not known here.
    """
    scan = _Scan(text, first_line, {} if values is None else values)
    commands: list[Simple] = []
    while not scan.done:  # all of it first: a here-document stands behind the command that it feeds
        scan.unclosed = None
        command = scan.command()
        command.unclosed = scan.unclosed
        if command.words or command.target:
            assign(command, scan.values)
            counted(command, scan.values)
            if command.words[:2] == ["set", "--"]:
                scan.arrays["@"] = command.words[2:]
            commands.append(command)
    yield from ungrouped(commands)


class _Scan:
    """A cursor over shell text."""

    def __init__(self, text: str, line: int, values: dict[str, str]):
        self.text, self.place, self.line, self.values = text, 0, line, values
        self.arrays: dict[str, list[Word]] = {}
        self.waiting: list[tuple[Simple, str, bool, bool]] = []
        self.unclosed: int | None = None  # the line of a quote that nothing closes

    @property
    def done(self) -> bool:
        return self.place >= len(self.text)

    def command(self) -> Simple:
        """Read up to the next end of a command."""
        command = Simple()
        while not self.done:
            self._blanks()
            end = next((end for end in _ENDS if self.text.startswith(end, self.place)), "")
            if end and not self.text.startswith("&>", self.place):
                self.place, command.end = self.place + len(end), end
                if end == "\n":
                    self.line += 1
                    self._here_documents()
                return command
            if self.done:
                break
            if self.text[self.place] == "#":
                self._skip_line()
            elif (here := _HEREDOC.match(self.text, self.place)) and not self.text.startswith("<<<", self.place):
                self.waiting.append((command, here[3], here[1] == "-", not here[2]))
                self.place = here.end()
            elif _PLACEHOLDER.match(self.text, self.place):
                command.words.append(self._word())
            elif array := _ARRAY.match(self.text, self.place):
                self._array(array)
            elif redirect := re.compile(r"\d?(>>|>&|&>|>\||>|<<<|<)").match(self.text, self.place):
                self._redirect(command, redirect)
            else:
                begin = self.place
                word = self._unparted()
                whole = _WHOLE_NAME.fullmatch(self.text[begin : self.place].strip('"'))
                value = self.values.get(whole[1] or whole[2]) if whole else None
                if isinstance(value, Word) and value.line and self.text[begin] == '"' and "\n" in value:
                    word = value
                if isinstance(value, Word) and value.line and not value.path and PART in word:
                    command.words += laid_out(value)
                    continue
                used = _WHOLE_ARRAY.fullmatch(word)
                name = used[1] if used else "@" if word in ("$@", "${@}") else ""
                command.words += self.arrays.get(name, [word]) if name else parted(word)
        return command

    def _array(self, array: re.Match) -> None:
        """`NAME=(word ...)` and `NAME+=(word ...)`, over any number of lines."""
        self.place, words = array.end(), []
        while not self.done and self.text[self.place] != ")":
            if self.text[self.place] == "\n":
                self.place, self.line = self.place + 1, self.line + 1
            elif self.text[self.place] == "#":
                self._skip_line()
            elif self.text[self.place] in ";|&(<>":
                self.place += 1
            else:
                words += [self._word()] if not self.text[self.place].isspace() else []
                self._blanks()
        self.place += 1
        self.arrays[array[1]] = (self.arrays.get(array[1], []) if array[2] else []) + words

    def _redirect(self, command: Simple, redirect: re.Match) -> None:
        self.place = redirect.end()
        self._blanks()
        target = self._word() if not self.done and self.text[self.place] not in "\n;|&" else Word("")
        if self.text.startswith("&", self.place) and redirect[1] in (">", ">&"):
            self.place += 1
            self._word()
        elif redirect[1] in (">", ">>", ">|") and not redirect[0].startswith("2"):
            command.target, command.appends = target, redirect[1] == ">>"
        elif redirect[1] == "<<<":
            command.fed, command.fed_line = target.written.replace(PART, " "), target.line or self.line

    def _blanks(self) -> None:
        while not self.done:
            if self.text.startswith("\\\n", self.place):
                self.place, self.line = self.place + 2, self.line + 1
            elif self.text.startswith("\\\r\n", self.place):
                self.place, self.line = self.place + 3, self.line + 1
            elif self.text[self.place] in " \t\r":
                self.place += 1
            else:
                return

    def _skip_line(self) -> None:
        end = self.text.find("\n", self.place)
        self.place = len(self.text) if end < 0 else end

    def _here_documents(self) -> None:
        for command, mark, tabs, expands in self.waiting:
            lines, start = [], self.line
            while not self.done:
                end = self.text.find("\n", self.place)
                end = len(self.text) if end < 0 else end
                line, self.place, self.line = self.text[self.place : end], end + 1, self.line + 1
                if (line.lstrip("\t") if tabs else line).rstrip("\r") == mark:
                    break
                lines.append(line)
            text = "\n".join(lines)
            command.fed, command.fed_line = fed_text(text, self.values) if expands else text, start
        self.waiting = []

    def _word(self) -> Word:
        word = self._unparted()
        return word.with_text(word.replace(PART, " ")) if PART in word else word

    def _unparted(self) -> Word:
        parts, line = [], self.line
        while not self.done:
            letter = self.text[self.place]
            if letter in "<[{" and (placeholder := _PLACEHOLDER.match(self.text, self.place)):
                self.place = placeholder.end()
                parts.append(f"<{placeholder.group()[1:-1]}>")
                continue
            if letter in " \t\r\n" or letter in ";|&()<>":
                break
            if letter == "'" and not is_apostrophe(self.text, self.place):
                parts.append(self._until("'"))
            elif letter == '"':
                parts.append(self._double())
            elif letter == "\\":
                self._escape(parts)
            elif letter == "`":
                parts.append("$(" + self._until("`") + ")")
            elif self.text.startswith(("$(", "${"), self.place):
                parts.append(unquoted(self._dollar()))
            else:
                parts.append(self._plain())
        whole = "".join(parts)
        return Word(whole.replace(_DROPPED, ""), line, written=whole.replace(_DROPPED, "\\\n"))

    def _escape(self, parts: list[str]) -> None:
        following = self.text[self.place + 1 : self.place + 2]
        if following == "\n":
            self.line += 1
        else:
            parts.append(following)
        self.place += 2

    def _plain(self) -> str:
        match = re.compile(r"[^\s'\"\\`;|&()<>$]+|\$\w*").match(self.text, self.place)
        piece = match.group() if match else self.text[self.place]
        mark = _PLACEHOLDER.search(self.text, self.place, self.place + len(piece) + 200)
        piece = piece[: mark.start() - self.place] if mark and mark.start() - self.place < len(piece) else piece
        self.place += len(piece)
        filled = expand(piece, self.values)
        return filled if filled == piece else unquoted(filled)

    def _until(self, mark: str) -> str:
        start = self.place + 1
        end = self.text.find(mark, start)
        end = self._not_closed(start) if end < 0 else end
        self.line += self.text.count("\n", start, end)
        self.place = end + self.text.startswith(mark, end)
        return self.text[start:end]

    def _not_closed(self, start: int) -> int:
        """Where a quote that nothing closes is taken to end: with its line, so that what stands below is read."""
        self.unclosed = self.unclosed or self.line
        end = self.text.find("\n", start)
        return len(self.text) if end < 0 else end

    def _double(self) -> str:
        self.place += 1
        parts: list[str] = []
        end = len(self.text) if is_closed(self.text, self.place) else self._not_closed(self.place)
        while self.place < end and self.text[self.place] != '"':
            if self.text[self.place] == "\\":
                following = self.text[self.place + 1 : self.place + 2]
                self.line += following == "\n"
                parts.append({"\n": _DROPPED}.get(following, following if following in '"\\$`' else "\\" + following))
                self.place += 2
            elif self.text.startswith(("$(", "${"), self.place):
                parts.append(self._dollar())
            elif self.text[self.place] == "`":
                parts.append("$(" + self._until("`") + ")")
            else:
                piece = re.compile(r"[^\"\\$`]+|\$\w*").match(self.text, self.place)
                text = piece.group() if piece else self.text[self.place]
                self.place += len(text)
                self.line += text.count("\n")
                parts.append(expand(text, self.values))
        self.place += self.text.startswith('"', self.place)
        return "".join(parts)

    def _dollar(self) -> str:
        """`$(...)` or `${...}` with its nested ones, as it is written; a known variable is filled in."""
        start, depth = self.place, 0
        pair = {"(": ")", "{": "}"}[self.text[start + 1]]
        while not self.done:
            letter = self.text[self.place]
            depth += letter == self.text[start + 1]
            depth -= letter == pair
            self.line += letter == "\n"
            self.place += 1
            if depth == 0 and letter == pair:
                break
        piece = self.text[start : self.place]
        if (kept := _KEPT.fullmatch(piece)) and kept[1] not in self.values:  # `${NAME:=default}` sets the name, too
            self.values[kept[1]] = expand(piece, self.values)
        if piece.startswith("$((") and (known := number(piece[3:-2], self.values)) is not None:
            return known
        return "$PWD" if piece in ("$(pwd)", "${PWD}") else expand(piece, self.values)
