"""Rules of an image's build: steps that use what is made later, and files that no stage has."""

from __future__ import annotations

# id, severity, message, remedy, source; line breaks stand where a sentence is longer than a line
# fmt: off
ROWS = (
    ("instruction-empty", "error",
     "{word} stands alone, and Docker asks for a word behind it: the image is not built.",
     "Say what is meant, or drop the line.",
     "Dockerfile reference"),
    ("printed-not-written", "warning",
     "RUN prints {what} while the image is built, and writes it into no file: {effect}.",
     "Write it where it is read: end the RUN with > and the file's path (a script needs chmod +x, too).",
     "Dockerfile reference; echo(1)"),
    ("used-before-made", "error",
     "RUN uses {path}, which {word} brings in line {later} alone: the step finds nothing, and the image is not built.",
     "Move the step behind that line{other}.",
     "Dockerfile reference"),
    ("folder-never-made", "error",
     "RUN needs the folder {path}, which no step makes and the image does not have: the image is not built.",
     "Make it first: mkdir -p {path}.",
     "tools/docker/Dockerfile; Dockerfile reference"),
    ("copy-ignored", "error",
     "{word} takes {source}, which {where} leaves out of the build: the image is not built.",
     "Let it in again behind that line: !{source}.",
     "docker build: .dockerignore files"),
    ("copy-not-in-image", "error",
     "COPY --from={stage} takes {source}, which {image} does not contain: the image is not built.",
     "{remedy}",
     "tools/docker/Dockerfile; Dockerfile reference"),
    ("cmd-taken-over", "error",
     "CMD starts the server, and the CMD of line {later} takes its place, as an image has one: it is never started.",
     "Start it in a container of its own, or start both by one script.",
     "Dockerfile reference"),
    ("argument-before-from", "warning",
     "{name} is an ARG in front of FROM, which no step behind it knows: {effect}.",
     "Write ARG {name} again behind FROM.",
     "Dockerfile reference"),
)
