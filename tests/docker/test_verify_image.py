"""`playbook verify --image` over containers: the embedded server's image stands in for TensorFlow Serving's."""

from playbook.verify import asking, first_step, kept, verify
from playbook.verify.asking import DIFFERS
from playbook.verify.image_place import ImagePlace
from playbook.verify.setups import SETUPS

QUICK = ("start", "end", "REST", "metrics", "versions")


def test_an_image_is_asked_in_containers_that_are_gone_afterwards(image, engine, tmp_path):
    place = ImagePlace(image, SETUPS)
    try:
        chosen = [question for question in verify.QUESTIONS if question.area in QUICK]
        answers = list(asking.ask_all(chosen, place))
        facts = place.facts()
    finally:
        place.close()
    assert [answer for answer in answers if answer.answer == DIFFERS] == []
    assert {answer.name for answer in answers} >= {"entrypoint", "flags", "sigterm", "swap", "warmup"}
    assert not engine.containers.list(all=True, filters={"label": "playbook.name=verify"})
    found = kept.results(verify.identity_of(facts), facts, answers, [])
    kept.write(tmp_path, found)
    said: list[str] = []
    first_step.take(tmp_path, tmp_path, {"server": "docker", "image": image}, said.append, fresh=True)
    assert said == [f"The server: {kept.sentence(found)}."]
