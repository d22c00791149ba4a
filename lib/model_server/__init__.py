"""TensorFlow Serving's server on TensorFlow's runtime: `python -m model_server FLAGS`, a process of its own.

Its interface is its command line, its ports and its files, as TensorFlow Serving's are: no name is for import.
"""

__all__: list[str] = []
