"""Where a server runs, in words."""

from playbook.serve import cores


def test_the_cores_of_an_attached_server_are_not_named() -> None:
    assert cores.on_cores("attach", [0, 1]) == "on cores not known here"
    assert cores.on_cores("embedded", [0, 1]) == "on cores 0, 1"
    assert cores.on_cores("embedded", []) == "on any core"
