"""The playbook: from a TensorFlow model and a promise to a configuration and the record that proves it.

Its interface is the command `playbook` and the packages of its verbs, whose `__all__` notebooks use. It runs from an
editable checkout: the notebooks, parameters and templates beside lib/ are part of it.
"""

__all__: list[str] = []
