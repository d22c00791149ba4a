"""Rules of the lines that start a container: what a shell makes of them, the options and mounts of docker run."""

from __future__ import annotations

# id, severity, message, remedy, source; line breaks stand where a sentence is longer than a line
# fmt: off
ROWS = (
    ("line-not-continued", "error",
     "{word} begins a command of its own: the line above does not end in a backslash, or a blank or comment stands "
     "behind it, so what follows never reaches the server.",
     "End the line above with a backslash and nothing behind it.",
     "bash(1); docker run reference"),
    ("prompt-in-script", "error",
     "{word} before {command} is a console's prompt: in a script it is the name of a program, which no shell finds, so "
     "that the command never runs.",
     "Drop it.",
     "bash(1)"),
    ("unit-relative-file", "error",
     "--{flag}={path} is relative, and systemd starts a service in /: the server looks for {where}.",
     "Name the file by its whole path, or set WorkingDirectory=.",
     "systemd.exec(5)"),
    ("unit-without-shell", "warning",
     "ExecStart is run without a shell: {word} and what stands behind it are arguments that the server does not know, "
     "and do nothing.",
     "Use StandardOutput=append:/path, ExecStartPre= and the like, or start it by sh -c \"exec ...\".",
     "systemd.service(5)"),
    ("assignment-with-blanks", "error",
     "{name} is set with blanks around its =: the shell runs a program called {name}, and the variable stays empty.",
     "Write {name}=value, without blanks.",
     "bash(1)"),
    ("variable-not-set", "error",
     "${name} is set nowhere in this text, and {other}, which is, is used nowhere: nothing is mounted at {target}.",
     "Write ${other}.",
     "bash(1); docker run reference"),
    ("docker-run-without-image", "error",
     "docker run does not reach its image: {problem}.",
     "{remedy}",
     "docker run reference; bash(1)"),
    ("docker-option-unknown", "error",
     "docker {verb} has no option {word}: it says so and does nothing.",
     "{remedy}",
     "docker run reference"),
    ("mount-without-source", "error",
     "--mount {value} gives no {what}: docker refuses it.",
     "Write source=/absolute/path,target=/path/inside in one word, without blanks.",
     "docker run reference"),
    ("mount-not-bind", "error",
     "A mount without type=bind is one of a volume, and {source} is no volume's name: docker refuses to start.",
     "Write --mount type=bind,{value}.",
     "docker volume reference"),
    ("mount-source-relative", "error",
     "Mount source {source} is relative: docker refuses it or reads it as a volume's name.",
     "Write \"$PWD/{source}:{target}\".",
     "docker run reference"),
    ("volume-without-target", "error",
     "-v {value} names no place in the container: docker makes an empty volume at that path, and mounts nothing.",
     "Write -v {value}:/models/<name>.",
     "docker run reference"),
)
