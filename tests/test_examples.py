"""The examples in the docstrings of the package do what they show."""

import doctest
import importlib
from pathlib import Path

import datacheck

PACKAGE = Path(datacheck.__file__).parent
WITH_EXAMPLES = [path for path in sorted(PACKAGE.rglob("*.py")) if ">>> " in path.read_text()]


def test_each_example_shows_what_its_code_returns():
    failed, tried = [], 0
    for path in WITH_EXAMPLES:
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        said: list[str] = []
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        for test in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name)):
            runner.run(test, out=said.append)
        tried += runner.tries
        failed += [f"{name}: {''.join(said)}"] if runner.failures else []
    assert failed == []
    assert tried > len(WITH_EXAMPLES) > 50
