"""Every command line in the documents has arguments that its module takes, and all that it wants; every path that they link to is there."""

import argparse
import importlib
import re
import shlex
import unittest
import unittest.mock
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
DOCUMENTS = ("README.md", "REPRODUCTION.md")
WITHOUT_OPTIONS = ("fixtures", "baseline_size")


class Seen(Exception):
    """The parser that a module's main made."""


def parser_of(module):
    def stop(self, *_):
        raise Seen(self)

    with unittest.mock.patch.object(argparse.ArgumentParser, "parse_args", stop):
        try:
            importlib.import_module(f"emc2_training.{module}").main()
        except Seen as seen:
            return seen.args[0]


def commands(text):
    """[(module, words)] of the lines in the blocks of code."""
    for block in re.findall(r"```\n(.*?)```", text, re.S):
        for line in block.replace("\\\n", " ").splitlines():
            found = re.match(r"python -m emc2_training\.(\w+) (.*?)(?: > .*)?$", line.strip())
            if found:
                yield found[1], shlex.split(found[2], comments=True)


class Documents(unittest.TestCase):
    def test_commands_have_arguments_that_are_taken(self):
        parsers, count = {}, 0
        for name in DOCUMENTS:
            for module, words in commands((HERE / name).read_text()):
                if module in WITHOUT_OPTIONS:
                    continue
                if module not in parsers:
                    parsers[module] = parser_of(module)
                parser = parsers[module]
                with self.subTest(document=name, command=f"{module} {' '.join(words)}"):
                    with unittest.mock.patch.object(parser, "error", self.fail):
                        parser.parse_args(words)
                count += 1
        self.assertGreater(count, 20)

    def test_what_they_link_to_is_there(self):
        for name in DOCUMENTS:
            for target in re.findall(r"\]\(([^)#]+)\)", (HERE / name).read_text()):
                self.assertTrue((HERE / target).exists(), f"{name}: {target}")


if __name__ == "__main__":
    unittest.main()
